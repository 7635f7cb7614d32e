"""The report of a check: the tier that broke first, the frames, before and after and their difference.

In: a Comparison and both sides' Evidence. Out: a `Page`.
"""

import numpy as np

from perfkit.charts import BLUE, RED, VIOLET, Chart, Lane, Line
from perfkit.composite import resize
from perfkit.inference.golden.comparing import Comparison, Tier, measure_small_differences
from perfkit.inference.golden.evidence import Evidence, PictureRow
from perfkit.metrics.pictures import composite_over_grey
from perfkit.page import Cell, Page, Picture
from perfkit.report import format_timecode

_MAX_ROWS = 4
_SHOWN_PX = 300
_GAIN = 8
_DOORS = (
    ("control", "control", "What the engine was shown"),
    ("pixels", "character", "What the engine gave"),
    ("picture", "delivered", "What a player shows"),
)


def make_golden_page(comparison: Comparison, approved: Evidence, found: Evidence) -> Page:
    """Lay out a check."""
    page = Page(f"Golden take {comparison.name}")
    origin = approved.provenance
    page.add_text(f"{origin.source} as {origin.character}, {len(comparison.seconds)} frames.", kind="faint")
    _, _, verdict = comparison.headline.partition(": ")
    page.add_text(verdict[0].upper() + verdict[1:] + ".", kind="good" if comparison.passes else "bad")
    rows = [_make_row(tier, comparison) for tier in comparison.tiers]
    page.add_table(("tier", "", "first bad frame", "found"), rows, widths=(9, 13, 15, 63))
    page.add_heading("What changed since it was recorded")
    if comparison.changes:
        page.add_list(list(comparison.changes))
    else:
        page.add_text("No version, tracker, digest or place of work: the same parts gave another result.", kind="faint")
        if comparison.passes:
            page.parts.pop()
            page.add_text("Nothing.", kind="faint")
    if len(comparison.seconds) > 1:
        _add_timeline(page, comparison, approved, found)
    for tier_name, door, title in _DOORS:
        tier = next(tier for tier in comparison.tiers if tier.name == tier_name)
        if tier.is_broken:
            _add_pictures(page, title, tier, getattr(approved, door), getattr(found, door), comparison.seconds)
    return page


def _make_row(tier: Tier, comparison: Comparison) -> list[Cell]:
    first = ""
    if tier.failed:
        index = tier.failed[0]
        known = index < len(comparison.seconds)
        first = f"{index}" + (f"  ({format_timecode(float(comparison.seconds[index]))})" if known else "")
    word = Cell("broken", "bad") if tier.is_broken else Cell("as approved", "good")
    return [Cell(tier.name), word, Cell(first), Cell(tier.finding, "faint")]


def _add_timeline(page: Page, comparison: Comparison, approved: Evidence, found: Evidence) -> None:
    page.add_heading("Frame by frame")
    lanes = []
    for tier in comparison.tiers:
        states = np.zeros(len(comparison.seconds), bool)
        states[[index for index in tier.failed if index < len(states)]] = True
        note = "broken as a whole" if tier.is_broken and not states.any() else ""
        lanes.append(Lane(tier.name, states, RED, note))
    page.add_lanes(comparison.seconds, lanes)
    colours = {"control": VIOLET, "character": BLUE, "delivered": RED}
    lines = []
    for _, door, _ in _DOORS:
        values = np.full(len(comparison.seconds), np.nan)
        differences = measure_small_differences(getattr(approved, door), getattr(found, door))[: len(values)]
        values[: len(differences)] = differences
        lines.append(Line(door, values, colours[door]))
    note = "Largest difference of every picture, made small, from the approved one."
    page.add_chart(comparison.seconds, Chart("difference", tuple(lines), "levels", note, (0.0, 4.0)))


def _add_pictures(
    page: Page, title: str, tier: Tier, approved: PictureRow, found: PictureRow, seconds: np.ndarray
) -> None:
    """Show the kept frames that differ most, before, after, and their difference times eight."""
    both = [index for index in approved.kept if index in found.kept]
    both = [index for index in both if approved.kept[index].shape == found.kept[index].shape]
    distances = {index: _measure_distance(approved.kept[index], found.kept[index]) for index in both}
    failed = [index for index in both if index in tier.failed] or [index for index in both if distances[index] > 0]
    worst = sorted(sorted(failed, key=lambda index: -distances[index])[:_MAX_ROWS])
    page.add_heading(title)
    if not worst:
        page.add_text("None of the frames that are kept whole differs; the frames are named above.", kind="faint")
        return
    page.add_text(
        f"Approved, found, and the difference times {_GAIN}, of the kept frames that differ most.", kind="faint"
    )
    for index in worst:
        before, after = (composite_over_grey(row.kept[index]) for row in (approved, found))
        difference = np.clip(_GAIN * np.abs(before - after), 0, 1)
        moment = format_timecode(float(seconds[index]))
        page.add_pictures(
            [
                Picture(_show(before), f"frame {index} ({moment}), approved"),
                Picture(_show(after), "found"),
                Picture(_show(difference), f"difference x{_GAIN}"),
            ]
        )


def _measure_distance(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.abs(composite_over_grey(before) - composite_over_grey(after)).mean())


def _show(unit_rgb: np.ndarray) -> np.ndarray:
    height, width = unit_rgb.shape[:2]
    size_wh = (_SHOWN_PX, max(1, round(height * _SHOWN_PX / width)))
    return resize((255 * unit_rgb).round().astype(np.uint8), size_wh)
