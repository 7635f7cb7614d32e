"""The page of a score: what is met and what is missed first, then the curves over time.

In: a Score. Out: a `Page`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perfkit.charts import AMBER, BLUE, FAINT, GREEN, INK, VIOLET, Chart, Line, Mark
from perfkit.metrics.acting import CHANNELS
from perfkit.page import Cell, Page
from perfkit.score.figure import Figure

if TYPE_CHECKING:
    from perfkit.score.scoring import Score

GROUPS = {
    "acting": "Acting",
    "time": "Time",
    "identity": "Identity",
    "picture": "Against the exact drawing",
}
_WIDTHS = (21, 12, 11, 8, 48)
_PARTIES = {"performer": INK, "asked": AMBER, "truth": VIOLET, "output": BLUE}
_WORDS = {"performer": "performer", "asked": "asked of the character", "truth": "exact drawing", "output": "result"}


def make_score_page(score: Score) -> Page:
    """Lay out a score."""
    page = Page(f"{score.out} as {score.character}")
    against = f" and its exact drawing {score.truth}" if score.truth else ""
    page.add_text(f"Scored against the take {score.take}{against}; {len(score.seconds)} frames.", kind="faint")
    judged = [figure for figure in score.figures if figure.passes is not None]
    missed = [figure.name for figure in judged if not figure.passes]
    if not missed:
        page.add_text(f"All {len(judged)} bars are met." if judged else "Nothing could be held to a bar.")
    else:
        page.add_text(f"{len(judged) - len(missed)} of {len(judged)} bars are met. Missed: {', '.join(missed)}.")
    page.add_list(list(score.notes))
    for group, title in GROUPS.items():
        rows = [_make_row(figure) for figure in score.figures if figure.group == group]
        if rows:
            page.add_heading(title)
            page.add_table(("measure", "figure", "bar", "", "read it beside"), rows, widths=_WIDTHS)
    _add_acting(page, score)
    _add_head(page, score)
    _add_time(page, score)
    return page


def format_figure(figure: Figure) -> str:
    """Return a figure's value with its unit, e.g. "0.97 r"; a dash where it could not be measured."""
    if np.isnan(figure.value):
        return "-"
    if np.isinf(figure.value):
        return "equal"
    digits = 1 if abs(figure.value) >= 20 else 2 if abs(figure.value) >= 0.2 else 3
    return f"{figure.value:.{digits}f} {figure.unit}".strip()


def format_bar(figure: Figure) -> str:
    """Return a figure's bar, e.g. ">= 0.97"; empty where it has none."""
    if figure.least is not None and figure.most is not None:
        return f"{figure.least:g} to {figure.most:g}"
    return f">= {figure.least:g}" if figure.least is not None else "" if figure.most is None else f"<= {figure.most:g}"


def _make_row(figure: Figure) -> list[Cell]:
    word, kind = {None: ("", ""), True: ("met", "good"), False: ("missed", "bad")}[figure.passes]
    return [
        Cell(figure.name),
        Cell(format_figure(figure), "number"),
        Cell(format_bar(figure), "faint"),
        Cell(word, kind),
        Cell(figure.beside, "faint"),
    ]


def _add_acting(page: Page, score: Score) -> None:
    page.add_heading("The acting, channel by channel")
    page.add_text(
        "Each curve is brought to the same middle and spread: what counts is its shape and its time.", kind="faint"
    )
    for channel in CHANNELS:
        is_compared = np.isfinite(score.curves[f"performer {channel}"])
        lines = [
            Line(_WORDS[party], _standardise(score.curves[f"{party} {channel}"], is_compared), colour)
            for party, colour in _PARTIES.items()
            if f"{party} {channel}" in score.curves
        ]
        if np.isfinite(score.curves[f"asked {channel}"]).any():
            page.add_chart(score.seconds, Chart(channel, tuple(lines), height=96))
    eyes = [
        Line(_WORDS[party], score.curves[f"{party} eyes open"], colour)
        for party, colour in _PARTIES.items()
        if f"{party} eyes open" in score.curves
    ]
    blinks = (
        Mark("performer blinks", score.seconds[score.events["performer blinks"]], GREEN),
        Mark("result blinks", score.seconds[score.events["output blinks"]], BLUE, is_rule=True),
    )
    page.add_chart(score.seconds, Chart("eyes", tuple(eyes), "open", "0 is shut, 1 as at rest.", (0.0, 1.0), blinks))


