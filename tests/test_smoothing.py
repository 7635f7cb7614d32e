"""Filters and gaps: jitter goes, blinks and plosives stay, time is time and not a frame count."""

import numpy as np
import pytest

from perfkit.smoothing import (
    BRIDGE_SECONDS,
    EASE_SECONDS,
    HOLD_SECONDS,
    OneEuro,
    estimate_noise,
    fill_gaps,
    smooth_offline,
)
from perfkit.track import FrameFlag

LIMITS = (0.004, 0.04)


def jitter(values: np.ndarray) -> float:
    """Return the spread of the steps from frame to frame."""
    return float(np.diff(values, axis=0).std())


@pytest.mark.parametrize("num_frames", [1, 2, 3, 4])
def test_blinks_keep_their_peak(num_frames):
    rng = np.random.default_rng(3)
    seconds = np.arange(240) / 24
    blink = rng.normal(0, 0.01, (240, 1))
    blink[100 : 100 + num_frames] += 1.0
    smooth = smooth_offline(seconds, blink, noise_limits=LIMITS)
    assert smooth[100 : 100 + num_frames].min() > 0.95
    assert np.abs(smooth[95:99]).max() < 0.05


def test_a_plosive_of_one_frame_in_open_speech_stays_shut():
    seconds = np.arange(100) / 30
    gap = np.full((100, 1), 0.4)
    gap[50] = 0.0
    assert smooth_offline(seconds, gap, noise_limits=LIMITS)[50, 0] < 0.02


def test_jitter_falls_to_a_third_or_less():
    rng = np.random.default_rng(0)
    seconds = np.arange(480) / 24
    noisy = 0.3 + rng.normal(0, 0.02, (480, 3))
    smooth = smooth_offline(seconds, noisy, noise_limits=LIMITS)
    assert jitter(smooth) < jitter(noisy) / 3
    assert smooth.std() < noisy.std() / 2.5


def test_a_ramp_is_not_delayed_at_a_variable_rate():
    rng = np.random.default_rng(1)
    seconds = np.cumsum(rng.uniform(0.01, 0.09, 300))
    ramp = (0.1 * seconds)[:, None]
    smooth = smooth_offline(seconds, ramp, noise_limits=LIMITS)
    assert np.abs(smooth - ramp)[20:-20].max() < 0.01


def test_reversing_time_reverses_the_result():
    rng = np.random.default_rng(2)
    seconds = np.cumsum(rng.uniform(0.02, 0.06, 100))
    values = np.cumsum(rng.normal(0, 0.01, (100, 2)), axis=0)
    forward = smooth_offline(seconds, values, noise_limits=LIMITS)
    backward = smooth_offline(-seconds[::-1], values[::-1], noise_limits=LIMITS)[::-1]
    assert np.allclose(forward, backward)


def test_smoothing_is_in_seconds_and_not_in_frames():
    values = {}
    for rate_fps in (24, 96):
        seconds = np.arange(0, 4, 1 / rate_fps)
        wave = 0.02 * np.sin(2 * np.pi * 3 * seconds)[:, None]
        values[rate_fps] = smooth_offline(seconds, wave, noise_limits=(0.04, 0.04)).std() / wave.std()
    assert values[24] == pytest.approx(values[96], rel=0.1)


def test_doubt_dulls_the_frames_it_is_about_and_no_others():
    rng = np.random.default_rng(6)
    seconds = np.arange(200) / 24
    step = np.where(seconds < 4, 0.0, 1.0)[:, None] + rng.normal(0, 0.01, (200, 1))
    doubt = np.zeros_like(step)
    doubt[80:112] = 1.0
    sure, doubted = (smooth_offline(seconds, step, noise_limits=LIMITS, doubt=given) for given in (None, doubt))
    assert np.abs(np.diff(sure, axis=0)).max() > 0.9
    assert np.abs(np.diff(doubted, axis=0)).max() < 0.2
    calm = doubt[:, 0] == 0
    assert np.array_equal(sure[calm], doubted[calm])


