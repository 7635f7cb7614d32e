"""Rotations and fits against hand calculation, and the signs of a real head."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from perfkit.geometry import (
    fit_similarity,
    half_rotation,
    nearest_rotation,
    picture_rotation_from_camera,
    quaternion_from_rotation,
    weighted_median,
)
from perfkit.measures import head_angles
from perfkit.rig import rotation_from_head


def random_rotations(count: int, seed: int = 0) -> np.ndarray:
    """Return (count, 3, 3) rotations from another library."""
    return Rotation.random(count, rng=np.random.default_rng(seed)).as_matrix()


def test_a_similarity_is_recovered_exactly_and_undone():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(20, 3))
    rotation, scale, shift = random_rotations(5), rng.uniform(0.1, 50, 5), rng.normal(size=(5, 3))
    target = scale[:, None, None] * (source @ np.swapaxes(rotation, 1, 2)) + shift[:, None]
    fit = fit_similarity(source, target, weights=rng.uniform(0.1, 1, 20))
    assert np.allclose(fit.rotation, rotation)
    assert np.allclose(fit.scale, scale)
    assert np.allclose(fit.apply(source), target)
    assert np.allclose(fit.apply_inverse(target), np.broadcast_to(source, target.shape))


def test_points_without_weight_do_not_count():
    rng = np.random.default_rng(2)
    source = rng.normal(size=(12, 3))
    target = 3.0 * source + 1.0
    target[8:] += rng.normal(size=(4, 3))
    weights = np.where(np.arange(12) < 8, 1.0, 0.0)
    fit = fit_similarity(source, target, weights=weights)
    assert np.allclose(fit.rotation, np.eye(3)) and fit.scale == pytest.approx(3.0)


def test_a_mirrored_target_still_gives_a_rotation():
    source = np.random.default_rng(3).normal(size=(10, 3))
    fit = fit_similarity(source, source * np.array([-1, 1, 1]), weights=np.ones(10))
    assert np.linalg.det(fit.rotation) == pytest.approx(1.0)


def test_half_a_rotation_twice_is_the_rotation():
    for rotation in Rotation.from_rotvec(np.random.default_rng(4).uniform(-1.5, 1.5, (10, 3))).as_matrix():
        half = half_rotation(rotation)
        assert np.allclose(half @ half, rotation)


def test_nearest_rotation_keeps_rotations():
    rotations = random_rotations(6)
    assert np.allclose(nearest_rotation(2.5 * rotations), rotations)


def test_quaternions_agree_with_scipy_also_at_half_turns():
    rotations = Rotation.concatenate(
        [Rotation.random(500, rng=3), Rotation.from_euler("XYZ", np.eye(3) * 180, degrees=True), Rotation.identity(1)]
    )
    ours = quaternion_from_rotation(rotations.as_matrix())
    theirs = rotations.as_quat(scalar_first=True)
    np.testing.assert_allclose(np.abs((ours * theirs).sum(axis=1)), 1.0, atol=1e-12)
    assert (ours[:, 0] >= 0).all()


def test_weighted_median_against_repeated_values():
    values = np.array([3.0, 1.0, 2.0, 10.0])
    weights = np.array([2.0, 1.0, 3.0, 1.0])
    assert weighted_median(values, weights) == pytest.approx(np.median(np.repeat(values, weights.astype(int))), abs=0.5)
    assert weighted_median(np.arange(9.0)[:, None], np.ones(9)) == pytest.approx(4.0)
    outlier = np.array([1.0, 1.0, 1.0, 1000.0])
    assert weighted_median(outlier, np.array([1.0, 1.0, 1.0, 0.1])) < 1.5


@pytest.mark.parametrize("angles_deg", [(30, 0, 0), (0, 20, 0), (0, 0, 25), (-40, 15, -10), (70, -30, 20)])
def test_head_angles_survive_mediapipes_axes(angles_deg):
    rotation = rotation_from_head(np.array([*angles_deg, 0, 0, 1.0]))
    matrix = np.eye(4)
    matrix[:3, :3] = picture_rotation_from_camera(rotation)
    assert np.allclose(head_angles(matrix[None])[0], angles_deg)
    nose_px = rotation @ np.array([0, 0, 1.0])
    if angles_deg[0]:
        assert np.sign(nose_px[0]) == np.sign(angles_deg[0])
    if angles_deg[2] and not angles_deg[0]:
        assert (rotation @ np.array([1.0, 0, 0]))[1] > 0


def test_signs_on_a_real_turning_head(takes_dir, models_dir):
    from perfkit.capture import CaptureSettings, capture_take

    path = takes_dir / "people" / "head-pose-face-detection-female.gif"
    track = capture_take(path, CaptureSettings(with_pose=False, with_hands=False))
    angles = head_angles(track.camera_from_head)
    nose, edges = track.face[:, 4, 0], 0.5 * (track.face[:, 234, 0] + track.face[:, 454, 0])
    assert angles[:, 0].min() < -30 and angles[:, 0].max() > 20
    assert np.corrcoef(angles[:, 0], nose - edges)[0, 1] > 0.95
    eyes = track.face[:, 263, :2] - track.face[:, 33, :2]
    tilt = np.rad2deg(np.arctan2(eyes[:, 1], eyes[:, 0]))
    frontal = np.abs(angles[:, 0]) < 15
    assert np.abs(angles[frontal, 2] - tilt[frontal]).max() < 6
