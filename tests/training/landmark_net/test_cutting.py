"""Where a point of the picture lands in the crop."""

import cv2
import numpy as np
import pytest

from perfkit.training.landmark_net.cutting import cut_crop, make_crop_transform


@pytest.mark.parametrize(("side", "tilt"), [(60.0, 0.0), (200.0, 25.0), (900.0, -10.0)])
def test_a_dot_lands_where_the_transform_says(side, tilt):
    picture = np.zeros((1000, 800, 1), np.uint8)
    radius = max(2, round(side / 30))
    cv2.circle(picture, (420, 510), radius, (255,), -1)
    transform = make_crop_transform(np.array([410.0, 500.0]), side, tilt_deg=tilt)
    crop = cut_crop(picture, transform).reshape(128, 128).astype(float)
    rows, columns = np.mgrid[:128, :128] + 0.5
    centre = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    expected = transform[:, :2] @ [420.5, 510.5] + transform[:, 2]
    assert np.allclose(centre, expected, atol=0.25)


def test_the_whole_square_is_the_whole_crop():
    picture = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    assert np.array_equal(cut_crop(picture, make_crop_transform(np.array([64.0, 64.0]), 128)), picture)
