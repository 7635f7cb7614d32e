"""What reads the character's face in the result, and what its readings mean.

In: a reader (the cartoon landmark network, or anything with its call), pictures, the character's own drawings.
Out: points in the picture and in head space, head channels, and how far the reader is off on drawings that are known.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from perfkit.art import read_art
from perfkit.headspace import RIGID_WEIGHTS
from perfkit.measures import eye_apertures
from perfkit.metrics import eye_distance_from_rig, measure_landmark_error
from perfkit.metrics.head_fit import fit_head, lift_points
from perfkit.pack import CharacterPack
from perfkit.rig import face_points, present_rows
from perfkit.score.matte import lay_over_grey
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, NUM_CONTOUR_POINTS

LEAST_CONFIDENCE = 0.5
FIT_WEIGHTS = RIGID_WEIGHTS + 0.15
"""(K,): how much each point counts in the fit of a head; with the expression known, all of them tell of its turn."""
_BATCH = 16
_MOST_PX = 512
_BLINKS = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
_SQUINTS = [BLENDSHAPE_INDEX["eyeSquintLeft"], BLENDSHAPE_INDEX["eyeSquintRight"]]
_EYE_ROWS = [CONTOUR_SLICES["left_eye"].start, CONTOUR_SLICES["right_eye"].start]


class Readings(Protocol):
    """What a reader found in N pictures.

    Attributes:
        points: (N, K, 2) float32 px, rows as `vocabulary.CONTOURS`.
        visibility: (N, K) float32 in 0..1.
        confidence: (N,) float32 in 0..1, near 0 where no face was seen.
    """

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class LandmarkReader(Protocol):
    """Finds the control points of drawn faces."""

    def predict(self, images_rgb: np.ndarray) -> Readings:
        """Return what is found in pictures (N, H, W, 3) uint8, one face each."""
        ...


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces read in a video.

    Attributes:
        points: (T, K, 2) px of the result; NaN where no face was read.
        visibility: (T, K) in 0..1, 0 where no face was read and for parts that the character lacks.
        is_found: (T,) bool.
        head: (T, 6), columns as `vocabulary.HEAD_CHANNELS`; NaN where no face was read.
        head_points: (T, K, 3), head space; NaN where no face was read and for parts that the character lacks.
    """

    points: np.ndarray
    visibility: np.ndarray
    is_found: np.ndarray
    head: np.ndarray
    head_points: np.ndarray


@dataclass(frozen=True, eq=False)
class ReaderFloor:
    """What the reader makes of the character's own drawings, whose points are known.

    Attributes:
        error: Landmark error, eye distances; NaN when the pack states no points.
        bias: (K, 2), how far it places each point wrongly, head space; 0 where that is not known.
        head_bias_deg: (3,), how far it turns the head wrongly: yaw, pitch, roll.
        open_aperture: What it reads of open eyes, lid distance / eye width.
        shut_aperture: What it reads of shut eyes.
    """

    error: float
    bias: np.ndarray
    head_bias_deg: np.ndarray
    open_aperture: float
    shut_aperture: float


