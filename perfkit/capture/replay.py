"""A saved track played back as a tracker: what needs a tracker runs without a model or a face.

In: a PerformanceTrack. Out: its frames, one per call.
"""

import numpy as np

from perfkit.capture.protocol import Observation
from perfkit.errors import CaptureError
from perfkit.track import FrameFlag, PerformanceTrack


class ReplayTracker:
    """Gives a track's frames in order, whatever the pixels are."""

    def __init__(self, track: PerformanceTrack) -> None:
        self._track = track
        self._next_index = 0

    @property
    def versions(self) -> dict[str, str]:
        """The trackers that made the track."""
        return dict(self._track.trackers)

    def track(self, image_rgb: np.ndarray, seconds: float) -> Observation:
        """Return the track's next frame.

        Raises:
            CaptureError: The track has no more frames, or the picture has another size than the track's take.
        """
        track, index = self._track, self._next_index
        size_wh = image_rgb.shape[1::-1]
        if index >= len(track):
            raise CaptureError(f"replay: the track ends after {index} frames and the take goes on; capture this take")
        if size_wh != tuple(track.size_wh):
            raise CaptureError(f"replay: frame {index} is {size_wh}, the track was made of {track.size_wh} px")
        self._next_index += 1
        return Observation(
            face=track.face[index],
            blendshapes=track.blendshapes[index],
            camera_from_head=track.camera_from_head[index],
            face_confidence=float(track.face_confidence[index]),
            body=track.body[index],
            hands=track.hands[index],
            flags=FrameFlag(int(track.flags[index])),
        )

    def close(self) -> None:
        """Nothing to let go of."""
