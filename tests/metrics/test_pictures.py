"""Truth from outside: scikit-image for PSNR and SSIM, hand calculations for the rest."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from perfkit.metrics import composite_over_grey, measure_alpha_iou, measure_psnr_db, measure_ssim


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    ramp = np.linspace(0, 255, 48 * 40 * 3).reshape(48, 40, 3)
    noisy = np.clip(ramp + rng.normal(0, 12, ramp.shape), 0, 255)
    return noisy.astype(np.uint8), ramp.astype(np.uint8)


def test_psnr_equals_scikit_image(pair):
    assert measure_psnr_db(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=255), abs=1e-9)


def test_psnr_of_one_grey_level_is_known_by_hand():
    black = np.zeros((4, 4, 3), np.uint8)
    assert measure_psnr_db(black + np.uint8(1), black) == pytest.approx(20 * np.log10(255))
    assert measure_psnr_db(black, black) == float("inf")


def test_ssim_equals_scikit_image(pair):
    expected = structural_similarity(
        *pair, channel_axis=-1, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert measure_ssim(*pair) == pytest.approx(expected, abs=1e-9)


def test_what_lies_under_transparent_pixels_never_counts(pair):
    hidden = [np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)]) for picture in pair]
    assert measure_psnr_db(*hidden) == float("inf")
    assert measure_ssim(*hidden) == pytest.approx(1)
    assert np.allclose(composite_over_grey(hidden[0]), 0.5)


def test_half_transparent_red_over_grey_is_known_by_hand():
    assert np.allclose(composite_over_grey(np.array([[[1.0, 0.0, 0.0, 0.5]]])), [[[0.75, 0.25, 0.25]]])


def test_alpha_iou_of_two_shifted_squares_is_known_by_hand():
    a, b = np.zeros((2, 20, 20), np.uint8)
    a[0:10, 0:10] = 255
    b[0:10, 5:15] = 128
    assert measure_alpha_iou(a, b) == pytest.approx(50 / 150)
    assert measure_alpha_iou(np.zeros((3, 3)), np.zeros((3, 3))) == 1


def test_pictures_of_different_size_are_refused():
    with pytest.raises(ValueError, match="differ in size"):
        measure_psnr_db(np.zeros((4, 4, 3)), np.zeros((5, 4, 3)))
