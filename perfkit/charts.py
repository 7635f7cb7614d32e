"""Curves and states over time, drawn as SVG: small, sharp at any size, readable without scripts.

In: seconds (T,), curves and states over them. Out: SVG text.

    chart   curves over one axis of time, with marks (blinks, window joins)
    lanes   rows of coloured spans over the same axis: found, lost, blurred ...
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from perfkit.report import format_timecode

INK, FAINT, RULE = "#26282c", "#78797d", "#dcdad4"
BLUE, AMBER, GREEN, RED, VIOLET = "#2f6f9f", "#b9791a", "#4f8a5b", "#b5483a", "#7a5c99"

_WIDTH, _LEFT, _RIGHT = 1000, 118, 14
_TOP, _BOTTOM = 8, 20
_MAX_POINTS = 1400
_TICK_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, eq=False)
class Line:
    """One curve of a chart.

    Attributes:
        label: What it is.
        values: (T,); NaN leaves a gap.
        colour: "#rrggbb".
    """

    label: str
    values: np.ndarray
    colour: str = BLUE


@dataclass(frozen=True, eq=False)
class Mark:
    """Moments on a chart.

    Attributes:
        label: What happens there.
        seconds: (N,) when.
        colour: "#rrggbb".
        is_rule: Whether they are drawn over the whole height; else as ticks at the upper edge.
    """

    label: str
    seconds: np.ndarray
    colour: str = FAINT
    is_rule: bool = False


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves over time.

    Attributes:
        title: What is drawn.
        lines: The curves, the later over the earlier.
        unit: Unit of the vertical axis.
        note: How to read it, one sentence.
        limits: Least span of the vertical axis; NaN leaves an end to the curves.
        marks: Moments.
        height: Height of the drawing, of a width of 1000.
    """

    title: str
    lines: tuple[Line, ...]
    unit: str = ""
    note: str = ""
    limits: tuple[float, float] = (float("nan"), float("nan"))
    marks: tuple[Mark, ...] = ()
    height: int = 120


@dataclass(frozen=True, eq=False)
class Lane:
    """One row of states over time.

    Attributes:
        label: What is told.
        states: (T,) bool, True where it is so.
        colour: "#rrggbb" of those spans.
        note: At the right of the label's row, instead of spans: why there is nothing to tell.
    """

    label: str
    states: np.ndarray
    colour: str = RED
    note: str = ""


def draw_chart(seconds: np.ndarray, chart: Chart) -> str:
    """Return a chart as SVG; gaps in a curve stay gaps, long takes are thinned to their extremes."""
    low, high = _vertical_limits(chart)
    bottom = chart.height - _BOTTOM

    def y_of(values: np.ndarray) -> np.ndarray:
        return _TOP + (high - np.clip(values, low, high)) / (high - low) * (bottom - _TOP)

    parts = [_draw_time_axis(seconds, chart.height)]
    for value in _ticks(low, high):
        y = float(y_of(np.array([value]))[0])
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_write_tick(value, high - low)}</text>')
    if chart.unit:
        parts.append(f'<text x="0" y="{_TOP + 8}">{escape(chart.unit)}</text>')
    for mark in chart.marks:
        for x in _x_of(seconds, mark.seconds):
            stop = bottom if mark.is_rule else _TOP + 9
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{stop}" stroke="{mark.colour}" '
                f'stroke-width="{0.8 if mark.is_rule else 2.2}"/>'
            )
    for line in chart.lines:
        for run_x, run_y in _polylines(_x_of(seconds, seconds), y_of(line.values)):
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(run_x, run_y, strict=True))
            if len(run_x) == 1:
                parts.append(f'<circle cx="{run_x[0]:.1f}" cy="{run_y[0]:.1f}" r="1.6" fill="{line.colour}"/>')
            else:
                parts.append(
                    f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.5" '
                    'stroke-linejoin="round"/>'
                )
    return _wrap_svg(chart.height, "".join(parts), chart.title)


