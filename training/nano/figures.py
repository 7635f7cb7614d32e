"""One measured figure and the bar it has to reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of a table: what was measured, the value, the bar to reach (None where there is none)."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    is_lower_better: bool = False

    @property
    def is_reached(self) -> bool:
        """Tell whether the bar is reached; a figure without a bar always is."""
        return self.bar is None or (self.value <= self.bar if self.is_lower_better else self.value >= self.bar)

    def cells(self) -> tuple[str, str, str, str]:
        """Return the figure as table cells: name, value, bar, reached."""
        if self.bar is None:
            return self.name, f"{self.value:.3f} {self.unit}".strip(), "", ""
        sign = "<=" if self.is_lower_better else ">="
        reached = "yes" if self.is_reached else "no"
        return self.name, f"{self.value:.3f} {self.unit}".strip(), f"{sign} {self.bar:g} {self.unit}".strip(), reached