def test_noise_is_read_through_motion():
    rng = np.random.default_rng(4)
    seconds = np.arange(500) / 25
    motion = np.sin(2 * np.pi * 0.5 * seconds)[:, None]
    noise = estimate_noise(seconds, motion + rng.normal(0, 0.02, (500, 1)))
    assert noise[0] == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize("num_frames", [0, 1, 2])
def test_the_shortest_takes_pass(num_frames):
    values = np.ones((num_frames, 4))
    assert np.array_equal(smooth_offline(np.arange(num_frames) / 24.0, values, noise_limits=LIMITS), values)


def test_one_euro_calms_jitter_and_follows_a_blink():
    rng = np.random.default_rng(5)
    noisy = rng.normal(0, 0.01, 240)
    noisy[120:124] += 1.0
    one_euro = OneEuro()
    out = np.array([one_euro(index / 24, np.array([value]))[0] for index, value in enumerate(noisy)])
    assert jitter(out[30:110]) < jitter(noisy[30:110]) / 3
    assert out[120:124].max() > 0.95


def test_one_euro_refuses_time_that_runs_back():
    one_euro = OneEuro()
    one_euro(1.0, np.zeros(2))
    with pytest.raises(ValueError, match="in order"):
        one_euro(1.0, np.zeros(2))


def gap_of(seconds_lost: float, *, rate_fps: float = 24.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, filled values and flags of a take at 1.0 that loses the face for some seconds; neutral is 0."""
    seconds = np.arange(0, 6, 1 / rate_fps)
    seen = (seconds < 2) | (seconds >= 2 + seconds_lost)
    values, flags = fill_gaps(seconds, np.where(seen, 1.0, np.nan)[:, None], seen, np.zeros(1))
    return seconds, values[:, 0], flags


def test_a_short_gap_is_bridged():
    _, values, flags = gap_of(BRIDGE_SECONDS - 0.1)
    assert np.allclose(values, 1.0)
    assert set(flags[flags > 0]) == {FrameFlag.FACE_INTERPOLATED}


def test_a_long_gap_is_held_eased_to_neutral_and_back():
    seconds, values, flags = gap_of(2.5)
    lost = seconds - 2
    held = (lost > 0) & (lost < HOLD_SECONDS - 0.05)
    assert np.allclose(values[held], 1.0) and (flags[held] == FrameFlag.FACE_HELD).all()
    resting = (lost > HOLD_SECONDS + EASE_SECONDS + 0.1) & (lost < 2.5 - EASE_SECONDS - 0.1)
    assert np.allclose(values[resting], 0.0) and (flags[resting] == FrameFlag.FACE_EASED_TO_NEUTRAL).all()
    assert np.isfinite(values).all() and (flags[seconds < 2] == 0).all()


@pytest.mark.parametrize("seconds_lost", [0.1, 0.3, 0.45, 0.7, 1.0, 3.0, 10.0])
def test_no_gap_makes_a_jump(seconds_lost):
    _, values, _ = gap_of(seconds_lost)
    assert np.abs(np.diff(values)).max() < 2.0 / (24 * EASE_SECONDS)


def test_a_take_that_starts_and_ends_without_a_face_starts_and_ends_neutral():
    seconds = np.arange(0, 6, 1 / 24)
    seen = (seconds > 2) & (seconds < 4)
    values, flags = fill_gaps(seconds, np.where(seen, 1.0, np.nan)[:, None], seen, np.zeros(1))
    assert values[0, 0] == 0 and values[-1, 0] == 0
    assert np.abs(np.diff(values[:, 0])).max() < 0.2
    assert (flags[~seen] > 0).all()


def test_a_take_without_any_face_is_neutral():
    values, flags = fill_gaps(np.arange(5) / 24, np.full((5, 2), np.nan), np.zeros(5, dtype=bool), np.array([0.5, 0.1]))
    assert np.allclose(values, [0.5, 0.1])
    assert (flags == FrameFlag.FACE_EASED_TO_NEUTRAL).all()