class FaceQueue:
    """Gathers pictures for a reader until a batch is full; holds at most that batch."""

    def __init__(self, reader: LandmarkReader) -> None:
        self._reader = reader
        self._waiting: list[np.ndarray] = []
        self._scales: list[np.ndarray] = []
        self._read: list[Readings] = []

    def put(self, image_rgb: np.ndarray) -> None:
        """Add the next picture (H, W, 3) uint8; large ones are read smaller."""
        height, width = image_rgb.shape[:2]
        scale = min(1.0, _MOST_PX / max(height, width))
        if scale < 1:
            size = (round(scale * width), round(scale * height))
            image_rgb = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA)
        self._scales.append(np.array([width, height]) / np.array(image_rgb.shape[1::-1]))
        self._waiting.append(image_rgb)
        if len(self._waiting) == _BATCH:
            self._flush()

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return points (N, K, 2) px of the pictures as they came, visibility (N, K), confidence (N,)."""
        if self._waiting:
            self._flush()
        if not self._read:
            return np.zeros((0, NUM_CONTOUR_POINTS, 2)), np.zeros((0, NUM_CONTOUR_POINTS)), np.zeros(0)
        points = np.concatenate([each.points for each in self._read]).astype(np.float64)
        visibility = np.concatenate([each.visibility for each in self._read]).astype(np.float64)
        confidence = np.concatenate([each.confidence for each in self._read]).astype(np.float64)
        return points * np.array(self._scales)[:, None], visibility, confidence

    def _flush(self) -> None:
        self._read.append(self._reader.predict(np.stack(self._waiting)))
        self._waiting = []


def understand_faces(
    readings: tuple[np.ndarray, np.ndarray, np.ndarray], pack: CharacterPack, weights: np.ndarray, bias: np.ndarray
) -> Faces:
    """Find the heads behind read points, and carry the points to head space.

    The head is fitted with the expression that was asked for; only what the reader saw decides where it is turned.

    Args:
        readings: Points (T, K, 2) px, visibility (T, K), confidence (T,).
        pack: The character.
        weights: (T, 52), its expression.
        bias: (K, 2), the reader's own error in head space, taken off.
    """
    points, visibility, confidence = readings
    present = present_rows(pack.rig)
    is_found = confidence >= LEAST_CONFIDENCE
    visibility = visibility * present * is_found[:, None]
    points = np.where(is_found[:, None, None], points, np.nan)
    model = face_points(pack.rig, weights).astype(np.float64)
    fit_weights = np.where(visibility >= 0.5, FIT_WEIGHTS, 0.0)
    head = fit_head(points, model, weights=fit_weights)
    head_points = lift_points(points, head, model[..., 2])
    head_points[..., :2] -= bias
    head_points[~np.isfinite(head).all(axis=1)] = np.nan
    head_points[:, ~present] = np.nan
    return Faces(points, visibility, is_found, head, head_points)


def measure_reader(reader: LandmarkReader, pack: CharacterPack) -> ReaderFloor:
    """Let the reader read the character's own drawings, and compare with their exact points.

    Raises:
        PackError: A drawing cannot be read.
    """
    unbiased = np.zeros((NUM_CONTOUR_POINTS, 2))
    if pack.landmarks is None or not pack.art:
        return ReaderFloor(float("nan"), unbiased, np.zeros(3), _rest_aperture(pack), 0.0)
    landmarks = pack.load_landmarks()
    queue = FaceQueue(reader)
    for picture in map(read_art, pack.art_paths()):
        queue.put(lay_over_grey(picture))
    readings = queue.finish()
    faces = understand_faces(readings, pack, landmarks.weights, unbiased)
    error = measure_landmark_error(
        np.nan_to_num(faces.points),
        landmarks.face,
        visibility=landmarks.visibility * faces.is_found[:, None],
        eye_distance_px=eye_distance_from_rig(pack.rig, landmarks.head[:, 5]),
    )
    model = face_points(pack.rig, landmarks.weights).astype(np.float64)
    off = np.where((faces.visibility >= 0.5)[..., None], (faces.head_points - model)[..., :2], np.nan)
    bias = _median_where_seen(off)
    lids = landmarks.weights[:, _BLINKS]
    aperture = _mean_aperture(faces.head_points - np.append(bias, np.zeros((len(bias), 1)), axis=1))
    is_open = (lids.max(axis=1) < 0.15) & (landmarks.weights[:, _SQUINTS].max(axis=1) < 0.3) & np.isfinite(aperture)
    is_shut = (lids.min(axis=1) > 0.9) & np.isfinite(aperture)
    open_aperture = float(np.median(aperture[is_open])) if is_open.sum() >= 3 else _rest_aperture(pack)
    shut_aperture = float(np.median(aperture[is_shut])) if is_shut.sum() >= 2 else 0.0
    head_bias_deg = _median_where_seen(faces.head[:, :3] - landmarks.head[:, :3])
    return ReaderFloor(error, bias, head_bias_deg, open_aperture, min(shut_aperture, 0.5 * open_aperture))


def read_opening(faces: Faces, pack: CharacterPack, floor: ReaderFloor) -> np.ndarray:
    """Return (T,) how far the eyes are open, 0 shut, 1 as at rest; NaN where no face was read."""
    aperture = _mean_aperture(faces.head_points)
    return (aperture - floor.shut_aperture) / max(floor.open_aperture - floor.shut_aperture, 1e-6)


def _rest_aperture(pack: CharacterPack) -> float:
    rest = face_points(pack.rig, np.zeros((1, len(BLENDSHAPE_INDEX)))).astype(np.float64)
    rest[:, ~present_rows(pack.rig)] = np.nan
    return float(_mean_aperture(rest)[0])


def _mean_aperture(head_points: np.ndarray) -> np.ndarray:
    """Return (T,) the opening of the eyes that are there."""
    sides = eye_apertures(head_points)
    left, right = sides[:, 0], sides[:, 1]
    return np.where(np.isnan(left), right, np.where(np.isnan(right), left, 0.5 * (left + right)))


def _median_where_seen(values: np.ndarray) -> np.ndarray:
    """Return the median over the first axis of what is not NaN, 0 where fewer than three are seen."""
    num_seen = np.isfinite(values).sum(axis=0)
    filled = np.where(num_seen >= 3, np.where(np.isfinite(values), values, np.nan), 0.0)
    return np.nanmedian(filled, axis=0)
