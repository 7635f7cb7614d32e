"""Truth from outside: SciPy for the coefficient and for rotations, hand-made blinks, the rig's own motion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import pearsonr

from perfkit.metrics.acting import (
    CHANNELS,
    correlate_with_lag,
    find_blinks,
    match_events,
    measure_head_error_deg,
    read_channels,
)
from perfkit.rig import HUMAN_RIG, face_points
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES


def read_with(**weights: float) -> dict[str, float]:
    """Return the channels of the average adult's face with some weights, less those at rest."""
    both = np.zeros((2, len(BLENDSHAPES)))
    for name, weight in weights.items():
        for side in ("", "Left", "Right"):
            if name + side in BLENDSHAPE_INDEX:
                both[1, BLENDSHAPE_INDEX[name + side]] = weight
    rest, moved = read_channels(face_points(HUMAN_RIG, both))
    return dict(zip(CHANNELS, moved - rest, strict=True))


@pytest.mark.parametrize(
    ("weights", "channel", "sign"),
    [
        ({"jawOpen": 0.6}, "jaw", 1),
        ({"mouthSmile": 0.8}, "smile", 1),
        ({"mouthFrown": 0.8}, "smile", -1),
        ({"eyeBlinkLeft": 1.0}, "left lids", -1),
        ({"eyeBlinkRight": 1.0}, "right lids", -1),
        ({"browOuterUp": 0.8, "browInnerUp": 0.8}, "brows", 1),
        ({"browDown": 0.8}, "brows", -1),
        ({"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}, "gaze x", 1),
        ({"eyeLookDown": 0.8}, "gaze y", 1),
    ],
)
def test_a_channel_follows_its_own_motion(weights, channel, sign):
    moved = read_with(**weights)
    assert np.sign(moved[channel]) == sign
    least = {"left lids": 0.05, "right lids": 0.05, "gaze x": 0.05, "gaze y": 0.02}.get(channel, 0.03)
    assert abs(moved[channel]) > least


def test_a_wink_is_read_on_its_own_side():
    moved = read_with(eyeBlinkLeft=1.0)
    assert moved["left lids"] < -0.2 and moved["right lids"] == pytest.approx(0)


def test_an_absent_eye_leaves_the_other_sides_brow_and_gaze():
    points = face_points(HUMAN_RIG, np.zeros(len(BLENDSHAPES))).astype(np.float64)
    whole = dict(zip(CHANNELS, read_channels(points), strict=True))
    for part in ("eye", "iris", "brow"):
        points[CONTOUR_SLICES[f"right_{part}"]] = np.nan
    half = dict(zip(CHANNELS, read_channels(points), strict=True))
    assert np.isnan(half["right lids"]) and half["left lids"] == whole["left lids"]
    assert half["brows"] == pytest.approx(whole["brows"], abs=1e-6)
    assert np.isfinite(half["gaze x"])


def test_correlation_without_lag_equals_scipy():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 60))
    assert correlate_with_lag(a, b, max_lag=0).value == pytest.approx(pearsonr(a, b).statistic)


@pytest.mark.parametrize("lag", [-5, -2, 0, 3, 5])
def test_a_late_curve_is_found_at_its_lag_whatever_its_gain_and_offset(lag):
    curve = np.cumsum(np.random.default_rng(3).normal(size=80))
    output = 0.3 * np.roll(curve, lag) + 7
    found = correlate_with_lag(curve[6:-6], output[6:-6])
    assert (found.lag_frames, found.value) == (lag, pytest.approx(1))


def test_a_mirrored_curve_is_not_excused_by_its_strength():
    curve = np.sin(np.arange(100) / 16)
    assert correlate_with_lag(curve, -curve, max_lag=0).value == pytest.approx(-1)


def test_a_frozen_output_correlates_with_nothing():
    assert correlate_with_lag(np.sin(np.arange(50.0)), np.ones(50)).value == 0


def test_an_output_that_merely_trembles_correlates_with_nothing():
    curve = np.sin(np.arange(50.0))
    assert correlate_with_lag(curve, 0.01 * curve, least_output_spread=0.05).value == 0
    assert correlate_with_lag(curve, 0.2 * curve, least_output_spread=0.05).value == pytest.approx(1)


def test_a_performer_who_does_not_act_on_a_channel_is_not_compared():
    still = 0.001 * np.sin(np.arange(50.0))
    assert np.isnan(correlate_with_lag(still, still, least_spread=0.01).value)
    assert np.isnan(correlate_with_lag(np.full(50, np.nan), still).value)


def test_frames_that_are_not_seen_are_left_out_in_pairs():
    curve = np.sin(np.arange(60) / 5)
    holed = curve.copy()
    holed[20:30] = np.nan
    found = correlate_with_lag(curve, holed, max_lag=0)
    assert (found.value, found.num_frames) == (pytest.approx(1), 50)


def test_blinks_begin_where_eyes_fall_shut():
    opening = np.ones(40)
    opening[[5, 6, 7, 20, 30, 32]] = 0.1
    opening[25] = 0.3
    opening[12] = np.nan
    assert find_blinks(opening).tolist() == [5, 20, 30]


def test_blinks_are_matched_once_within_two_frames():
    score = match_events(np.array([10, 20, 30, 40]), np.array([8, 12, 23, 41]))
    assert (score.num_expected, score.num_found, score.num_matched) == (4, 4, 2)
    assert (score.recall, score.precision) == (0.5, 0.5)


def test_big_eyes_that_never_close_have_no_recall():
    score = match_events(find_blinks(np.where(np.arange(50) % 20 == 5, 0.1, 1.0)), find_blinks(np.full(50, 0.45)))
    assert score.recall == 0 and np.isnan(score.precision)


def test_head_error_is_the_angle_between_rotations():
    rng = np.random.default_rng(4)
    a, b = Rotation.random(20, rng), Rotation.random(20, rng)
    expected = np.rad2deg((a.inv() * b).magnitude())
    assert np.allclose(measure_head_error_deg(a.as_matrix(), b.as_matrix()), expected)
    seven = Rotation.from_euler("y", 7, degrees=True).as_matrix()
    assert measure_head_error_deg(seven, np.eye(3)) == pytest.approx(7)
    assert measure_head_error_deg(seven, seven) == pytest.approx(0, abs=1e-5)
