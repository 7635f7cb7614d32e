"""What a character's art lacks, in plain words, and what to draw next.

In: a `Coverage`. Out: gaps, each with the share of a performance that it concerns; drawings to make, best first; the
reasons why there is too little to train on.

How well the art covers a performance is a number between 0 and 1: every cell of turn, nod and face counts as much as
performances use it (`bins`), times 1 / (1 + d), where d is the way to the nearest drawing: one for each bin of turn and
of nod between them, one for another face, a half for another light than the pack's own. The expected gain of a drawing
is what it adds to that number; each in the list is reckoned as drawn before the next is chosen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from perfkit.coverage.bins import FACE_INDEX, FACES, NOD_INDEX, NODS, TURN_INDEX, TURNS
from perfkit.coverage.table import Coverage
from perfkit.errors import PackError

LEAST_DRAWINGS = 8
NUM_SUGGESTIONS = 12
_OTHER_LIGHT = 0.5
_SIDES = {"left": ("left", "far left", "profile left"), "right": ("right", "far right", "profile right")}
_EDGES_DEG = (15, 45, 75)


@dataclass(frozen=True)
class Gap:
    """Something that no drawing shows.

    Attributes:
        words: A sentence without its full stop.
        use: Share of a performance that it concerns.
    """

    words: str
    use: float


@dataclass(frozen=True)
class Suggestion:
    """A drawing to make.

    Attributes:
        turn: Of `bins.TURNS`.
        nod: Of `bins.NODS`.
        face: Of `bins.FACES`.
        light: The pack's own.
        gain: What it adds to the covered share of a performance.
    """

    turn: str
    nod: str
    face: str
    light: str
    gain: float

    @property
    def words(self) -> str:
        """What to draw, for a person."""
        turn, nod = TURNS[TURN_INDEX[self.turn]], NODS[NOD_INDEX[self.nod]]
        side = "ahead" if turn.middle_deg == 0 else f"{abs(turn.middle_deg):.0f} deg to the {_side_of(turn.name)}"
        level = "level" if nod.middle_deg == 0 else f"{abs(nod.middle_deg):.0f} deg {nod.name}"
        return f"looking {side}, {level}, {FACES[FACE_INDEX[self.face]].words}, in {self.light}"


def measure_covered_share(coverage: Coverage) -> float:
    """Return how well the drawings cover a performance, 0..1, as told above."""
    return float((_USE * _nearness_of(coverage)).sum())


def plan_drawings(coverage: Coverage, *, limit: int = NUM_SUGGESTIONS) -> list[Suggestion]:
    """Return the drawings that would add most, best first."""
    nearness = _nearness_of(coverage)
    suggestions = []
    for _ in range(limit):
        gains = (_USE * np.maximum(_NEARNESS - nearness, 0.0)).sum(axis=(3, 4, 5))
        turn, nod, face = np.unravel_index(int(gains.argmax()), gains.shape)
        gain = float(gains[turn, nod, face])
        if gain < 1e-4:
            break
        names = TURNS[turn].name, NODS[nod].name, FACES[face].name
        suggestions.append(Suggestion(*names, coverage.lights[0], gain))
        nearness = np.maximum(nearness, _NEARNESS[turn, nod, face])
    return suggestions


def find_gaps(coverage: Coverage) -> list[Gap]:
    """Return what the art lacks, what concerns most of a performance first."""
    gaps = [*_find_missing_bins(coverage), *_find_missing_faces_by_turn(coverage), *_find_missing_nods(coverage)]
    gaps += _find_missing_lights(coverage)
    return sorted(gaps, key=lambda gap: -gap.use)


def find_shortages(coverage: Coverage) -> list[str]:
    """Return why there is too little to train on: the minimum is that none of these is true."""
    placed = len(coverage.files) - len(coverage.unplaced)
    shortages = []
    if placed < LEAST_DRAWINGS:
        shortages.append(f"{placed} drawings with known angle and expression, at least {LEAST_DRAWINGS} are needed")
    if coverage.without_points:
        num = len(coverage.without_points)
        shortages.append(f"{num} of {len(coverage.files)} drawings have no control points (give them in labels.csv)")
    if not coverage.find(turn="front"):
        shortages.append("no drawing looks ahead")
    for side, turns in _SIDES.items():
        if not any(coverage.find(turn=turn) for turn in turns):
            shortages.append(f"no drawing looks {side} by 15 deg or more")
    for face in ("mouth open", "eyes shut"):
        if not coverage.find(face=face):
            shortages.append(f"no drawing {FACES[FACE_INDEX[face]].words}")
    return shortages


def require_minimum(coverage: Coverage, *, where: str) -> None:
    """Refuse to train on art that shows too little.

    Raises:
        PackError: Below the minimum, with all reasons.
    """
    if shortages := find_shortages(coverage):
        raise PackError(
            f"{where}: too little to train on: {'; '.join(shortages)}; see perfkit character coverage {where}, or "
            "train with --anyway"
        )


def _uses() -> np.ndarray:
    """Return (turns, nods, faces): share of a performance in each cell, summing to 1."""
    turns, nods = np.array([turn.use for turn in TURNS]), np.array([nod.use for nod in NODS])
    faces = np.array([face.use for face in FACES])
    use = turns[:, None, None] * nods[None, :, None] * faces
    return use / use.sum()


def _nearness() -> np.ndarray:
    """Return (turns, nods, faces, turns, nods, faces): how much of the latter cell a drawing of the former covers."""
    turn, nod, face = np.arange(len(TURNS)), np.arange(len(NODS)), np.arange(len(FACES))
    ways = (
        np.abs(turn[:, None] - turn)[:, None, None, :, None, None]
        + np.abs(nod[:, None] - nod)[None, :, None, None, :, None]
        + (face[:, None] != face)[None, None, :, None, None, :]
    )
    return 1.0 / (1.0 + ways)


_USE, _NEARNESS = _uses(), _nearness()


def _nearness_of(coverage: Coverage) -> np.ndarray:
    """Return (turns, nods, faces): how near the nearest drawing is to each cell, 1 = in it, 0 = there is none."""
    out = np.zeros_like(_USE)
    for cell in coverage.cells:
        turn, nod = TURN_INDEX[cell.turn], NOD_INDEX[cell.nod]
        if cell.face in FACE_INDEX:
            near = _NEARNESS[turn, nod, FACE_INDEX[cell.face]]
        else:
            ways = 1.0 / _NEARNESS[turn, nod, 0] - 1.0
            near = 1.0 / (2.0 + ways - (np.arange(len(FACES)) != 0))
        if cell.light != coverage.lights[0]:
            near = 1.0 / (1.0 / near + _OTHER_LIGHT)
        out = np.maximum(out, near)
    return out


def _find_missing_bins(coverage: Coverage) -> list[Gap]:
    gaps = []
    missing_turns = [turn.name for turn in TURNS if not coverage.find(turn=turn.name)]
    if missing_turns:
        use = _use_of(turns=missing_turns)
        aside = "" if use > 0 else ", where no performance goes"
        gaps.append(Gap(f"no drawing looks {_describe_turns(missing_turns)}{aside}", use))
    for nod in NODS:
        if not coverage.find(nod=nod.name):
            gaps.append(Gap(f"no drawing {nod.words}", _use_of(nods=[nod.name])))
    for face in FACES:
        if not coverage.find(face=face.name):
            gaps.append(Gap(f"no drawing at all {face.words}", _use_of(faces=[face.name])))
    return gaps


def _find_missing_faces_by_turn(coverage: Coverage) -> list[Gap]:
    """Tell of faces that are drawn, but not at every turn that is drawn; faces that lack the same turns together."""
    drawn_turns = [turn.name for turn in TURNS if coverage.find(turn=turn.name)]
    lacking: dict[tuple[str, ...], list[str]] = {}
    for face in FACES:
        if coverage.find(face=face.name):
            missing = tuple(turn for turn in drawn_turns if not coverage.find(turn=turn, face=face.name))
            lacking.setdefault(missing, []).append(face.name)
    return [
        Gap(
            f"no drawing looks {_describe_turns(turns)} {_join([FACES[FACE_INDEX[face]].words for face in faces])}",
            _use_of(turns=turns, faces=faces),
        )
        for turns, faces in lacking.items()
        if turns
    ]


def _find_missing_nods(coverage: Coverage) -> list[Gap]:
    drawn_turns = [turn.name for turn in TURNS if coverage.find(turn=turn.name)]
    gaps = []
    for nod in (NODS[0], NODS[-1]):
        missing = [turn for turn in drawn_turns if not coverage.find(turn=turn, nod=nod.name)]
        if coverage.find(nod=nod.name) and missing:
            use = _use_of(turns=missing, nods=[nod.name])
            gaps.append(Gap(f"no drawing {nod.words} while facing {_describe_turns(missing)}", use))
    return gaps


def _find_missing_lights(coverage: Coverage) -> list[Gap]:
    own = coverage.lights[0]
    if not coverage.find(light=own):
        return [Gap(f"no drawing is in the light that the character is rendered in, {own}", 1.0)]
    drawn_turns = [turn.name for turn in TURNS if coverage.find(turn=turn.name)]
    missing = [turn for turn in drawn_turns if not coverage.find(turn=turn, light=own)]
    if not missing:
        return []
    return [Gap(f"no drawing in {own}, its own light, looks {_describe_turns(missing)}", _use_of(turns=missing))]


def _use_of(
    *, turns: Iterable[str] | None = None, nods: Iterable[str] | None = None, faces: Iterable[str] | None = None
) -> float:
    """Return the share of a performance in all cells of the named bins; None = all."""
    picked = _USE
    for axis, (names, index) in enumerate(((turns, TURN_INDEX), (nods, NOD_INDEX), (faces, FACE_INDEX))):
        if names is not None:
            picked = picked.take([index[name] for name in names], axis=axis)
    return float(picked.sum())


def _describe_turns(turns: Sequence[str]) -> str:
    """Return "ahead", "left beyond 45 deg", "to either side by 15 to 45 deg", ... for a set of turns."""
    parts = ["ahead"] if "front" in turns else []
    ranges = {side: _describe_side([name in turns for name in names]) for side, names in _SIDES.items()}
    if ranges["left"] and ranges["left"] == ranges["right"]:
        parts += [f"to either side {words}" for words in ranges["left"]]
    else:
        parts += [f"{side} {words}" for side, sides in ranges.items() for words in sides]
    return _join(parts)


def _describe_side(is_missing: list[bool]) -> list[str]:
    """Return the ranges of one side's three bins that are missing: "beyond 45 deg", "by 15 to 45 deg"."""
    words, start = [], None
    for index, missing in enumerate([*is_missing, False]):
        if missing and start is None:
            start = index
        elif not missing and start is not None:
            is_open = index == len(is_missing)
            words.append(
                f"beyond {_EDGES_DEG[start]} deg" if is_open else f"by {_EDGES_DEG[start]} to {_EDGES_DEG[index]} deg"
            )
            start = None
    return words


def _side_of(turn: str) -> str:
    return "left" if turn in _SIDES["left"] else "right"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
