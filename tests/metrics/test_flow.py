"""Truth by hand: constant flows, shifted textures, and the grain that wraps in uint8."""

import cv2
import numpy as np
import pytest

from perfkit.metrics.flow import FlowMeter, Motion, find_known, measure_warp_error, warp

HEIGHT, WIDTH = 40, 60


def make_flow(x: float, y: float) -> np.ndarray:
    """Return a constant flow."""
    return np.full((HEIGHT, WIDTH, 2), (x, y), np.float32)


def make_motion(x: float, y: float) -> Motion:
    """Return a constant motion, known wherever it stays inside."""
    return Motion(make_flow(x, y), find_known(make_flow(x, y), make_flow(-x, -y)))


def make_texture(seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """Return a smooth picture with detail everywhere."""
    noise = np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def test_a_difference_of_a_tenth_is_a_hundredth():
    before = np.full((HEIGHT, WIDTH, 3), 0.5)
    assert measure_warp_error(before, before + 0.1, make_motion(0, 0)) == pytest.approx(0.01, rel=1e-4)


def test_a_picture_that_follows_the_flow_has_no_error():
    before = make_texture()
    after = np.roll(before, (2, 3), axis=(0, 1))
    assert measure_warp_error(before, after, make_motion(3, 2)) == pytest.approx(0, abs=1e-10)


def test_a_frozen_video_is_punished_where_the_input_moves():
    before = make_texture()
    following = measure_warp_error(before, np.roll(before, 3, axis=1), make_motion(3, 0))
    frozen = measure_warp_error(before, before, make_motion(3, 0))
    assert frozen > 0.005 > following


def test_a_still_with_a_grain_of_one_grey_level_does_not_wrap():
    rng = np.random.default_rng(1)
    before, after = (np.uint8(128) + rng.integers(0, 2, (2, HEIGHT, WIDTH, 3))).astype(np.uint8)
    expected = np.mean((after.astype(float) - before) ** 2) / 255**2
    wrapped = np.mean((after - before).astype(float) ** 2) / 255**2
    assert measure_warp_error(before, after, make_motion(0, 0)) == pytest.approx(expected, rel=1e-4)
    assert wrapped > 10_000 * expected


def test_only_the_region_counts():
    before, after = np.zeros((2, HEIGHT, WIDTH, 3))
    after[:, :30] = 1
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[:, 20:40] = True
    assert measure_warp_error(before, after, make_motion(0, 0), region=region) == pytest.approx(0.5)
    assert np.isnan(measure_warp_error(before, after, make_motion(0, 0), region=region & False))


def test_what_does_not_come_back_is_occluded():
    assert find_known(make_flow(4, 0), make_flow(-4, 0))[:, :55].all()
    assert not find_known(make_flow(4, 0), make_flow(0, 0)).any()
    assert find_known(make_flow(4, 0), make_flow(-3.4, 0))[:, :55].all()  # 0.36 < 0.01 * (16 + 11.56) + 0.5


def test_the_edge_of_a_moving_thing_is_not_known():
    forward, backward = make_flow(0, 0), make_flow(0, 0)
    forward[:, 30:], backward[:, 30:] = (1, 0), (-1, 0)
    known = find_known(forward, backward)
    assert not known[:, 29].any()  # 1 > 0.01 * 0 + 0.002
    assert known[:, 10:28].all() and known[:, 32:58].all()


def test_what_leaves_the_picture_is_not_known():
    known = make_motion(5, 0).is_known
    assert known[:, : WIDTH - 5].all() and not known[:, WIDTH - 5 :].any()


def test_dense_inverse_search_finds_a_shift():
    picture = make_texture(3, (96, 128))
    motion = FlowMeter().measure(picture, np.roll(picture, (1, 2), axis=(0, 1)))
    inside = (slice(12, -12), slice(12, -12))
    assert np.abs(np.median(motion.flow[inside], axis=(0, 1)) - (2, 1)).max() < 0.15
    assert motion.is_known[inside].mean() > 0.9


def test_warping_reads_between_pixels_and_at_the_edge():
    ramp = np.repeat(np.arange(5.0)[None, :, None], 4, axis=0)
    shifted = warp(ramp, np.full((4, 5, 2), (0.5, 0), np.float32))
    assert np.allclose(shifted[..., 0] if shifted.ndim == 3 else shifted, [0.5, 1.5, 2.5, 3.5, 4.0])
