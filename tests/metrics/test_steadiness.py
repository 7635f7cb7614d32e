"""Truth by hand: grey steps, known joins, colours whose Lab scikit-image knows too."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from perfkit.metrics.steadiness import (
    lab_from_rgb,
    measure_change,
    measure_drift,
    measure_mean_lab,
    measure_seam_index,
    measure_static_flicker,
)


def test_change_is_in_grey_levels_and_does_not_wrap():
    black, grey = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 3, np.uint8)
    assert measure_change(grey, black) == measure_change(black, grey) == pytest.approx(3)
    region = np.zeros((4, 4), bool)
    assert np.isnan(measure_change(grey, black, region=region))


def test_flicker_counts_only_where_nothing_was_asked_to_move():
    changes, steps = np.array([np.nan, 0.2, 9.0, 0.4]), np.array([np.nan, 0.0, 0.05, 0.001])
    assert measure_static_flicker(changes, steps) == pytest.approx(0.3)
    assert np.isnan(measure_static_flicker(changes, steps + 1))


def test_seam_index_compares_joins_with_the_rest():
    errors = np.array([np.nan, 1, 1, 1, 3, 1, 1, np.nan, 2, 1.0])
    assert measure_seam_index(errors, np.array([4, 8])) == pytest.approx(2.5 / 1)
    assert measure_seam_index(np.ones(10), np.array([5])) == 1
    assert np.isnan(measure_seam_index(errors, np.array([], dtype=int)))


def test_a_gesture_that_falls_on_a_join_is_no_seam():
    motion = np.array([1, 1, 1, 1, 6, 1, 1, 1, 5, 1.0])
    joins = np.array([4, 8])
    assert measure_seam_index(2 * motion, joins, reference=motion) == pytest.approx(1)
    seamed = 2 * motion
    seamed[joins] *= 1.5
    assert measure_seam_index(seamed, joins, reference=motion) == pytest.approx(1.5)


def test_lab_is_that_of_scikit_image():
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    assert np.abs(lab_from_rgb(image) - rgb2lab(image)).max() < 0.3


def test_mean_lab_of_white_is_known():
    white = np.full((3, 3, 3), 255, np.uint8)
    assert np.allclose(measure_mean_lab(white, np.ones((3, 3), bool)), (100, 0, 0), atol=0.05)
    assert np.isnan(measure_mean_lab(white, np.zeros((3, 3), bool))).all()


def test_drift_is_the_way_of_the_mean_from_the_first_window():
    labs = np.array([[50, 0, 0], [52, 0, 0], [51, 3, 0], [51, 3, 4], [np.nan] * 3, [51, 0, 4.0]])
    assert np.allclose(measure_drift(labs, np.array([0, 2, 5])), [0, np.hypot(3, 2), 4])
