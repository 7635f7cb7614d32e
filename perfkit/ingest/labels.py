"""What people say of their drawings, in a table beside them or in the files' names.

In: labels.csv or labels.json, or a name such as `smile_yaw+30.png`. Out: a `Label` per drawing, a field known or not.

    labels.csv    file,yaw,pitch,roll,expression,light,licence,owner,jawOpen,...     a row per drawing, any columns
    labels.json   {"a.png": {"yaw": 30, "expression": "smile", "weights": {"jawOpen": 0.4}, "points": {...}}}

Angles are degrees as `vocabulary.HEAD_CHANNELS`: yaw > 0 turns the nose to the right edge of the picture. Points are px
of the upright picture: contour name (of `vocabulary.CONTOURS`) -> [[x, y] or [x, y, visibility] or null, ...]; what is
null is hidden, a point without visibility is seen.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from perfkit.captions import LIGHT_SIDES, read_light
from perfkit.errors import PackError
from perfkit.expression_names import CALM_NAMES, weights_from_name
from perfkit.manifest import shorten
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES, CONTOURS, NUM_CONTOUR_POINTS

SIDECARS: tuple[str, ...] = ("labels.csv", "labels.json")
MAX_SIDECAR_BYTES = 64 << 20
_ANGLES = {"yaw": 180.0, "pitch": 90.0, "roll": 180.0}
_TEXTS = ("expression", "light", "licence", "owner")
_ANGLE_WORDS = {
    "front": 0.0, "frontal": 0.0, "ahead": 0.0, "straight": 0.0,
    "threequarter": 45.0, "three": 45.0, "3q": 45.0, "quarter": 45.0, "half": 45.0,
    "side": 90.0, "profile": 90.0,
}  # fmt: skip
_TURN_WORDS = frozenset({"turn", "turned", "turns", "look", "looks", "looking", "facing", "faces", "head"})
_NOT_IN_NAMES = frozenset({"base", "normal", "default"})
_PITCH_WORDS = {"up": -20.0, "down": 20.0}
_USUAL_TURN_DEG = 45.0
_ANGLE_IN_NAME = re.compile(r"(yaw|pitch|roll|left|right|[lr])[ _=:]*([+-]?\d+(?:\.\d+)?)(?=$|[^0-9a-z.]|(?:deg))")


@dataclass(frozen=True, eq=False)
class Label:
    """What is said of one drawing; None and empty = nothing.

    Attributes:
        angle_deg: Yaw, pitch, roll.
        expression: Its name.
        weights: Blendshape name -> 0..1.
        light: In the base's words.
        points: (K, 3) float32: x, y px of the upright picture and visibility.
        licence: Of this drawing, where it has its own.
        owner: Likewise.
    """

    angle_deg: tuple[float, float, float] | None = None
    expression: str = ""
    weights: Mapping[str, float] | None = None
    light: str = ""
    points: np.ndarray | None = None
    licence: str = ""
    owner: str = ""


NO_LABEL = Label()


@dataclass(frozen=True)
class Sidecar:
    """A table of labels.

    Attributes:
        path: Where it lies; None = there is none.
        labels: Path of a drawing inside the folder -> what is said of it.
    """

    path: Path | None = None
    labels: Mapping[str, Label] = field(default_factory=dict)


def read_sidecar(folder: Path, *, yaw_sign: int = 1) -> Sidecar:
    """Read the table of labels of a folder, if it has one.

    Args:
        folder: Where the drawings lie.
        yaw_sign: -1 where a positive yaw in the table turns the nose to the left edge.

    Raises:
        PackError: There are two, it cannot be read, or a row says something that is no label.
    """
    paths = [folder / name for name in SIDECARS if (folder / name).is_file()]
    if not paths:
        return Sidecar()
    if len(paths) > 1:
        raise PackError(f"{folder}: has {' and '.join(SIDECARS)}; keep one of them")
    path = paths[0]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PackError(f"{path}: is a link that leads out of the folder; put the file itself there")
    text = _read_text(path)
    rows = _iterate_csv_rows(path, text) if path.suffix == ".csv" else _iterate_json_rows(path, text)
    labels: dict[str, Label] = {}
    for file, where, row in rows:
        if file in labels:
            raise PackError(f"{where}: {shorten(file)} is labelled twice; keep one of the rows")
        labels[file] = label_from_row(row, where, yaw_sign=yaw_sign)
    return Sidecar(path, labels)


def label_from_name(file: str, *, common_words: frozenset[str] = frozenset(), yaw_sign: int = 1) -> Label:
    """Read what a file's name says: `smile_yaw+30.png`, `aa-left45.png`, `sad_front_hard_leftlight.png`.

    Folders count too (`yaw+30/smile.png`). "left" and "right" are sides of the picture, as are yaw's signs. Words and
    numbers that mean nothing are passed over; without a number, a side counts only where nothing else could be meant.

    Args:
        file: Path inside the folder.
        common_words: Of `find_common_words`, such as the character's name: they say nothing of one drawing.
        yaw_sign: -1 where a positive yaw in the names turns the nose to the left edge.
    """
    stem = file.rpartition(".")[0].lower()
    angles: dict[str, float] = {}
    for match in _ANGLE_IN_NAME.finditer(stem):
        if match.start() and stem[match.start() - 1].isalnum():
            continue
        word, number = match[1], float(match[2])
        if word in _ANGLES:
            angles[word] = yaw_sign * number if word == "yaw" else number
        else:
            angles["yaw"] = -abs(number) if word.startswith("l") else abs(number)
    words = [word for word in _words_of(_ANGLE_IN_NAME.sub(" ", stem)) if word not in common_words]
    light, words = _light_from_words(words)
    expression, words = _expression_from_words(words)
    _angles_from_words(words, angles)
    is_angle = angles and all(abs(angles.get(name, 0)) <= limit for name, limit in _ANGLES.items())
    return Label(
        angle_deg=_complete_angle(angles) if is_angle else None,
        expression=expression,
        light=light,
    )


def _complete_angle(angles: Mapping[str, float]) -> tuple[float, float, float]:
    """Return yaw, pitch, roll; who names one angle means the others to be zero."""
    yaw_deg, pitch_deg, roll_deg = (angles.get(name, 0.0) + 0.0 for name in _ANGLES)
    return yaw_deg, pitch_deg, roll_deg


def find_common_words(files: Sequence[str]) -> frozenset[str]:
    """Return the words that the names of all files share, where there are several."""
    sets = [set(_words_of(file.rpartition(".")[0].lower())) for file in files]
    return frozenset(set.intersection(*sets)) if len(sets) > 1 else frozenset()


def _words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+|3q", text)


def _light_from_words(words: list[str]) -> tuple[str, list[str]]:
    """Return the light that some of the words name, and the words without those."""
    named = [word for word in words if word.endswith("light") and word != "light"]
    for index, word in enumerate(words):
        if word in ("light", "lit"):
            named += [near for near in words[max(0, index - 1) : index + 2] if near in LIGHT_SIDES]
    if not named:
        return "", words
    hardness = [word for word in words if word in ("hard", "gentle", "soft")][:1]
    try:
        light = read_light(" ".join([*hardness, named[0]]))
    except PackError:
        return "", words
    used = {named[0], *hardness, "light", "lit"}
    return light, [word for word in words if word not in used]


def _expression_from_words(words: list[str]) -> tuple[str, list[str]]:
    """Return the first word or pair of words that names an expression, and the words without it; calm comes last."""
    pairs = [f"{first}{second}" for first, second in pairwise(words)]
    named = [word for word in (*pairs, *words) if len(word) > 1 and weights_from_name(word) is not None]
    named = [word for word in named if word not in _NOT_IN_NAMES]
    expression = next((word for word in named if word not in CALM_NAMES), named[0] if named else "")
    return expression, [word for word in words if not expression or word not in expression]


def _angles_from_words(words: list[str], angles: dict[str, float]) -> None:
    """Add the angles that words such as front, profile, left and up name, unless numbers did."""
    turns = [_ANGLE_WORDS[word] for word in words if word in _ANGLE_WORDS]
    sides = [word for word in words if word in ("left", "right")]
    nods = [_PITCH_WORDS[word] for word in words if word in _PITCH_WORDS]
    known = {*_ANGLE_WORDS, *_PITCH_WORDS, *_TURN_WORDS, "left", "right"}
    is_turned = bool(set(words) & _TURN_WORDS) or set(words) <= known
    if "yaw" not in angles and (turns or (sides and is_turned)):
        turn = max(turns, default=_USUAL_TURN_DEG)
        if turn == 0 or len(sides) == 1:
            angles["yaw"] = -turn if sides == ["left"] and turn else turn
    if "pitch" not in angles and len(nods) == 1 and is_turned:
        angles["pitch"] = nods[0]


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SIDECAR_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if len(content) > MAX_SIDECAR_BYTES:
        raise PackError(f"{path}: larger than {MAX_SIDECAR_BYTES >> 20} MiB; this is no table of labels")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PackError(f"{path}: is not UTF-8; save it as UTF-8") from error


def _iterate_csv_rows(path: Path, text: str) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield (file, where, fields) of every row; empty cells are left out."""
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise PackError(f"{path}: is not a CSV table ({error}); save it again") from error
    header = [name.strip() for name in rows[0]] if rows else []
    known = ["file", *_ANGLES, *_TEXTS, *BLENDSHAPES]
    if "file" not in header or len(set(header)) < len(header) or not set(header) <= set(known):
        strange = sorted(set(header) - set(known)) or header
        raise PackError(
            f"{path}: columns {shorten(strange)}; expected file and, each once, some of "
            f"{', '.join([*_ANGLES, *_TEXTS])} and blendshape names"
        )
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise PackError(f"{path}: row {number} has {len(row)} cells, its header {len(header)}; correct the row")
        cells: dict[str, object] = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
        weights = {name: cells.pop(name) for name in BLENDSHAPES if name in cells}
        yield (
            str(cells.pop("file", "")),
            f"{path}: row {number}",
            {**cells, **({"weights": weights} if weights else {})},
        )


