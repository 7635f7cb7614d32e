"""Which of two readers is believed about a character's faces: MediaPipe, which knows people, or the landmark network.

In: pictures, readers. Out: a `resolve.Face` per picture, with how far both are apart, and a `ReaderChoice` for people.

MediaPipe lays its mesh of a person over whatever it takes for a face, and says nothing of how sure it is. Where the
face is a person's, it finds the same points in the same picture tilted, smaller or mirrored; on other faces they
wander:

    plausible      in the middle of four such views the features' points wander by at most 3 % of the eye distance
    first choice   for a character of whose drawings that show enough of the face at least half are plausible
    all others     the network's, and in a drawing that is not plausible

One reader for one character: two that differ in their habits would show the engine two different faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.face_reading import LEAST_CONFIDENCE, LandmarkReader
from perfkit.headspace import MIRROR_ROWS
from perfkit.ingest.resolve import Face
from perfkit.vocabulary import CONTOUR_SLICES

STEADY = 0.03
"""How far a plausible face's points may wander, in eye distances: 48 of 69 people's faces in footage at 256 px stayed
under it, 1 of 41 faces drawn in five styles did.
"""

APART = 0.1
"""How far two readings may be apart, in eye distances, before a person is told."""

LEAST_SHARE = 0.5
_MOST_TURN_DEG = 45.0
_VIEWS: tuple[tuple[float, float, bool], ...] = (
    (8.0, 0.9, False),
    (-8.0, 0.9, False),
    (0.0, 0.75, False),
    (0.0, 1.0, True),
)
"""Tilt in degrees, scale, mirrored."""

_FEATURES = slice(CONTOUR_SLICES["face_oval"].stop, None)


@dataclass(frozen=True)
class Readers:
    """Who reads faces. `drawn`: drawings, the landmark network; `people`: photographs and drawings like them."""

    drawn: LandmarkReader | None = None
    people: LandmarkReader | None = None


@dataclass(frozen=True)
class ReaderChoice:
    """How the choice fell.

    Attributes:
        num_read: Pictures that were read.
        num_people: In how many MediaPipe found a face.
        num_plausible: In how many of them it is plausible.
        is_person: Whether MediaPipe is the first choice.
    """

    num_read: int = 0
    num_people: int = 0
    num_plausible: int = 0
    is_person: bool = False


def read_faces(
    pictures: np.ndarray, readers: Readers, *, yaws_deg: Sequence[float | None]
) -> tuple[list[Face | None], ReaderChoice]:
    """Read the faces of one character.

    Args:
        pictures: (N, H, W, 3) uint8.
        readers: Who reads.
        yaws_deg: How far each head is turned, where it is told.

    Returns:
        A face per picture, None where nobody sees one; how the choice fell.
    """
    num = len(pictures)
    drawn = _read(readers.drawn, pictures)
    people = _read(readers.people, pictures)
    plausible = _find_plausible(readers.people, pictures, people)
    shows_face = [yaw is None or abs(yaw) <= _MOST_TURN_DEG for yaw in yaws_deg]
    num_shown = sum(shows_face)
    share = sum(map(bool.__and__, plausible, shows_face)) / num_shown if num_shown else 0.0
    is_person = share >= LEAST_SHARE
    faces: list[Face | None] = []
    for index in range(num):
        apart = _measure_apart(drawn[index], people[index])
        if is_person and plausible[index]:
            faces.append(_take(people[index], "mediapipe", apart))
        else:
            faces.append(_take(drawn[index], "landmark net", apart))
    num_people = sum(face is not None for face in people)
    return faces, ReaderChoice(num, num_people, sum(plausible), is_person)


_Reading = tuple[np.ndarray, np.ndarray] | None


def _read(reader: LandmarkReader | None, pictures: np.ndarray) -> list[_Reading]:
    if reader is None or not len(pictures):
        return [None] * len(pictures)
    found = reader.predict(pictures)
    return [
        (points, visibility) if confidence >= LEAST_CONFIDENCE else None
        for points, visibility, confidence in zip(found.points, found.visibility, found.confidence, strict=True)
    ]


def _take(reading: _Reading, source: str, apart: float) -> Face | None:
    return None if reading is None else Face(*reading, source, apart)


def _find_plausible(reader: LandmarkReader | None, pictures: np.ndarray, found: list[_Reading]) -> list[bool]:
    """Return for each picture whether the reader finds the same face in most views of it."""
    rows = [index for index, face in enumerate(found) if face is not None]
    wanders = np.full((len(pictures), len(_VIEWS)), np.inf)
    for column, (tilt_deg, scale, is_mirrored) in enumerate(_VIEWS if rows else ()):
        transform = _make_view(pictures.shape[1:3], tilt_deg, scale, is_mirrored)
        size_wh = (pictures.shape[2], pictures.shape[1])
        views = [cv2.warpAffine(pictures[row], transform, size_wh, borderMode=cv2.BORDER_REPLICATE) for row in rows]
        for row, again in zip(rows, _read(reader, np.stack(views)), strict=True):
            face = found[row]
            if face is not None and again is not None:
                wanders[row, column] = _wander(face[0], again[0], transform)
    middle = np.sort(wanders, axis=1)[:, len(_VIEWS) // 2]
    return [bool(value <= STEADY) for value in middle]


def _make_view(shape_hw: Sequence[int], tilt_deg: float, scale: float, is_mirrored: bool) -> np.ndarray:
    """Return (2, 3): px of the view from px of the picture, about its middle."""
    height, width = shape_hw
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), tilt_deg, scale)
    return np.array([[-1, 0, width - 1], [0, 1, 0]]) @ np.vstack([turn, [0, 0, 1]]) if is_mirrored else turn


def _wander(points: np.ndarray, again: np.ndarray, view_from_picture: np.ndarray) -> float:
    """Return the mean way between a face and the one found in a view of it, in eye distances."""
    turn, shift = view_from_picture[:, :2], view_from_picture[:, 2]
    back = np.linalg.solve(turn, (again - shift).T).T
    if np.linalg.det(turn) < 0:
        back = back[MIRROR_ROWS]
    return float(np.linalg.norm(back - points, axis=1)[_FEATURES].mean() / _eye_distance(points))


def _measure_apart(first: _Reading, second: _Reading) -> float:
    """Return the mean way between two readings over what the first takes for seen of the features, in eye distances."""
    if first is None or second is None:
        return float("nan")
    is_seen = first[1][_FEATURES] >= 0.5
    if not is_seen.any():
        return float("nan")
    way = np.linalg.norm(first[0] - second[0], axis=1)[_FEATURES][is_seen]
    return float(way.mean() / _eye_distance(first[0]))


def _eye_distance(points: np.ndarray) -> float:
    left, right = (points[CONTOUR_SLICES[f"{side}_eye"]].mean(axis=0) for side in ("left", "right"))
    return max(float(np.linalg.norm(left - right)), 1e-6)
