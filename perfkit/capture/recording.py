"""From a take to a PerformanceTrack: decode in one thread, track in others, keep the numbers and drop the pixels."""

from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import numpy as np

from perfkit.capture.protocol import Observation, Tracker, stack_observations
from perfkit.capture.settings import CaptureSettings
from perfkit.errors import CaptureError, SettingsError
from perfkit.queues import ReadAhead
from perfkit.take import Take
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.video import digest_take, iterate_frames, open_take

TRACKERS: dict[str, str] = {"mediapipe": "perfkit.capture.mediapipe:MediaPipeTracker"}

OnProgress = Callable[[int, int], None]


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
    all_pts: list[int] = []
    seen: list[Observation] = []
    time_base = take.info.time_base
    with ReadAhead(iterate_frames(take)) as frames:
        for index, pts, image_rgb in frames:
            seen.append(tracker.track(image_rgb, float(pts * time_base)))
            all_pts.append(pts)
            if on_progress is not None:
                on_progress(index + 1, max(index + 1, take.info.num_frames_from_content))
    if not any(observation.has_face for observation in seen):
        num_bodies = sum(bool(np.isfinite(observation.body).all()) for observation in seen)
        raise CaptureError(
            f"{take.path}: no performer's face found in {len(seen)} frames (a body in {num_bodies}); give a take whose "
            f"face is lit, turned to the camera and at least 40 px high"
        )
    return _stack(take, FrameTimes(np.array(all_pts, np.int64), Fraction(time_base)), seen, tracker.versions)


def _stack(take: Take, times: FrameTimes, seen: list[Observation], versions: dict[str, str]) -> PerformanceTrack:
    return PerformanceTrack(
        times=times,
        size_wh=take.info.size_wh,
        take_digest=digest_take(take),
        trackers=versions,
        notes=take.info.notes,
        **stack_observations(seen),
    )
