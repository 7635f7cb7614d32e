"""Takes the head's turn, place and size off a performer's face points, so that only expression is left.

In: the face of a PerformanceTrack, px. Out: `HeadMotion`: where the head is, and the contour points in the performer's
own head space (x to the picture's right, y down, z to the camera; unit = half the neutral face's height).
"""

from dataclasses import dataclass, replace

import numpy as np

from perfkit.geometry import (
    Similarity,
    fit_similarity,
    half_rotation,
    join_similarities,
    nearest_rotation,
    picture_rotation_from_camera,
)
from perfkit.rows import iterate_parts, keep_rows, let_go
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import CONTOUR_INDICES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

_OVAL, _NOSE = CONTOUR_SLICES["face_oval"], CONTOUR_SLICES["nose_bridge"]
FOREHEAD_ROW, CHIN_ROW = _OVAL.start, _OVAL.start + 18


def _rigid_weights() -> np.ndarray:
    """Return (K,) weights of the points that hardly move with expression: temples, nose bridge, eye corners."""
    weights = np.zeros(NUM_CONTOUR_POINTS)
    weights[_OVAL][:9] = weights[_OVAL][28:] = 0.3
    weights[_NOSE] = 1.0
    for name in ("left_eye", "right_eye"):
        weights[CONTOUR_SLICES[name].start + np.array([0, 8])] = 1.0
    return weights


def _mirror_rows() -> np.ndarray:
    """Return (K,) row of each contour point's mirror image."""
    rows = np.arange(NUM_CONTOUR_POINTS)
    rows[_OVAL] = _OVAL.start + (-np.arange(36)) % 36
    for part in ("eye", "brow"):
        left, right = CONTOUR_SLICES[f"left_{part}"], CONTOUR_SLICES[f"right_{part}"]
        rows[left], rows[right] = rows[right].copy(), rows[left].copy()
    left, right = CONTOUR_SLICES["left_iris"], CONTOUR_SLICES["right_iris"]
    rows[left], rows[right] = right.start + np.array([0, 3, 2, 1, 4]), left.start + np.array([0, 3, 2, 1, 4])
    for name in ("outer_lips", "inner_lips"):
        lips = CONTOUR_SLICES[name]
        rows[lips] = lips.start + (10 - np.arange(20)) % 20
    base = CONTOUR_SLICES["nose_base"]
    rows[base] = np.arange(base.start, base.stop)[::-1]
    return rows


_LYING = np.deg2rad(60)
RIGID_WEIGHTS = _rigid_weights()
MIRROR_ROWS = _mirror_rows()


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """The seen frames of a take, head and expression apart.

    Attributes:
        track: The take.
        frames: (S,) int, indices of the frames with a face.
        rotation: (S, 3, 3), picture from head.
        fit: The neutral face in every seen frame, by the points that expression does not move.
    """

    track: PerformanceTrack
    frames: np.ndarray
    rotation: np.ndarray
    fit: Similarity

    @property
    def center_px(self) -> np.ndarray:
        """(S, 2), where the head's origin lands."""
        return self.fit.translation[:, :2]

    @property
    def scale_px(self) -> np.ndarray:
        """(S,), px per head unit."""
        return self.fit.scale

    def points(self, part: slice = slice(None)) -> np.ndarray:
        """Return the contour points of some of the seen frames, computed anew.

        Returns:
            (s, K, 3) float64, head space, rows as `vocabulary.CONTOUR_INDICES`.
        """
        return self.fit[part].apply_inverse(picture_points(self.track, self.frames[part]))


def seen_frames(track: PerformanceTrack) -> np.ndarray:
    """Return (T,) bool: frames whose face was seen, complete and of some size."""
    complete = track.face_confidence > 0
    for part in iterate_parts(len(track), track.face, track.blendshapes, track.camera_from_head):
        complete[part] &= np.isfinite(track.blendshapes[part]).all(axis=1)
        complete[part] &= np.isfinite(track.camera_from_head[part]).all(axis=(1, 2))
        contour = track.face[part, CONTOUR_INDICES]
        complete[part] &= np.isfinite(contour).all(axis=(1, 2))
        complete[part] &= np.ptp(np.where(complete[part, None], contour[..., 1], 0.0), axis=1) > 1.0
    return complete