def draw_lanes(seconds: np.ndarray, lanes: Sequence[Lane], *, lane_height: int = 22) -> str:
    """Return rows of states as SVG."""
    height = lane_height * len(lanes) + _BOTTOM + _TOP
    parts = [_draw_time_axis(seconds, height)]
    for row, lane in enumerate(lanes):
        top = _TOP + row * lane_height
        middle = top + lane_height / 2
        parts.append(f'<text x="{_LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(lane.label)}</text>')
        if lane.note:
            parts.append(f'<text x="{_LEFT + 4}" y="{middle + 4:.1f}" font-style="italic">{escape(lane.note)}</text>')
            continue
        parts.append(
            f'<rect x="{_LEFT}" y="{top + 4}" width="{_WIDTH - _LEFT - _RIGHT}" height="{lane_height - 8}" '
            f'fill="{RULE}" opacity="0.45"/>'
        )
        for start, stop in find_spans(lane.states):
            edges = _x_of(seconds, frame_edges(seconds)[[start, stop]])
            parts.append(
                f'<rect x="{edges[0]:.1f}" y="{top + 4}" width="{max(edges[1] - edges[0], 1.5):.1f}" '
                f'height="{lane_height - 8}" fill="{lane.colour}"/>'
            )
    return _wrap_svg(height, "".join(parts), "states over time")


def find_spans(states: np.ndarray) -> list[tuple[int, int]]:
    """Return [start, stop) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], states, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def frame_edges(seconds: np.ndarray) -> np.ndarray:
    """Return (T + 1,) seconds at which frames begin, and the last one ends (as long as the one before)."""
    step = seconds[-1] - seconds[-2] if len(seconds) > 1 else 1.0
    return np.append(seconds, seconds[-1] + step)


def make_time_ticks(edges: np.ndarray, *, most: int) -> list[tuple[float, str]]:
    """Return round seconds between the first and last edge, at most about `most`, with their timecodes."""
    span = float(edges[-1] - edges[0])
    step = next((step for step in _TICK_SECONDS if span / step <= most), 7200.0)
    ticks = np.arange(np.ceil(edges[0] / step - 1e-9), np.floor(edges[-1] / step + 1e-9) + 1) * step
    return [(float(tick), format_timecode(float(tick))[: None if step < 1 else -3]) for tick in ticks]


def _x_of(axis_seconds: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    edges = frame_edges(axis_seconds)
    return _LEFT + (seconds - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - _LEFT - _RIGHT)


def _vertical_limits(chart: Chart) -> tuple[float, float]:
    values = np.concatenate([np.zeros(0), *(line.values[np.isfinite(line.values)] for line in chart.lines)])
    ends = np.concatenate([values, np.array(chart.limits)[np.isfinite(chart.limits)]])
    low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 1.0)
    margin = 0.06 * (high - low) if high > low else max(abs(high), 1e-3)
    is_low_given, is_high_given = low == chart.limits[0], high == chart.limits[1]
    return (low if is_low_given else low - margin), (high if is_high_given else high + margin)


def _ticks(low: float, high: float) -> list[float]:
    """Return two to four round numbers between the limits."""
    power = 10.0 ** np.floor(np.log10((high - low) / 2))
    step = next(power * gain for gain in (1, 2, 5, 10, 20) if (high - low) / (power * gain) <= 4)
    return [float(value) for value in np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step]


def _write_tick(value: float, span: float) -> str:
    digits = int(np.clip(np.ceil(-np.log10(span)) + 1, 0, 6))
    text = f"{0.0 if abs(value) < 1e-9 * span else value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _draw_time_axis(seconds: np.ndarray, height: int) -> str:
    parts = []
    for second, label in make_time_ticks(frame_edges(seconds), most=9):
        x = float(_x_of(seconds, np.array([second]))[0])
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}" stroke="{RULE}"/>')
        anchor = "end" if x > _WIDTH - 40 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{height - 5}" text-anchor="{anchor}">{label}</text>')
    return "".join(parts)


def _polylines(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the runs between gaps; where there are too many points, the least and the largest of every few."""
    runs = []
    for start, stop in find_spans(np.isfinite(y)):
        run_x, run_y = x[start:stop], y[start:stop]
        stride = int(np.ceil(2 * len(x) / _MAX_POINTS))
        if stride > 2:
            keep = sorted(
                {
                    first + pick
                    for first in range(0, len(run_y), stride)
                    for pick in (
                        int(run_y[first : first + stride].argmin()),
                        int(run_y[first : first + stride].argmax()),
                    )
                }
            )
            run_x, run_y = run_x[keep], run_y[keep]
        runs.append((run_x, run_y))
    return runs


def _wrap_svg(height: int, content: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{content}</svg>'
    )
