"""From a take to a PerformanceTrack: decode in one thread, track in others, keep the numbers, drop the pixels."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from perfkit.capture.protocol import Observation, Tracker
from perfkit.capture.settings import CaptureSettings
from perfkit.errors import CaptureError, SettingsError
from perfkit.queues import ReadAhead
from perfkit.rows import keep_rows
from perfkit.take import Take
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.video import digest_take, iterate_frames, open_take

TRACKERS: dict[str, str] = {"mediapipe": "perfkit.capture.mediapipe:MediaPipeTracker"}

NO_TAKE_DIGEST = "live"
"""What stands for a take's digest where there is no take."""

OnProgress = Callable[[int, int], None]

_SEEN_FIELDS: dict[str, type] = {
    "face": np.float32,
    "blendshapes": np.float32,
    "camera_from_head": np.float32,
    "body": np.float32,
    "hands": np.float32,
    "face_confidence": np.float32,
    "flags": np.uint8,
}
"""Field of an Observation, and of a PerformanceTrack -> its dtype in the latter."""


def make_tracker(settings: CaptureSettings) -> Tracker:
    """Return a fresh tracker of the kind that the settings name.

    Raises:
        SettingsError: No tracker has that name; the known ones are listed.
        CaptureError: A required tracker file is absent; the line names the command that gets it.
    """
    if settings.tracker not in TRACKERS:
        raise SettingsError(f"tracker {settings.tracker!r} is unknown; known are {', '.join(sorted(TRACKERS))}")
    module, name = TRACKERS[settings.tracker].split(":")
    return getattr(import_module(module), name)(settings)


def capture_take(
    path: str | Path, settings: CaptureSettings | None = None, *, on_progress: OnProgress | None = None
) -> PerformanceTrack:
    """Track the performer of a take.

    Args:
        path: A video file.
        settings: What to track, and with what; everything by default.
        on_progress: Called as (frames done, frames in all) after every frame.

    Raises:
        MediaError: The take cannot be read to its end; the line says where it breaks.
        CaptureError: No face in the whole take, or a tracker file is absent.
    """
    take = open_take(path)
    tracker = make_tracker(settings or CaptureSettings())
    try:
        return record(take, tracker, on_progress=on_progress)
    finally:
        tracker.close()


def record(take: Take, tracker: Tracker, *, on_progress: OnProgress | None = None) -> PerformanceTrack:
    """Return what a tracker sees in a take's frames; the tracker must be fresh.

    Raises:
        MediaError: The take cannot be read to its end; the line says where it breaks.
        CaptureError: No face in the whole take; the line says how many frames were searched.
    """
    time_base = take.info.time_base
    with closing(_observe(take, tracker, on_progress)) as rows:
        pts, *arrays = keep_rows(rows) or [np.empty(0)] * (1 + len(_SEEN_FIELDS))
    seen: dict[str, Any] = dict(zip(_SEEN_FIELDS, arrays, strict=True))
    if not (seen["face_confidence"] > 0).any():
        num_bodies = int(np.isfinite(seen["body"]).all(axis=(1, 2)).sum()) if len(pts) else 0
        raise CaptureError(
            f"{take.path}: no performer's face found in {len(pts)} frames (a body in {num_bodies}); give a take "
            f"whose face is lit, turned to the camera and at least 40 px high"
        )
    return PerformanceTrack(
        times=FrameTimes(np.array(pts), Fraction(time_base)),
        size_wh=take.info.size_wh,
        take_digest=digest_take(take),
        trackers=tracker.versions,
        notes=take.info.notes,
        **seen,
    )


def _observe(take: Take, tracker: Tracker, on_progress: OnProgress | None) -> Generator[list[np.ndarray], None, None]:
    """Yield the pts of every frame and what is seen in it, one row of each of `_SEEN_FIELDS`."""
    with ReadAhead(iterate_frames(take)) as frames:
        for index, pts, image_rgb in frames:
            observation = tracker.track(image_rgb, float(pts * take.info.time_base))
            if on_progress is not None:
                on_progress(index + 1, max(index + 1, take.info.num_frames_from_content))
            yield [
                np.array([pts], np.int64),
                *(np.asarray(getattr(observation, field), dtype)[None] for field, dtype in _SEEN_FIELDS.items()),
            ]


def track_from_observations(seen: Sequence[tuple[float, Observation]], size_wh: tuple[int, int]) -> PerformanceTrack:
    """Return what was seen with no take behind it, as when a camera runs.

    Args:
        seen: (seconds, observation), in order; the pts are milliseconds, pushed apart where two would be the same.
        size_wh: Of the pictures, px.
    """
    pts = np.round(np.array([seconds for seconds, _ in seen]) * 1000).astype(np.int64)
    pts = np.maximum.accumulate(pts - np.arange(len(pts))) + np.arange(len(pts))
    arrays: dict[str, Any] = {
        field: np.array([getattr(observation, field) for _, observation in seen], dtype=dtype)
        for field, dtype in _SEEN_FIELDS.items()
    }
    return PerformanceTrack(
        times=FrameTimes(pts, Fraction(1, 1000)),
        size_wh=size_wh,
        take_digest=NO_TAKE_DIGEST,
        trackers={},
        notes=(),
        **arrays,
    )
