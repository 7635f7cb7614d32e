"""The acceptance result beside the coverage: what a drawing nearby is worth to a pose that was never trained on.

In: acceptance.json of `character evaluate`, a pack. Out: a `Proof`: scores of cells, and of drawings by their way to
the nearest drawing that was trained on.

A score is the share of the way from the bare base to the autoencoder that the character's render goes, so that poses
which are hard for any adapter count as others do. Only drawings that were never trained on have one.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfkit.coverage.bins import NOD_INDEX, TURN_INDEX
from perfkit.coverage.cells import Cell
from perfkit.errors import PackError
from perfkit.pack import CharacterPack

ACCEPTANCE_NAME = "acceptance.json"
_WAYS = ("in a cell that was trained on", "one step from the nearest", "two steps or more from the nearest")


@dataclass(frozen=True)
class WayScore:
    """Drawings never trained on that are as far from the nearest trained one.

    Attributes:
        words: How far.
        num_drawings: How many.
        gap_closed: Their mean score.
        psnr_db: Their mean PSNR.
    """

    words: str
    num_drawings: int
    gap_closed: float
    psnr_db: float


@dataclass(frozen=True)
class Proof:
    """What an acceptance says of a table.

    Attributes:
        scores: Cell -> mean score of its drawings that were never trained on.
        ways: The same drawings by their way to the nearest one that was trained on, nearest first.
        untrained: Indices of all drawings that were never trained on.
    """

    scores: Mapping[Cell, float]
    ways: tuple[WayScore, ...]
    untrained: frozenset[int]


NO_PROOF = Proof({}, (), frozenset())


def read_proof(folder: Path, pack: CharacterPack, cells: Mapping[Cell, Sequence[int]]) -> Proof:
    """Read what an acceptance found.

    Args:
        folder: Where `character evaluate` wrote.
        pack: The same character, with the same adapter.
        cells: Cell -> indices of its drawings.

    Raises:
        PackError: No acceptance there, of another adapter, or one that cannot be read.
    """
    path = folder / ACCEPTANCE_NAME
    again = f"run: perfkit character evaluate {pack.folder} -o {folder}"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        adapter, drawings = table["adapter"], table["drawings"]
        figures = {file: (float(each["gap_closed"]), float(each["psnr_db"])) for file, each in drawings.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackError(f"{path}: no acceptance that can be read ({error}); {again}") from error
    fitting = [lora for lora in pack.loras.values() if lora.sha256 == adapter]
    if not fitting:
        raise PackError(f"{path}: judges another adapter than the pack's; {again}")
    unseen = {file for lora in fitting for file in lora.held_out}
    untrained = frozenset(index for index, item in enumerate(pack.art) if item.file in unseen)
    scored = {
        index: figures[pack.art[index].file]
        for index in sorted(untrained)
        if pack.art[index].file in figures and math.isfinite(figures[pack.art[index].file][0])
    }
    scores = {}
    for cell, indices in cells.items():
        if found := [scored[index][0] for index in indices if index in scored]:
            scores[cell] = float(np.mean(found))
    return Proof(scores, _sort_by_way(cells, scored, untrained), untrained)


def _sort_by_way(
    cells: Mapping[Cell, Sequence[int]], scored: Mapping[int, tuple[float, float]], untrained: frozenset[int]
) -> tuple[WayScore, ...]:
    trained_cells = [cell for cell, indices in cells.items() if set(indices) - untrained]
    groups: list[list[tuple[float, float]]] = [[] for _ in _WAYS]
    for index, figures in scored.items():
        own = [cell for cell, indices in cells.items() if index in indices]
        if own and trained_cells:
            groups[min(measure_way(own, trained_cells), len(_WAYS) - 1)].append(figures)
    return tuple(
        WayScore(words, len(group), *np.mean(group, axis=0).tolist())
        for words, group in zip(_WAYS, groups, strict=True)
        if group
    )


def measure_way(cells: Iterable[Cell], others: Sequence[Cell]) -> int:
    """Return the way from a drawing in some cells to the nearest of others.

    One for each bin of turn and of nod between them, one for another face; lights count for nothing here.
    """
    return min(
        abs(TURN_INDEX[cell.turn] - TURN_INDEX[other.turn])
        + abs(NOD_INDEX[cell.nod] - NOD_INDEX[other.nod])
        + (cell.face != other.face)
        for cell in cells
        for other in others
    )
