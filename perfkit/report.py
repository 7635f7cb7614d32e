"""The contact sheet: moments of the take above, the character at the same moments below, with their times.

In: frames as they pass (only the chosen ones are kept, small). Out: one PNG.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from perfkit.composite import resize
from perfkit.files import write_aside

NUM_MOMENTS = 12
_COLUMNS = 6
_CELL_PX = 240
_GAP_PX = 6
_MARGIN_PX = 28
_LABEL_PX = 24
_TITLE_PX = 54
_GROUND = (247, 246, 243)
_INK = (38, 40, 44)
_FAINT_INK = (120, 122, 126)


@dataclass(frozen=True, eq=False)
class Moment:
    """One column of the sheet.

    Attributes:
        seconds: Presentation time.
        take_rgb: The take's picture, if there is a take.
        character_rgb: The character's.
    """

    seconds: float
    take_rgb: np.ndarray | None
    character_rgb: np.ndarray


def choose_moments(num_frames: int, num_moments: int = NUM_MOMENTS) -> frozenset[int]:
    """Return the frames in the middle of `num_moments` equal parts of a take."""
    count = min(num_moments, num_frames)
    return frozenset((2 * part + 1) * num_frames // (2 * count) for part in range(count))


def make_moment(seconds: float, take_rgb: np.ndarray | None, character_rgb: np.ndarray) -> Moment:
    """Make a column; the pictures are made small at once."""
    small_take = None if take_rgb is None else _fit_width(take_rgb)
    return Moment(seconds, small_take, _fit_width(character_rgb))


def save_contact_sheet(moments: list[Moment], path: Path, *, title: str) -> None:
    """Draw the sheet and write it beside its place, then rename it.

    Raises:
        MediaError: It cannot be written.
    """
    sheet = draw_contact_sheet(moments, title=title)
    with write_aside(path) as aside:
        Image.fromarray(sheet).save(aside, format="PNG")


def draw_contact_sheet(moments: list[Moment], *, title: str) -> np.ndarray:
    """Return the sheet, (H, W, 3) uint8 RGB: rows of up to six moments in the order of time."""
    if not moments:
        raise ValueError("a contact sheet needs at least one moment")
    columns = min(_COLUMNS, len(moments))
    take_height = max((moment.take_rgb.shape[0] for moment in moments if moment.take_rgb is not None), default=0)
    character_height = max(moment.character_rgb.shape[0] for moment in moments)
    block_height = take_height + (_GAP_PX if take_height else 0) + character_height + _LABEL_PX + 2 * _GAP_PX
    num_rows = -(-len(moments) // columns)
    width = 2 * _MARGIN_PX + columns * _CELL_PX + (columns - 1) * 2 * _GAP_PX
    height = _MARGIN_PX + _TITLE_PX + num_rows * (block_height + _MARGIN_PX)
    sheet = Image.new("RGB", (width, height), _GROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN_PX, _MARGIN_PX), title, fill=_INK, font=ImageFont.load_default(26))
    for number, moment in enumerate(moments):
        row, column = divmod(number, columns)
        left = _MARGIN_PX + column * (_CELL_PX + 2 * _GAP_PX)
        top = _MARGIN_PX + _TITLE_PX + row * (block_height + _MARGIN_PX)
        _draw_moment(sheet, moment, (left, top), take_height=take_height, character_height=character_height)
    return np.asarray(sheet)


def crop_title(sheet: np.ndarray) -> np.ndarray:
    """Return a contact sheet without title and margins, for a page that has its own."""
    return sheet[_MARGIN_PX + _TITLE_PX : -_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]


def format_timecode(seconds: float) -> str:
    """Return minutes:seconds.hundredths, e.g. 1:05.20."""
    hundredths = round(abs(seconds) * 100)
    sign = "-" if seconds < 0 and hundredths else ""
    return f"{sign}{hundredths // 6000}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _draw_moment(
    sheet: Image.Image, moment: Moment, left_top: tuple[int, int], *, take_height: int, character_height: int
) -> None:
    left, top = left_top
    ImageDraw.Draw(sheet).text(
        (left, top), format_timecode(moment.seconds), fill=_FAINT_INK, font=ImageFont.load_default(16)
    )
    top += _LABEL_PX
    if take_height:
        if moment.take_rgb is not None:
            sheet.paste(Image.fromarray(moment.take_rgb), (left, top + take_height - moment.take_rgb.shape[0]))
        top += take_height + _GAP_PX
    sheet.paste(Image.fromarray(moment.character_rgb), (left, top))


def _fit_width(image_rgb: np.ndarray) -> np.ndarray:
    height = min(round(image_rgb.shape[0] * _CELL_PX / image_rgb.shape[1]), 2 * _CELL_PX)
    width = round(image_rgb.shape[1] * height / image_rgb.shape[0])
    return cv2.copyMakeBorder(
        resize(image_rgb, (max(1, width), max(1, height))),
        0,
        0,
        (_CELL_PX - width) // 2,
        _CELL_PX - width - (_CELL_PX - width) // 2,
        cv2.BORDER_CONSTANT,
        value=_GROUND,
    )
