"""From a take to a PerformanceTrack. `capture_take` is loaded when it is first asked for: it brings FFmpeg along.

take -> iterate_frames -> Tracker.track -> Observation* -> PerformanceTrack
"""

from typing import TYPE_CHECKING

from perfkit.capture.settings import CaptureSettings

if TYPE_CHECKING:
    from perfkit.capture.recording import capture_take

__all__ = ["CaptureSettings", "capture_take"]


def __getattr__(name: str) -> object:
    if name == "capture_take":
        from perfkit.capture.recording import capture_take

        return capture_take
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
