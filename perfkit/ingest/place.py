"""From files to drawings on the canvas: read, keyed, framed together, written.

In: what a folder holds. Out: a `Sheet`: which drawings are in art/, which are refused, what was odd.
Every file is decoded once to see where its character stands; those that do not fit into memory are decoded again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from perfkit.errors import PackError
from perfkit.ingest.duplicates import Fingerprint, make_fingerprint
from perfkit.ingest.folder import Found, Refusal
from perfkit.ingest.framing import Extent, Window, choose_windows, group_by_shape, measure_extent, place_on_canvas
from perfkit.ingest.keying import is_eaten, key_background
from perfkit.ingest.names import name_art
from perfkit.ingest.read import read_drawing, read_matte

_MAX_HELD_BYTES = 256 << 20
_SMALL_PX = 128


@dataclass(frozen=True, eq=False)
class Placed:
    """One drawing in a pack's art/.

    Attributes:
        file: Its path inside the folder that it came from.
        art_name: Its name in art/.
        size_wh: Its upright size in the file, px.
        window: How it was put onto the canvas.
        fingerprint: To compare it.
    """

    file: str
    art_name: str
    size_wh: tuple[int, int]
    window: Window
    fingerprint: Fingerprint


@dataclass(frozen=True, eq=False)
class Sheet:
    """All drawings of a folder.

    Attributes:
        placed: File -> its drawing, in the order of the names.
        refused: Files that stay out.
        num_keyed: Drawings whose background was taken off.
        num_framings: Groups of drawings with a scale of their own.
        notes: What was odd, one line each.
    """

    placed: dict[str, Placed]
    refused: tuple[Refusal, ...]
    num_keyed: int
    num_framings: int
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Character:
    """A drawing without its background: RGBA, its size in the file, whether it was keyed, what was odd."""

    rgba: np.ndarray
    size_wh: tuple[int, int]
    is_keyed: bool
    note: str


def place_drawings(
    found: Found,
    art: Path,
    *,
    canvas_wh: tuple[int, int],
    framing: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Sheet:
    """Put all drawings of a folder onto one canvas each and write them.

    Args:
        found: What the folder holds.
        art: The folder to make and fill.
        canvas_wh: px.
        framing: One of `framing.FRAMINGS`.
        on_progress: Called with (drawings read, drawings in all).

    Raises:
        PackError: No drawing can be used.
    """
    refused, notes = list(found.refused), []
    extents: dict[str, Extent] = {}
    held: dict[str, np.ndarray] = {}
    held_bytes = num_keyed = 0
    for num_done, file in enumerate(found.drawings, start=1):
        try:
            character = _read_character(found, file)
            extents[file] = measure_extent(character.rgba, size_wh=character.size_wh)
        except PackError as error:
            refused.append(Refusal(file, str(error).removeprefix(f"{Path(file).name}: ")))
            continue
        finally:
            if on_progress is not None:
                on_progress(num_done, len(found.drawings))
        num_keyed += character.is_keyed
        notes += [f"{file}: {character.note}"] if character.note else []
        if held_bytes + character.rgba.nbytes <= _MAX_HELD_BYTES:
            held[file] = character.rgba
            held_bytes += character.rgba.nbytes
    if not extents:
        first = f"; first: {refused[0].file}: {refused[0].reason}" if refused else "; PNG, JPEG and WebP are read"
        raise PackError(f"none of {len(refused)} files can be used as a drawing{first}")
    windows = choose_windows(extents, canvas_wh, framing)
    art.mkdir()
    placed = {}
    for file, art_name in name_art(extents).items():
        rgba = held.pop(file) if file in held else _read_character(found, file).rgba
        picture = place_on_canvas(rgba, windows[file], canvas_wh)
        write_art(art / art_name, picture)
        size_wh = extents[file].size_wh
        placed[file] = Placed(file, art_name, size_wh, windows[file], make_fingerprint(picture))
    small = [file for file, extent in extents.items() if max(extent.size_wh) < _SMALL_PX]
    notes += [f"{file}: is only {'x'.join(map(str, extents[file].size_wh))} px and was enlarged" for file in small]
    num_framings = len(group_by_shape(extents))
    return Sheet(placed, tuple(sorted(refused, key=lambda each: each.file)), num_keyed, num_framings, tuple(notes))


def write_art(path: Path, rgba: np.ndarray) -> None:
    """Write a drawing as PNG; the same pixels, the same bytes."""
    is_encoded, content = cv2.imencode(
        ".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    assert is_encoded
    path.write_bytes(content.tobytes())


def _read_character(found: Found, file: str) -> _Character:
    drawing = read_drawing(found.drawings[file])
    if file in found.mattes:
        alpha = read_matte(found.mattes[file], size_wh=drawing.size_wh)
        rgba = np.dstack([drawing.rgba[..., :3], alpha])
        return _Character(rgba * (alpha > 0)[..., None], drawing.size_wh, False, drawing.note)
    if drawing.has_alpha:
        return _Character(drawing.rgba, drawing.size_wh, False, drawing.note)
    rgba = key_background(drawing.rgba[..., :3], is_lossy=drawing.is_lossy)
    note = drawing.note
    if is_eaten(rgba):
        matte = f"{Path(file).stem}.matte.png"
        note = f"its background may have run into the character; look at it, and put {matte} beside it if so"
    return _Character(rgba, drawing.size_wh, True, note)
