"""Truth by hand: points on straight lines, points at rest, points that tremble."""

import numpy as np
import pytest

from perfkit.metrics import eye_distance_from_rig, measure_landmark_error
from perfkit.metrics.landmarks import measure_jitter, measure_motion_gain
from perfkit.rig import HUMAN_RIG

SEEN = np.ones((5, 2))


def make_points(way: list[float]) -> np.ndarray:
    """Return (T, 2, 2): two points that go along x as `way` says."""
    points = np.zeros((len(way), 2, 2))
    points[..., 0] = np.array(way)[:, None] + np.array([0.0, 100.0])
    return points


def test_landmark_error_counts_visible_points_in_eye_distances():
    reference = np.zeros((1, 3, 2))
    points = np.array([[[3.0, 4.0], [0.0, 0.0], [900.0, 0.0]]])
    visibility = np.array([[1.0, 0.8, 0.2]])
    error = measure_landmark_error(points, reference, visibility=visibility, eye_distance_px=np.array([50.0]))
    assert error == pytest.approx((5 / 50 + 0) / 2)
    assert np.isnan(measure_landmark_error(points, reference, visibility=visibility * 0, eye_distance_px=50.0))


def test_eye_distance_grows_with_the_head():
    distances = eye_distance_from_rig(HUMAN_RIG, np.array([60.0, 120.0]))
    assert distances[1] == pytest.approx(2 * distances[0])
    assert 20 < distances[0] < 120


def test_a_steady_pace_has_no_jitter():
    jitter = measure_jitter(make_points([0, 5, 10, 15, 20]), np.arange(5) / 24, visibility=SEEN, eye_distance_px=50.0)
    assert np.isnan(jitter[[0, -1]]).all() and np.allclose(jitter[1:-1], 0)


def test_a_trembling_point_has_the_second_difference_of_the_hand_calculation():
    points = make_points([0, 1, 0, 1, 0])
    jitter = measure_jitter(points, np.arange(5) / 30, visibility=SEEN, eye_distance_px=40.0)
    assert np.allclose(jitter[1:-1], 2 / 40)


def test_a_steady_pace_at_a_varying_rate_has_no_jitter():
    seconds = np.array([0.0, 0.1, 0.15, 0.4, 0.5])
    points = make_points(list(30 * seconds))
    assert np.allclose(measure_jitter(points, seconds, visibility=SEEN, eye_distance_px=1.0)[1:-1], 0)


def test_a_frozen_video_has_no_jitter_and_no_motion_either():
    points = make_points([3] * 5)
    assert np.nansum(measure_jitter(points, np.arange(5.0), visibility=SEEN, eye_distance_px=1.0)) == 0
    assert measure_motion_gain(points, make_points([0, 1, 2, 4, 9]), visibility=SEEN) == 0


def test_half_the_way_is_half_the_motion_however_it_trembles():
    way = np.array([0, 8, 24, 8, 0.0])
    assert measure_motion_gain(make_points(list(0.5 * way)), make_points(list(way)), visibility=SEEN) == 0.5
    trembling = 0.5 * way + np.array([0, 0, 3, 6, 9.0])  # its own way has nothing in common with the one asked for
    moved, asked = np.diff(trembling), np.diff(way)
    expected = (moved @ asked) / (asked @ asked)
    assert measure_motion_gain(make_points(list(trembling)), make_points(list(way)), visibility=SEEN) == pytest.approx(
        expected
    )
    assert np.isnan(measure_motion_gain(make_points([0, 1, 2, 3, 4]), make_points([7] * 5), visibility=SEEN))


def test_points_that_are_not_seen_neither_move_nor_tremble():
    points, visibility = make_points([0, 0, 0, 0, 0]), SEEN.copy()
    points[2, 1] = 900
    visibility[2, 1] = 0
    assert measure_motion_gain(points, make_points([0, 1, 2, 3, 4]), visibility=visibility) == 0
    assert np.nansum(measure_jitter(points, np.arange(5.0), visibility=visibility, eye_distance_px=1.0)) == 0
    points[2, 1] = np.nan
    assert measure_motion_gain(points, make_points([0, 1, 2, 3, 4]), visibility=SEEN) == 0
