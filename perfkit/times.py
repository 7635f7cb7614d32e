"""Exact time: presentation stamps in a rational time base. Variable rate is the normal case.

In: integers from a container. Out: seconds, slices, the index at a time. Nothing here ever rounds a rate to an integer.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """Presentation times of a take's frames.

    Attributes:
        pts: (T,) int64, strictly increasing, in units of `time_base`.
        time_base: Seconds per unit.
    """

    pts: np.ndarray
    time_base: Fraction

    def __post_init__(self) -> None:
        if self.pts.ndim != 1 or self.pts.dtype != np.int64:
            raise ValueError(f"pts must be (T,) int64, got {self.pts.shape} {self.pts.dtype}")
        if self.time_base <= 0:
            raise ValueError(f"time_base must be positive, got {self.time_base}")
        if len(self.pts) > 1 and not (np.diff(self.pts) > 0).all():
            index = int(np.argmax(np.diff(self.pts) <= 0)) + 1
            raise ValueError(f"pts must increase strictly; frame {index} has {self.pts[index]}")

    def __len__(self) -> int:
        return len(self.pts)

    def __getitem__(self, frames: slice) -> "FrameTimes":
        return FrameTimes(self.pts[frames], self.time_base)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameTimes):
            return NotImplemented
        return self.time_base == other.time_base and np.array_equal(self.pts, other.pts)

    @property
    def seconds(self) -> np.ndarray:
        """(T,) float64 seconds from the container's own zero."""
        return self.pts * float(self.time_base)

    @property
    def rate_fps(self) -> Fraction:
        """Mean frame rate, exact; 0 for fewer than two frames."""
        if len(self.pts) < 2:
            return Fraction(0)
        return Fraction(len(self.pts) - 1) / (Fraction(int(self.pts[-1] - self.pts[0])) * self.time_base)

    def index_at(self, seconds: float) -> int:
        """Return the frame on screen at `seconds` (the first frame before it starts)."""
        return max(0, int(np.searchsorted(self.seconds, seconds, side="right")) - 1)
