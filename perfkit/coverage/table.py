"""What a character's art covers: how many drawings there are of every turn, nod, face and light.

In: a pack. Out: a `Coverage`. A face may be several things at once (a laugh is a smile and an open mouth), so a drawing
may count in several cells; in turn, nod and light it counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from perfkit.art import ArtItem
from perfkit.coverage.bins import FACES, NODS, TURNS, find_bin, find_faces
from perfkit.coverage.cells import Cell
from perfkit.coverage.proof import NO_PROOF, Proof, read_proof
from perfkit.expression_names import weights_from_name
from perfkit.face_reading import estimate_weights
from perfkit.pack import CharacterPack
from perfkit.vocabulary import BLENDSHAPES


@dataclass(frozen=True)
class Unplaced:
    """A drawing that is in no cell, and what is not known of it."""

    file: str
    missing: str


@dataclass(frozen=True, eq=False)
class Coverage:
    """The table of a pack.

    Attributes:
        name: The pack's.
        digest: The pack's.
        files: Of all drawings, in the pack's order.
        lights: Of all drawings, the pack's own first.
        faces: Rows of the table: names of `bins.FACES`, then own names of expressions that have no known shape.
        cells: Cell -> indices of its drawings; cells without any are left out.
        unplaced: Drawings that are in no cell.
        without_points: Drawings without control points.
        proof: What the acceptance says, where there is one.
    """

    name: str
    digest: str
    files: tuple[str, ...]
    lights: tuple[str, ...]
    faces: tuple[str, ...]
    cells: Mapping[Cell, tuple[int, ...]]
    unplaced: tuple[Unplaced, ...]
    without_points: tuple[str, ...]
    proof: Proof = field(default=NO_PROOF)

    def find(self, *, turn: str = "", nod: str = "", face: str = "", light: str = "") -> tuple[int, ...]:
        """Return the drawings in all cells of the named bins; "" = any."""
        wanted = (turn, nod, face, light)
        found = {
            index
            for cell, indices in self.cells.items()
            if all(not want or want == have for want, have in zip(wanted, _names(cell), strict=True))
            for index in indices
        }
        return tuple(sorted(found))

    def find_score(self, *, turn: str, face: str) -> float | None:
        """Return the mean score over nods and lights of one turn and face; None where none was measured."""
        scores = [score for cell, score in self.proof.scores.items() if (cell.turn, cell.face) == (turn, face)]
        return float(np.mean(scores)) if scores else None


def measure_coverage(pack: CharacterPack, *, acceptance: Path | None = None) -> Coverage:
    """Count what a pack's drawings show.

    Args:
        pack: The character.
        acceptance: Folder of its acceptance, if it was judged.

    Raises:
        PackError: Its landmarks or its acceptance cannot be read.
    """
    weights, has_points = _read_points(pack)
    cells: dict[Cell, list[int]] = {}
    unplaced, own_faces, without_points = [], [], []
    for index, item in enumerate(pack.art):
        faces = _find_faces(item, weights[index])
        own_faces += [face for face in faces if face not in own_faces and face not in _FACE_NAMES]
        if not has_points[index]:
            without_points.append(item.file)
        if item.yaw_deg is None or item.pitch_deg is None or not faces:
            missing = [name for name, is_known in (("angle", item.yaw_deg is not None), ("expression", bool(faces)))
                       if not is_known]  # fmt: skip
            unplaced.append(Unplaced(item.file, " and ".join(missing)))
            continue
        turn, nod = find_bin(TURNS, item.yaw_deg).name, find_bin(NODS, item.pitch_deg).name
        for face in faces:
            cells.setdefault(Cell(turn, nod, face, item.light), []).append(index)
    placed = {cell: tuple(indices) for cell, indices in cells.items()}
    other_lights = sorted({item.light for item in pack.art} - {pack.light})
    return Coverage(
        name=pack.name,
        digest=pack.digest,
        files=tuple(item.file for item in pack.art),
        lights=(pack.light, *other_lights),
        faces=(*(face.name for face in FACES), *own_faces),
        cells=placed,
        unplaced=tuple(unplaced),
        without_points=tuple(without_points),
        proof=NO_PROOF if acceptance is None else read_proof(acceptance, pack, placed),
    )


def find_cells(item: ArtItem) -> tuple[Cell, ...]:
    """Return the cells that one drawing belongs to, going by its labels alone; none where they do not say."""
    faces = _find_faces(item, None)
    if item.yaw_deg is None or item.pitch_deg is None:
        return ()
    turn, nod = find_bin(TURNS, item.yaw_deg).name, find_bin(NODS, item.pitch_deg).name
    return tuple(Cell(turn, nod, face, item.light) for face in faces)


_FACE_NAMES = frozenset(face.name for face in FACES)


def _names(cell: Cell) -> tuple[str, str, str, str]:
    return cell.turn, cell.nod, cell.face, cell.light


def _find_faces(item: ArtItem, read: Mapping[str, float] | None) -> tuple[str, ...]:
    """Return what a drawing's face does: by its weights, else by its name, else by its control points, else nothing."""
    is_told = bool(item.weights) or "expression" in item.sources or not item.sources
    if item.weights:
        return find_faces(item.weights)
    if item.expression:
        named = weights_from_name(item.expression)
        return (item.expression,) if named is None else find_faces(named)
    if is_told:
        return find_faces({})
    return () if read is None else find_faces(read)


def _read_points(pack: CharacterPack) -> tuple[list[Mapping[str, float] | None], np.ndarray]:
    """Return what the control points say of each expression where they are known, and (N,) bool where they are."""
    num = len(pack.art)
    read: list[Mapping[str, float] | None] = [None] * num
    if pack.landmarks is None:
        return read, np.zeros(num, dtype=bool)
    landmarks = pack.load_landmarks()
    has_points = np.asarray(landmarks.visibility.any(axis=1))
    rows = np.flatnonzero(has_points)
    if len(rows):
        weights = estimate_weights(landmarks.face[rows], landmarks.visibility[rows], landmarks.head[rows])
        for index, row in zip(rows.tolist(), weights, strict=True):
            read[index] = dict(zip(BLENDSHAPES, map(float, row), strict=True))
    return read, has_points
