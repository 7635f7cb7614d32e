"""The coverage table as one picture: turns across, faces down, the drawing that shows each best, gaps numbered.

In: tiles, a `Coverage`, gaps and suggestions. Out: (H, W, 3) uint8 RGB.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from perfkit.coverage.bins import NODS, TURNS
from perfkit.coverage.summary import CoverageSummary, count_by_turn, describe_marks, describe_ways
from perfkit.coverage.table import Coverage
from perfkit.coverage.thumbs import TILE_PX, TILE_RGB, Tile

_GROUND, _INK, _FAINT, _RULE = (247, 246, 243), (38, 40, 44), (120, 121, 125), (220, 218, 212)
_WANTED, _LIT, _BAD = (185, 121, 26), (214, 160, 60), (181, 72, 58)
_GAP_PX, _MARGIN_PX, _LABEL_PX = 6, 36, 132
_COUNT_ROW_PX, _LINE_PX = 28, 24
_MOST_LINES = 14


def draw_sheet(tiles: Sequence[Sequence[Tile]], coverage: Coverage, summary: CoverageSummary) -> np.ndarray:
    """Draw the table, counts of nods and lights under the same columns, and what is told in words below."""
    step = TILE_PX + _GAP_PX
    width = 2 * _MARGIN_PX + _LABEL_PX + len(TURNS) * step
    num_lights = len(coverage.lights)
    columns = [_wrap_lines(lines, (width - 3 * _MARGIN_PX) // 2) for lines in _list_lines(summary)]
    num_lines = max(len(lines) for lines in columns)
    table_top = _MARGIN_PX + 96
    marks = _wrap_lines([describe_marks(coverage)], len(TURNS) * step)
    ways = describe_ways(coverage)
    marks_top = table_top + len(tiles) * step + 4
    ways_top = marks_top + len(marks) * _LINE_PX + 8
    counts_top = ways_top + len(ways) * _LINE_PX + 6
    words_top = counts_top + (len(NODS) + num_lights) * _COUNT_ROW_PX + 40
    height = words_top + 34 + num_lines * _LINE_PX + _MARGIN_PX
    image = Image.new("RGB", (width, height), _GROUND)
    pen = ImageDraw.Draw(image)
    pen.text((_MARGIN_PX, _MARGIN_PX - 8), summary.title, fill=_INK, font=_font(26))
    pen.text((_MARGIN_PX, _MARGIN_PX + 28), summary.headline, fill=_FAINT, font=_font(15))
    for column, turn in enumerate(TURNS):
        middle = _MARGIN_PX + _LABEL_PX + column * step + TILE_PX // 2
        pen.text((middle, table_top - 26), turn.name, fill=_INK, font=_font(14), anchor="mm")
        pen.text((middle, table_top - 10), turn.range_words, fill=_FAINT, font=_font(12), anchor="mm")
    for row, face_tiles in enumerate(tiles):
        top = table_top + row * step
        _draw_row_label(pen, face_tiles[0].face, top + TILE_PX // 2)
        for column, tile in enumerate(face_tiles):
            _draw_tile(image, tile, (_MARGIN_PX + _LABEL_PX + column * step, top))
    for number, line in enumerate(marks):
        pen.text((_MARGIN_PX + _LABEL_PX, marks_top + number * _LINE_PX), line.strip(), fill=_FAINT, font=_font(13))
    for number, line in enumerate(ways):
        title = "never trained on and " if number == 0 else "... "
        pen.text((_MARGIN_PX + _LABEL_PX, ways_top + number * _LINE_PX), title + line, fill=_INK, font=_font(14))
    _draw_counts(pen, coverage, counts_top)
    for title, lines, left in zip(("Missing", "Draw next"), columns, (_MARGIN_PX, width // 2), strict=True):
        pen.text((left, words_top), title, fill=_INK, font=_font(17))
        for number, line in enumerate(lines):
            pen.text((left, words_top + 34 + number * _LINE_PX), line, fill=_INK, font=_font(14))
    return np.asarray(image)


def _draw_row_label(pen: ImageDraw.ImageDraw, face: str, y: int) -> None:
    name = face if len(face) <= 16 else f"{face[:15]}..."
    pen.text((_MARGIN_PX, y), name, fill=_INK, font=_font(15), anchor="lm")


def _draw_tile(image: Image.Image, tile: Tile, left_top: tuple[int, int]) -> None:
    pen, (left, top) = ImageDraw.Draw(image), left_top
    box = (left, top, left + TILE_PX - 1, top + TILE_PX - 1)
    if tile.image_rgb is None:
        pen.rectangle(box, outline=_WANTED if tile.rank else _RULE, width=2 if tile.rank else 1)
        middle = (left + TILE_PX // 2, top + TILE_PX // 2)
        if tile.rank:
            pen.text(middle, str(tile.rank), fill=_WANTED, font=_font(30), anchor="mm")
        else:
            pen.text(middle, "none", fill=_FAINT, font=_font(13), anchor="mm")
        return
    image.paste(Image.fromarray(tile.image_rgb), left_top)
    pen.rectangle(box, outline=_BAD if tile.is_untrained else _RULE, width=3 if tile.is_untrained else 1)
    if tile.num_drawings > 1:
        _draw_badge(pen, str(tile.num_drawings), (left + TILE_PX - 5, top + 5), anchor="rt")
    if tile.rank:
        _draw_badge(pen, str(tile.rank), (left + 5, top + 5), anchor="lt", fill=_WANTED)
    if tile.score is not None:
        fill = _BAD if tile.is_untrained else _INK
        _draw_badge(pen, f"{tile.score:.0%}", (left + TILE_PX - 5, top + TILE_PX - 21), anchor="rt", fill=fill)
    if len(tile.lights) > 1:
        for number, is_lit in enumerate(tile.lights):
            x, y = left + 6 + 12 * number, top + TILE_PX - 14
            pen.ellipse((x, y, x + 8, y + 8), fill=_LIT if is_lit else TILE_RGB, outline=_FAINT)


def _draw_badge(
    pen: ImageDraw.ImageDraw,
    text: str,
    corner: tuple[int, int],
    *,
    anchor: str,
    fill: tuple[int, int, int] = _INK,
) -> None:
    x, y = corner
    width = round(pen.textlength(text, font=_font(12))) + 10
    left = x - width if anchor[0] == "r" else x
    pen.rounded_rectangle((left, y, left + width, y + 16), 4, fill=_GROUND, outline=_RULE)
    pen.text((left + width / 2, y + 8), text, fill=fill, font=_font(12), anchor="mm")


def _draw_counts(pen: ImageDraw.ImageDraw, coverage: Coverage, top: int) -> None:
    """Draw how many drawings there are of each nod and light, under the turns."""
    right = _MARGIN_PX + _LABEL_PX + len(TURNS) * (TILE_PX + _GAP_PX) - _GAP_PX
    for row, (label, counts) in enumerate(count_by_turn(coverage)):
        y = top + row * _COUNT_ROW_PX
        pen.line((_MARGIN_PX, y, right, y), fill=_RULE)
        pen.text((_MARGIN_PX, y + _COUNT_ROW_PX // 2), label, fill=_INK, font=_font(14), anchor="lm")
        for column, count in enumerate(counts):
            middle = _MARGIN_PX + _LABEL_PX + column * (TILE_PX + _GAP_PX) + TILE_PX // 2
            text, fill = (str(count), _INK) if count else ("none", _BAD)
            pen.text((middle, y + _COUNT_ROW_PX // 2), text, fill=fill, font=_font(14), anchor="mm")


def _list_lines(summary: CoverageSummary) -> tuple[list[str], list[str]]:
    gaps = [gap.words for gap in summary.gaps] or ["nothing that the table asks for"]
    wanted = [f"{rank}. {each.words}, +{each.gain:.1%}" for rank, each in enumerate(summary.suggestions, start=1)]
    return gaps, wanted or ["nothing: every cell is drawn"]


def _wrap_lines(texts: Sequence[str], width_px: int) -> list[str]:
    """Break texts into lines that fit, the following lines of each indented; at most a column of them."""
    font, lines = _font(14), []
    for text in texts:
        line = ""
        for word in text.split():
            longer = f"{line} {word}" if line.strip() else f"{line}{word}"
            if line.strip() and font.getlength(longer) > width_px:
                lines.append(line)
                longer = f"    {word}"
            line = longer
        lines.append(line)
    return lines if len(lines) <= 2 * _MOST_LINES else [*lines[: 2 * _MOST_LINES], "... (all in the JSON)"]


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
