"""One line of a score, and the averages that leave out what was not seen.

In: numbers. Out: `Figure`.
"""

from dataclasses import dataclass

import numpy as np

NAN = float("nan")


@dataclass(frozen=True)
class Figure:
    """One line of the score.

    Attributes:
        group: acting, time, identity or picture.
        name: What is measured.
        value: The figure; NaN where it cannot be measured.
        unit: Its unit; empty for ratios and coefficients.
        beside: What it must be read beside, or why it is missing.
        least: Bar from below; None: none.
        most: Bar from above; None: none.
        is_spoilt: Whether something beside it takes its worth away, e.g. smoothness of a frozen video.
    """

    group: str
    name: str
    value: float
    unit: str = ""
    beside: str = ""
    least: float | None = None
    most: float | None = None
    is_spoilt: bool = False

    @property
    def passes(self) -> bool | None:
        """Whether the bar is met; None where there is no bar or no figure."""
        if not np.isfinite(self.value) or (self.least is None and self.most is None):
            return None
        is_met = (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)
        return bool(is_met and not self.is_spoilt)


def mean_of_known(values: np.ndarray) -> float:
    """Return the mean of what is finite; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else NAN


def median_of_known(values: np.ndarray) -> np.ndarray:
    """Return the median over the first axis of what is not NaN; NaN where less than three are seen."""
    num_seen = np.isfinite(values).sum(axis=0)
    return np.where(num_seen >= 3, np.nanmedian(np.where(num_seen >= 3, values, 0.0), axis=0), np.nan)
