"""Truth from the rig: heads that were posed are found again, and their points come back to head space."""

import numpy as np
import pytest

from perfkit.metrics.acting import measure_head_error_deg
from perfkit.metrics.head_fit import fit_head, lift_points
from perfkit.rig import HUMAN_RIG, face_points, pose_face, rotation_from_head
from perfkit.vocabulary import BLENDSHAPES


@pytest.fixture(scope="module")
def posed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return heads (60, 6), their points in head space and in the picture."""
    rng = np.random.default_rng(0)
    head = np.column_stack(
        [rng.uniform(-60, 60, 60), rng.uniform(-25, 25, 60), rng.uniform(-40, 40, 60), rng.uniform(90, 160, (60, 2)),
         rng.uniform(40, 80, 60)]
    )  # fmt: skip
    model = face_points(HUMAN_RIG, rng.uniform(0, 0.5, (60, len(BLENDSHAPES)))).astype(np.float64)
    return head, model, pose_face(model, head)[0].astype(np.float64)


def test_posed_heads_are_found_again(posed):
    head, model, points = posed
    found = fit_head(points, model, weights=np.ones(points.shape[:2]))
    assert measure_head_error_deg(rotation_from_head(found), rotation_from_head(head)).max() < 0.05
    assert np.abs(found[:, 3:] - head[:, 3:]).max() < 0.05


def test_misread_points_turn_the_head_by_little(posed):
    head, model, points = posed
    noise = np.random.default_rng(1).normal(0, 0.03 * 0.66 * head[:, 5, None, None], points.shape)
    found = fit_head(points + noise, model, weights=np.ones(points.shape[:2]))
    assert np.median(measure_head_error_deg(rotation_from_head(found), rotation_from_head(head))) < 1.5


def test_points_without_weight_and_lost_points_do_not_count(posed):
    head, model, points = posed
    spoilt, weights = points.copy(), np.ones(points.shape[:2])
    spoilt[:, ::3] += 500
    weights[:, ::3] = 0
    spoilt[:, 1::3] = np.nan
    found = fit_head(spoilt, model, weights=weights)
    assert measure_head_error_deg(rotation_from_head(found), rotation_from_head(head)).max() < 0.1


def test_a_face_that_was_not_read_has_no_head(posed):
    _, model, points = posed
    assert np.isnan(fit_head(points[:2], model[:2], weights=np.zeros((2, points.shape[1])))).all()


def test_lifting_is_the_inverse_of_posing(posed):
    head, model, points = posed
    assert np.abs(lift_points(points, head, model[..., 2]) - model).max() < 1e-4
