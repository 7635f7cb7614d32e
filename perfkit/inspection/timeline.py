"""The timeline as one picture: stills, rows of states, curves, all over one axis of time.

In: seconds, lanes, curves, stills. Out: (H, W, 3) uint8 RGB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from perfkit.charts import FAINT, INK, RULE, Lane, find_spans, frame_edges, make_time_ticks
from perfkit.page import Picture

_FINE = 2
"""Drawn this much larger and made small at the end, so that lines are smooth."""
_WIDTH, _LEFT, _RIGHT, _MARGIN = 1600 * _FINE, 190 * _FINE, 30 * _FINE, 28 * _FINE
_LANE_PX, _CURVE_PX, _GAP_PX, _STILL_PX = 30 * _FINE, 58 * _FINE, 24 * _FINE, 110 * _FINE
_GROUND, _EMPTY = "#f7f6f3", "#ecebe6"


@dataclass(frozen=True, eq=False)
class Curve:
    """A small curve under the lanes: label, values (T,) with NaN for gaps, least span of its axis, colour, note."""

    label: str
    values: np.ndarray
    limits: tuple[float, float]
    colour: str
    note: str = ""


def draw_timeline(
    seconds: np.ndarray,
    lanes: Sequence[Lane],
    curves: Sequence[Curve],
    *,
    stills: Sequence[Picture],
    titles: tuple[str, str],
) -> np.ndarray:
    """Draw the timeline.

    Args:
        seconds: (T,) of the frames.
        lanes: Rows of states.
        curves: Curves below them.
        stills: Pictures spread evenly over the take; none leaves the row out.
        titles: Headline and the line below it.
    """
    top = _MARGIN + 76 * _FINE
    row_top = top + (_STILL_PX + 12 * _FINE if stills else 0)
    height = row_top + _LANE_PX * len(lanes) + (_CURVE_PX + _GAP_PX) * len(curves) + 22 * _FINE + _MARGIN
    sheet = Image.new("RGB", (_WIDTH, height), _GROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN - 4 * _FINE), titles[0], fill=INK, font=_font(28))
    pen.text((_MARGIN, _MARGIN + 36 * _FINE), titles[1], fill=FAINT, font=_font(19))
    _paste_stills(sheet, stills, top)
    _draw_axis(pen, seconds, row_top, height - _MARGIN - 20 * _FINE)
    for lane in lanes:
        _draw_lane(pen, seconds, lane, row_top)
        row_top += _LANE_PX
    for curve in curves:
        _draw_curve(pen, seconds, curve, row_top + _GAP_PX)
        row_top += _CURVE_PX + _GAP_PX
    return np.asarray(sheet.resize((_WIDTH // _FINE, height // _FINE), Image.Resampling.BOX))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _FINE)


def _x_of(seconds: np.ndarray, at: np.ndarray) -> np.ndarray:
    edges = frame_edges(seconds)
    return _LEFT + (at - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - _LEFT - _RIGHT)


def _paste_stills(sheet: Image.Image, stills: Sequence[Picture], top: int) -> None:
    """Paste stills side by side, each in its own equal part of the axis, cut to fit."""
    if not stills:
        return
    cell = (_WIDTH - _LEFT - _RIGHT) / len(stills)
    for number, still in enumerate(stills):
        image = Image.fromarray(still.image_rgb)
        scale = min(_STILL_PX / image.height, (cell - 6 * _FINE) / image.width)
        image = image.resize((max(1, round(scale * image.width)), max(1, round(scale * image.height))))
        left = round(_LEFT + cell * number + (cell - image.width) / 2)
        sheet.paste(image, (left, top + _STILL_PX - image.height))


def _draw_axis(pen: ImageDraw.ImageDraw, seconds: np.ndarray, top: int, bottom: int) -> None:
    edges = frame_edges(seconds)
    for second, label in make_time_ticks(edges, most=12):
        x = float(_x_of(seconds, np.array(second)))
        pen.line([(x, top), (x, bottom)], fill=RULE, width=_FINE)
        pen.text(
            (min(x, _WIDTH - _RIGHT - 8 * _FINE), bottom + 6 * _FINE), label, fill=FAINT, font=_font(15), anchor="ma"
        )


def _draw_lane(pen: ImageDraw.ImageDraw, seconds: np.ndarray, lane: Lane, top: int) -> None:
    middle, inset = top + _LANE_PX // 2, 7 * _FINE
    pen.text((_LEFT - 14 * _FINE, middle), lane.label, fill=FAINT if lane.note else INK, font=_font(17), anchor="rm")
    if lane.note:
        pen.text((_LEFT + 6 * _FINE, middle), lane.note, fill=FAINT, font=_font(16), anchor="lm")
        return
    pen.rectangle([_LEFT, top + inset, _WIDTH - _RIGHT, top + _LANE_PX - inset], fill=_EMPTY)
    edges = frame_edges(seconds)
    for start, stop in find_spans(lane.states):
        left, right = _x_of(seconds, edges[[start, stop]])
        pen.rectangle([left, top + inset, max(right - 1, left + 2 * _FINE), top + _LANE_PX - inset], fill=lane.colour)


def _draw_curve(pen: ImageDraw.ImageDraw, seconds: np.ndarray, curve: Curve, top: int) -> None:
    bottom, middle = top + _CURVE_PX, top + _CURVE_PX // 2
    pen.text((_LEFT - 40 * _FINE, middle), curve.label, fill=FAINT if curve.note else INK, font=_font(17), anchor="rm")
    if curve.note:
        pen.text((_LEFT + 6 * _FINE, middle), curve.note, fill=FAINT, font=_font(16), anchor="lm")
        return
    known = curve.values[np.isfinite(curve.values)]
    low = min(curve.limits[0], float(known.min(initial=np.inf)))
    high = max(curve.limits[1], float(known.max(initial=-np.inf)))
    for value, edge in ((low, bottom), (high, top)):
        pen.line([(_LEFT, edge), (_WIDTH - _RIGHT, edge)], fill=_EMPTY, width=_FINE)
        pen.text((_LEFT - 8 * _FINE, edge), f"{value:.0f}", fill=FAINT, font=_font(12), anchor="rm")
    for start, stop in find_spans(np.isfinite(curve.values)):
        way_x = _x_of(seconds, seconds[start:stop])
        way_y = bottom - (curve.values[start:stop] - low) / (high - low) * _CURVE_PX
        points = [(float(x), float(y)) for x, y in zip(way_x, way_y, strict=True)]
        if len(points) > 1:
            pen.line(points, fill=curve.colour, width=2 * _FINE, joint="curve")
        else:
            left, height = points[0]
            pen.ellipse([left - 3, height - 3, left + 3, height + 3], fill=curve.colour)