def stand_upright(track: PerformanceTrack) -> PerformanceTrack:
    """Turn a take whose performer lies on their side by quarter turns: its camera did not say how it stood.

    Returns:
        The track itself, or one whose points are turned about the picture's corner.
    """
    frames = np.flatnonzero(seen_frames(track))
    if not len(frames):
        return track
    across = _tracked_rotation(track, frames)[:, :2, 0]
    roll = float(np.arctan2(*across.mean(axis=0)[::-1]))
    quarters = round(roll / (np.pi / 2)) if abs(roll) > _LYING else 0
    if quarters == 0:
        return track
    cosine, sine = round(np.cos(quarters * np.pi / 2)), round(np.sin(quarters * np.pi / 2))
    turn = np.array([[cosine, sine], [-sine, cosine]], dtype=np.float32)
    seen = (track.face, track.body, track.hands, track.camera_from_head)

    def turn_part(part: slice) -> list[np.ndarray]:
        face, body, hands, matrix = (array[part].copy() for array in seen)
        for points in (face, body, hands):
            points[..., :2] = points[..., :2] @ turn.T
        matrix[:, :2, :3] = turn.T @ matrix[:, :2, :3]
        return [face, body, hands, matrix]

    face, body, hands, matrix = keep_rows(map(turn_part, iterate_parts(len(track), *seen)))
    return replace(track, face=face, body=body, hands=hands, camera_from_head=matrix)


def picture_points(track: PerformanceTrack, frames: np.ndarray) -> np.ndarray:
    """Return the contour points of some frames in picture axes, (S, K, 3) float64 px, z towards the camera."""
    points = np.empty((len(frames), NUM_CONTOUR_POINTS, 3))
    for part in iterate_parts(len(frames), track.face):
        points[part] = track.face[frames[part]][:, CONTOUR_INDICES]
    points[..., 2] *= -1.0
    return points


def unturn_by_tracker(track: PerformanceTrack, frames: np.ndarray) -> np.ndarray:
    """Return contour points turned back by the tracker's own head matrix, (S, K, 3), centred and of unit size.

    This is the first guess, from which a neutral face is found; `measure_head` then fits that neutral face.
    """
    points = picture_points(track, frames)
    is_rigid = RIGID_WEIGHTS > 0
    center = points[:, is_rigid].mean(axis=1, keepdims=True)
    size = np.sqrt(((points[:, is_rigid] - center) ** 2).sum(axis=-1).mean(axis=-1))[:, None, None]
    return (points - center) / size @ _tracked_rotation(track, frames)


def measure_head(
    track: PerformanceTrack,
    neutral: np.ndarray,
    *,
    frames: np.ndarray | None = None,
    earlier_axes: np.ndarray | float = 0.0,
) -> HeadMotion:
    """Fit a neutral face to every seen frame by the points that expression does not move.

    The head's turn is the mean of this fit's and the tracker's own, which err apart when a hand covers the face.

    Args:
        track: The performance.
        neutral: (K, 3), the performer's neutral face in head space.
        frames: Which of the seen frames; all by default.
        earlier_axes: (3, 3), `sum_axes` of frames seen before, where the track is not the whole take.

    Returns:
        HeadMotion of those frames.
    """
    frames = np.flatnonzero(seen_frames(track)) if frames is None else frames
    parts = [
        fit_similarity(neutral, picture_points(track, frames[part]), weights=RIGID_WEIGHTS)
        for part in iterate_parts(len(frames))
    ]
    fit = join_similarities(parts)
    between = nearest_rotation(sum_axes(track, frames, fit.rotation) + earlier_axes)
    rotation = nearest_rotation(fit.rotation + _tracked_rotation(track, frames) @ between)
    return HeadMotion(track, frames, rotation, fit)


def sum_axes(track: PerformanceTrack, frames: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Return (3, 3): the sum over frames of the rotations to the tracker's axes from those of a fit (S, 3, 3)."""
    return (np.swapaxes(_tracked_rotation(track, frames), 1, 2) @ fitted).sum(axis=0)


def _tracked_rotation(track: PerformanceTrack, frames: np.ndarray) -> np.ndarray:
    matrices = track.camera_from_head[frames, :3, :3].astype(np.float64)
    let_go(track.camera_from_head)
    return picture_rotation_from_camera(matrices)


def straighten(neutral: np.ndarray) -> np.ndarray:
    """Return a neutral face in head units: mirror plane upright and ahead, origin between forehead and chin.

    Yaw and roll come from the face's own symmetry; pitch is kept. Asymmetry stays in the points.
    """
    mirrored = neutral[MIRROR_ROWS] * np.array([-1.0, 1.0, 1.0])
    weights = RIGID_WEIGHTS + 0.1
    onto_mirrored = fit_similarity(neutral, mirrored, weights=weights)
    upright = neutral @ half_rotation(onto_mirrored.rotation).T
    height = upright[CHIN_ROW, 1] - upright[FOREHEAD_ROW, 1]
    middle = 0.5 * (upright[CHIN_ROW] + upright[FOREHEAD_ROW])
    middle[0] = np.average(0.5 * (upright[:, 0] + upright[MIRROR_ROWS, 0]), weights=weights)
    middle[2] = upright[[_OVAL.start + 8, _OVAL.start + 28], 2].mean()
    return (upright - middle) / (height / 2)


def align(points: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """Carry each frame's points (S, K, 3) onto a neutral face (K, 3) by the rigid points; return them there."""
    fit: Similarity = fit_similarity(neutral, points, weights=RIGID_WEIGHTS)
    return fit.apply_inverse(points)