def _iterate_json_rows(path: Path, text: str) -> Iterator[tuple[str, str, dict[str, object]]]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PackError(f"{path}: is not JSON ({' '.join(str(error).split())[:80]}); correct it") from error
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise PackError(f'{path}: expected {{"FILE": {{"yaw": 30, ...}}, ...}}; write one object per drawing')
    known = {*_ANGLES, *_TEXTS, "weights", "points"}
    for file, row in table.items():
        if strange := sorted(set(row) - known):
            raise PackError(f"{path}: {shorten(file)}: unknown {shorten(strange)}; expected {', '.join(sorted(known))}")
        yield file, f"{path}: {shorten(file)}", {name: value for name, value in row.items() if value is not None}


def label_from_row(row: Mapping[str, object], where: str, *, yaw_sign: int = 1) -> Label:
    """Return what one row of a table says, its fields as in labels.json.

    Args:
        row: Field -> value; what is left out is not said.
        where: Beginning of a refusal.
        yaw_sign: -1 where a positive yaw turns the nose to the left edge.

    Raises:
        PackError: A field says something that is no label.
    """
    angles = {name: _take_number(row[name], where, name, limit) for name, limit in _ANGLES.items() if name in row}
    texts: dict[str, str] = {}
    for name in _TEXTS:
        value = row.get(name, "")
        if not isinstance(value, str) or not value.isprintable():
            raise PackError(f"{where}: {name} is {shorten(value)}, expected words; correct it")
        texts[name] = value.strip()
    weights = row.get("weights")
    if weights is not None and not (isinstance(weights, dict) and set(weights) <= set(BLENDSHAPES)):
        raise PackError(f"{where}: weights {shorten(weights)}, expected blendshape names and numbers; correct them")
    try:
        light = read_light(texts["light"]) if texts["light"] else ""
    except PackError as error:
        raise PackError(f"{where}: {error}") from error
    return Label(
        angle_deg=_complete_angle({**angles, "yaw": yaw_sign * angles.get("yaw", 0.0)}) if angles else None,
        expression=texts["expression"],
        weights=None if weights is None else _take_weights(weights, where),
        light=light,
        points=_take_points(row["points"], where) if "points" in row else None,
        licence=texts["licence"],
        owner=texts["owner"],
    )


