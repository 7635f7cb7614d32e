"""Rotations and similarity fits, vectorised over frames. NumPy only.

In and out: point arrays (..., N, 3) and rotation matrices (..., 3, 3). Picture axes are x right, y down, z towards the
camera; MediaPipe's camera axes are x right, y up, z towards the camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PICTURE_FROM_CAMERA = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Similarity:
    """target = scale * rotation @ source + translation, for a batch of frames.

    Attributes:
        scale: (...,).
        rotation: (..., 3, 3), determinant +1.
        translation: (..., 3).
    """

    scale: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def __getitem__(self, part: slice) -> "Similarity":
        """Return some frames of the batch."""
        return Similarity(self.scale[part], self.rotation[part], self.translation[part])

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map source points (..., N, 3) to the target's space."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return self.scale[..., None, None] * turned + self.translation[..., None, :]

    def apply_inverse(self, points: np.ndarray) -> np.ndarray:
        """Map target points (..., N, 3) back to the source's space."""
        centred = (points - self.translation[..., None, :]) / self.scale[..., None, None]
        return centred @ self.rotation


def join_similarities(parts: Sequence[Similarity]) -> Similarity:
    """Return batches of one axis, one after the other; none give an empty batch."""
    if not parts:
        return Similarity(np.empty(0), np.empty((0, 3, 3)), np.empty((0, 3)))
    return Similarity(
        np.concatenate([part.scale for part in parts]),
        np.concatenate([part.rotation for part in parts]),
        np.concatenate([part.translation for part in parts]),
    )


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Return 0 up to `low`, 1 from `high`, and in between a rise without corners."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def picture_rotation_from_camera(rotation: np.ndarray) -> np.ndarray:
    """Turn a head rotation in MediaPipe's camera axes, (..., 3, 3), into picture axes on both sides."""
    return rotation * np.outer(_PICTURE_FROM_CAMERA, _PICTURE_FROM_CAMERA)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """Return the rotation closest to each (..., 3, 3) matrix (a sum of rotations gives their mean)."""
    u, _, vt = np.linalg.svd(matrix)
    flip = np.ones(matrix.shape[:-1])
    flip[..., 2] = np.sign(np.linalg.det(u @ vt))
    return (u * flip[..., None, :]) @ vt


def fit_similarity(source: np.ndarray, target: np.ndarray, *, weights: np.ndarray) -> Similarity:
    """Fit scale, rotation and translation that carry source points onto target points, by weighted least squares.

    Args:
        source: (N, 3) or (..., N, 3).
        target: (..., N, 3).
        weights: (N,) or (..., N), not negative.

    Returns:
        A Similarity of the batch's shape.

    Source: Umeyama 1991, eq. 40-43.
    """
    share = (weights / weights.sum(axis=-1, keepdims=True))[..., None]
    source_mean = (share * source).sum(axis=-2, keepdims=True)
    target_mean = (share * target).sum(axis=-2, keepdims=True)
    source_centred, target_centred = source - source_mean, target - target_mean
    covariance = np.swapaxes(share * target_centred, -1, -2) @ source_centred
    rotation = nearest_rotation(covariance)
    variance = (share * source_centred**2).sum(axis=(-2, -1))
    scale = np.einsum("...ij,...ij->...", rotation, covariance) / variance
    translation = target_mean[..., 0, :] - scale[..., None] * np.einsum(
        "...ij,...j->...i", rotation, np.broadcast_to(source_mean, target_mean.shape)[..., 0, :]
    )
    return Similarity(scale, rotation, translation)


def half_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) that makes `rotation`, of less than 180 degrees, when applied twice."""
    return nearest_rotation(rotation + np.eye(3))


def quaternion_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return unit quaternions (..., 4), w first and not negative, of rotation matrices (..., 3, 3).

    Source: Shepperd 1978: of four ways to the same quaternion, the one whose divisor is the largest.
    """
    m = np.asarray(rotation, dtype=np.float64)
    x, y, z = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + x + y + z, 1 + x - y - z, 1 - x + y - z, 1 - x - y + z], axis=-1)
    products = np.empty((*m.shape[:-2], 4, 4))
    products[..., range(4), range(4)] = squares
    for (row, column), value in {
        (0, 1): m[..., 2, 1] - m[..., 1, 2],
        (0, 2): m[..., 0, 2] - m[..., 2, 0],
        (0, 3): m[..., 1, 0] - m[..., 0, 1],
        (1, 2): m[..., 1, 0] + m[..., 0, 1],
        (1, 3): m[..., 0, 2] + m[..., 2, 0],
        (2, 3): m[..., 2, 1] + m[..., 1, 2],
    }.items():
        products[..., row, column] = products[..., column, row] = value
    best = np.argmax(squares, axis=-1)[..., None, None]
    quaternion = np.take_along_axis(products, best, axis=-2)[..., 0, :]
    quaternion = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted median over the first axis.

    Args:
        values: (T, ...) without NaN.
        weights: (T,), not negative, some positive.

    Returns:
        (...,): the value at which half of the weight lies below, between the two neighbours where it falls between.
    """
    flat = values.reshape(len(values), -1)
    out = np.empty(flat.shape[1])
    for column, channel in enumerate(flat.T):
        order = np.argsort(channel, kind="stable")
        upto = np.cumsum(weights[order])
        middle = (upto - 0.5 * weights[order]) / upto[-1]
        out[column] = np.interp(0.5, middle, channel[order])
    return out.reshape(values.shape[1:])