def _add_head(page: Page, score: Score) -> None:
    page.add_heading("The head and the points of the face")
    for angle in ("yaw", "pitch", "roll"):
        lines = [
            Line(_WORDS[party], score.curves[f"{party} {angle}"], colour)
            for party, colour in _PARTIES.items()
            if f"{party} {angle}" in score.curves
        ]
        page.add_chart(score.seconds, Chart(angle, tuple(lines), "degrees", height=96))
    error = Line("", score.curves["output head error"])
    page.add_chart(score.seconds, Chart("head error", (error,), "degrees", limits=(0.0, 3.0), height=96))
    error = Line("", 100 * score.curves["output landmark error"])
    note = "Read points against those asked for; a gap is a frame in which no face was read."
    chart = Chart("landmark error", (error,), "% of eyes", note, limits=(0.0, 5.0), height=96)
    page.add_chart(score.seconds, chart)


def _add_time(page: Page, score: Score) -> None:
    page.add_heading("Time")
    joins = Mark("window joins", score.seconds[score.events["window joins"]], FAINT, is_rule=True)
    joins = joins if len(joins.seconds) <= 60 else Mark("", np.zeros(0))
    curves = score.curves
    change = [Line("performer's face", curves["pictures take_change"], INK)]
    change += [Line("exact drawing", curves["pictures truth_change"], VIOLET)] if score.truth else []
    change += [Line("result", curves["pictures change"], BLUE)]
    note = "Mean difference from the frame before, inside the matte."
    page.add_chart(score.seconds, Chart("change", tuple(change), "levels", note, (0.0, float("nan")), (joins,)))
    warp = [Line("performer's face", 1e4 * curves["pictures take_warp"], INK)]
    if score.truth:
        warp += [Line("exact drawing, along its own motion", 1e4 * curves["pictures truth_warp"], VIOLET)]
        warp += [Line("result, along the drawing's motion", 1e4 * curves["pictures out_by_truth"], BLUE)]
    else:
        warp += [Line("result, along the control's motion", 1e4 * curves["pictures warp"], BLUE)]
    note = "What is left when a frame is carried onto the one before along the motion of the input."
    page.add_chart(score.seconds, Chart("warp error", tuple(warp), "1e-4", note, (0.0, float("nan")), (joins,)))
    starts = Mark("windows of the drift", score.seconds[score.events["drift windows"]], FAINT, is_rule=True)
    starts = starts if len(starts.seconds) <= 60 else Mark("", np.zeros(0))
    colour = Line("", curves["output colour distance"])
    note = "Mean colour of the character against that of its first window; 2.3 is just noticeable."
    page.add_chart(score.seconds, Chart("colour", (colour,), "Lab", note, (0.0, 2.3), (starts,)))
    for name, title, unit in (("psnr", "PSNR", "dB"), ("ssim", "SSIM", "")):
        if f"pictures {name}" in curves:
            values = np.where(np.isinf(curves[f"pictures {name}"]), np.nan, curves[f"pictures {name}"])
            page.add_chart(score.seconds, Chart(title, (Line("", values),), unit, height=96))


def _standardise(values: np.ndarray, is_compared: np.ndarray) -> np.ndarray:
    """Return a curve with the middle and spread of its compared frames taken out."""
    known = values[np.isfinite(values) & is_compared]
    if len(known) < 2 or known.std() < 1e-9:
        return values - (known.mean() if len(known) else 0.0)
    return np.clip((values - known.mean()) / known.std(), -4.0, 4.0)