def _take_weights(weights: Mapping[str, object], where: str) -> dict[str, float]:
    taken = {name: _take_share(value, where, name) for name, value in weights.items()}
    return {name: value for name, value in taken.items() if value > 0}


def _take_share(value: object, where: str, name: str) -> float:
    number = _take_number(value, where, name, 1.0)
    if number < 0:
        raise PackError(f"{where}: {name} is {number:g}, expected 0 to 1; correct it")
    return number


def _take_number(value: object, where: str, name: str, limit: float) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= limit:
        raise PackError(f"{where}: {name} is {shorten(value)}, expected a number up to {limit:g}; correct it")
    return number


def _take_points(contours: object, where: str) -> np.ndarray:
    """Return (K, 3): contours that are not given are hidden, and lie in the middle of those that are."""
    if not isinstance(contours, dict) or not set(contours) <= set(CONTOURS):
        raise PackError(f"{where}: points {shorten(contours)}, expected some of {', '.join(CONTOURS)}")
    points = np.full((NUM_CONTOUR_POINTS, 3), np.nan, dtype=np.float32)
    for name, given in contours.items():
        rows = CONTOUR_SLICES[name]
        if not isinstance(given, list) or len(given) != rows.stop - rows.start:
            raise PackError(f"{where}: points of {name}: expected {rows.stop - rows.start} of [x, y] or null")
        for row, point in enumerate(given, start=rows.start):
            if point is None:
                continue
            if not isinstance(point, list) or len(point) not in (2, 3):
                raise PackError(f"{where}: points of {name}: got {shorten(point)}, expected [x, y] or null")
            points[row] = (*(_take_number(value, where, name, 1e6) for value in point[:2]), 1.0)
            if len(point) == 3:
                points[row, 2] = _take_share(point[2], where, f"visibility in {name}")
    is_given = np.isfinite(points[:, 2])
    if not (points[is_given, 2] > 0).any():
        raise PackError(f"{where}: points are all hidden; leave them out")
    points[~is_given] = (*points[is_given, :2].mean(axis=0), 0.0)
    return points
