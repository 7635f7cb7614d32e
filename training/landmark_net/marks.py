"""Points that a person placed on other people's drawings, and how far a reader is from them.

In: marks.json (numbers only: the drawings are not perfkit's and lie elsewhere), a folder, a reader. Out: `ArtFigures`.

    marks     outer, inner, upper, lower of each eye; irises; ends and middle of the brows; tip of the nose; corners and
              middles of the lips; chin; a point on each side of the jaw, which is measured to the face's edge
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfkit.composite import composite
from perfkit.errors import PackError
from perfkit.face_reading import GROUND_RGB, LEAST_CONFIDENCE, LandmarkReader
from perfkit.ingest.read import read_drawing
from perfkit.vocabulary import CONTOUR_SLICES

MARKS_PATH = Path(__file__).parent / "marks.json"


@dataclass(frozen=True, eq=False)
class MarkedDrawing:
    """A drawing's file name and its points, name -> (2,) px."""

    file: str
    points: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class MarkedSet:
    """Marked drawings of one style.

    Attributes:
        name: Of the style, and of the folder that holds the drawings.
        source: Who drew them and where they are from.
        licence: Of the drawings.
        eye_distance_px: Between the eyes seen from the front; None: each drawing's own.
        drawings: With their points.
    """

    name: str
    source: str
    licence: str
    eye_distance_px: float | None
    drawings: tuple[MarkedDrawing, ...]


@dataclass(frozen=True, eq=False)
class ArtFigures:
    """What a reader makes of one style, in shares of the eye distance.

    Attributes:
        num_drawings: How many are marked.
        num_found: In how many a face was seen.
        error: Mean over all marks of the drawings in which one was; NaN: in none.
        median: Median over the same marks.
        by_part: "eyes", "irises", "brows", "nose", "mouth", "face" -> mean error.
    """

    num_drawings: int
    num_found: int
    error: float
    median: float
    by_part: Mapping[str, float]


def read_marks(path: Path = MARKS_PATH) -> dict[str, MarkedSet]:
    """Return all marked sets by name."""
    table = json.loads(path.read_text(encoding="utf-8"))
    sets = {}
    for each in table["sets"]:
        drawings = tuple(
            MarkedDrawing(file, {name: np.array(place, dtype=np.float64) for name, place in points.items()})
            for file, points in each["drawings"].items()
        )
        sets[each["name"]] = MarkedSet(each["name"], each["source"], each["licence"], each["eye_distance_px"], drawings)
    return sets


def measure_art(folder: Path, reader: LandmarkReader, sets: Mapping[str, MarkedSet]) -> ArtFigures:
    """Let a reader read the marked drawings of a folder, which is named like their style, as ingest shows them to it.

    Raises:
        PackError: No style of that name is marked, or a marked drawing cannot be read.
    """
    if folder.resolve().name not in sets:
        raise PackError(f"{folder}: no style of this folder's name is marked; marked are {', '.join(sets)}")
    marked = sets[folder.resolve().name]
    pictures = []
    for drawing in marked.drawings:
        rgba = read_drawing(folder / drawing.file).rgba
        pictures.append(composite(rgba, np.full((*rgba.shape[:2], 3), GROUND_RGB, np.uint8)))
    found = reader.predict(np.stack(pictures))
    return measure_marks(marked, found.points, found.confidence >= LEAST_CONFIDENCE)


def measure_marks(marked: MarkedSet, points: np.ndarray, is_found: np.ndarray) -> ArtFigures:
    """Measure a reader's points against those placed by hand.

    Args:
        marked: N drawings.
        points: (N, K, 2) px of the drawings, rows as `vocabulary.CONTOURS`.
        is_found: (N,) bool: whether the reader saw a face.
    """
    errors: dict[str, list[float]] = {part: [] for part in _PART_OF.values()}
    for drawing, contours, has_face in zip(marked.drawings, points, is_found, strict=True):
        if has_face:
            distance = marked.eye_distance_px or _measure_eye_distance(drawing.points)
            for name, place in drawing.points.items():
                errors[_part_of(name)].append(_measure_distance(name, place, contours) / distance)
    everything = [error for part in errors.values() for error in part]
    return ArtFigures(
        num_drawings=len(marked.drawings),
        num_found=int(np.sum(is_found)),
        error=_mean(everything),
        median=float(np.median(everything)) if everything else float("nan"),
        by_part={part: _mean(values) for part, values in errors.items()},
    )


def _measure_distance(name: str, place: np.ndarray, contours: np.ndarray) -> float:
    if name.startswith("jaw_"):
        oval = contours[CONTOUR_SLICES["face_oval"]]
        return _distance_to_line(place, oval[:19] if name == "jaw_left" else oval[18:])
    return float(np.linalg.norm(contours[_ROWS[name]].mean(axis=0) - place))


def _distance_to_line(place: np.ndarray, line: np.ndarray) -> float:
    """Return the distance of a point (2,) to the nearest of a polyline's (P, 2) sections."""
    start, way = line[:-1], np.diff(line, axis=0)
    share = ((place - start) * way).sum(axis=1) / np.maximum((way**2).sum(axis=1), 1e-9)
    nearest = start + np.clip(share, 0, 1)[:, None] * way
    return float(np.linalg.norm(nearest - place, axis=1).min())


def _measure_eye_distance(points: Mapping[str, np.ndarray]) -> float:
    """Return the distance between the middles of both eyes' corners."""
    left, right = (0.5 * (points[f"{side}_eye_outer"] + points[f"{side}_eye_inner"]) for side in ("left", "right"))
    return float(np.linalg.norm(left - right))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _rows() -> dict[str, list[int]]:
    """Return for each mark the contour points whose mean it is."""

    def at(contour: str, *steps: int) -> list[int]:
        return [CONTOUR_SLICES[contour].start + step for step in steps]

    rows = {"nose_tip": at("nose_bridge", 5), "mouth_right": at("outer_lips", 0), "mouth_left": at("outer_lips", 10),
            "upper_lip": at("outer_lips", 15), "lower_lip": at("outer_lips", 5),
            "chin": at("face_oval", 18)}  # fmt: skip
    for side in ("left", "right"):
        for step, corner in ((0, "outer"), (4, "lower"), (8, "inner"), (12, "upper")):
            rows[f"{side}_eye_{corner}"] = at(f"{side}_eye", step)
        rows[f"{side}_iris"] = at(f"{side}_iris", 0)
        for steps, place in (((0, 9), "outer"), ((2, 7), "middle"), ((4, 5), "inner")):
            rows[f"{side}_brow_{place}"] = at(f"{side}_brow", *steps)
    return rows


_ROWS = _rows()
_PART_OF = {"eye": "eyes", "iris": "irises", "brow": "brows", "nose": "nose", "mouth": "mouth", "lip": "mouth",
            "chin": "face", "jaw": "face"}  # fmt: skip


def _part_of(name: str) -> str:
    return next(part for word, part in _PART_OF.items() if word in name.split("_"))
