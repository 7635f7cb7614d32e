"""Which drawing stands for a cell of the table, and its small picture.

In: a pack, its `Coverage`. Out: `Tile`s, one for each turn and face; nods and lights of it are told in counts.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfkit.art import read_art
from perfkit.composite import composite, resize
from perfkit.coverage.bins import TURN_INDEX, TURNS
from perfkit.coverage.gaps import Suggestion
from perfkit.coverage.table import Coverage
from perfkit.pack import CharacterPack

TILE_PX = 104
TILE_RGB = (236, 234, 228)


@dataclass(frozen=True, eq=False)
class Tile:
    """One turn and face.

    Attributes:
        turn: Of `bins.TURNS`.
        face: Of the coverage's faces.
        num_drawings: Over all nods and lights.
        lights: Per light of the coverage, whether one of them is in it.
        image_rgb: (104, 104, 3) uint8, the drawing that shows it best; None = there is none.
        rank: Place in the list of what to draw next, from 1; None = not in it.
        score: Mean acceptance score of its drawings that were never trained on; None = not measured.
        is_untrained: None of its drawings was trained on.
    """

    turn: str
    face: str
    num_drawings: int
    lights: tuple[bool, ...]
    image_rgb: np.ndarray | None
    rank: int | None
    score: float | None
    is_untrained: bool = False


def make_tiles(pack: CharacterPack, coverage: Coverage, suggestions: list[Suggestion]) -> list[list[Tile]]:
    """Return the tiles, face by face, turn by turn.

    Raises:
        PackError: A drawing cannot be read.
    """
    ranks: dict[tuple[str, str], int] = {}
    for number, suggestion in enumerate(suggestions, start=1):
        ranks.setdefault((suggestion.turn, suggestion.face), number)
    pictures: dict[int, np.ndarray] = {}
    rows = []
    for face in coverage.faces:
        row = []
        for turn in (each.name for each in TURNS):
            indices = coverage.find(turn=turn, face=face)
            best = min(indices, key=lambda index: _oddity(pack, coverage, index, turn), default=None)
            if best is not None and best not in pictures:
                pictures[best] = _make_picture(pack.folder / pack.art[best].file)
            lights = tuple(bool(coverage.find(turn=turn, face=face, light=light)) for light in coverage.lights)
            score = coverage.find_score(turn=turn, face=face)
            image_rgb = None if best is None else pictures[best]
            is_untrained = bool(indices) and set(indices) <= coverage.proof.untrained
            rank = ranks.get((turn, face))
            row.append(Tile(turn, face, len(indices), lights, image_rgb, rank, score, is_untrained))
        rows.append(row)
    return rows


def _oddity(pack: CharacterPack, coverage: Coverage, index: int, turn: str) -> tuple[float, int]:
    """Return how badly a drawing shows a turn plainly: nodding, in another light, off the middle, with other faces."""
    item = pack.art[index]
    assert item.yaw_deg is not None and item.pitch_deg is not None
    off_deg = abs(item.yaw_deg - TURNS[TURN_INDEX[turn]].middle_deg) + 1.5 * abs(item.pitch_deg)
    faces = {cell.face for cell, indices in coverage.cells.items() if index in indices}
    return off_deg + 10 * (item.light != pack.light) + 8 * len(faces), index


def _make_picture(path: Path) -> np.ndarray:
    rgba = read_art(path)
    height, width = rgba.shape[:2]
    ground = np.full((height, width, 3), TILE_RGB, dtype=np.uint8)
    gain = TILE_PX / max(height, width)
    small = resize(composite(rgba, ground), (max(1, round(width * gain)), max(1, round(height * gain))))
    out = np.full((TILE_PX, TILE_PX, 3), TILE_RGB, dtype=np.uint8)
    top, left = TILE_PX - small.shape[0], (TILE_PX - small.shape[1]) // 2
    out[top:, left : left + small.shape[1]] = small
    return out
