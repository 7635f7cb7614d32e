"""A calibration that grows: when it is fitted, how it glides, what a press sets."""

import numpy as np
import pytest
from synthetic_performer import TAKE_WH, act, observe, perform

from perfkit.calibrate import fit_calibration
from perfkit.capture.protocol import make_empty_observation
from perfkit.errors import CalibrationError
from perfkit.following import RunningCalibration
from perfkit.proportions import HUMAN_RIG

TRACK = perform(HUMAN_RIG, *act(240))
SECONDS = TRACK.times.seconds.tolist()


def feed(calibration: RunningCalibration, frames: range) -> int:
    num_fits = 0
    for frame in frames:
        calibration.observe(SECONDS[frame], observe(TRACK, frame), TAKE_WH)
        if calibration.wants_refit(SECONDS[frame]):
            calibration.refit(SECONDS[frame])
            num_fits += 1
    return num_fits


def test_it_is_there_within_a_second_and_fitted_ever_more_rarely() -> None:
    calibration = RunningCalibration()
    assert calibration.current(0.0) is None
    assert feed(calibration, range(24)) >= 1
    assert calibration.current(1.0) is not None
    assert feed(calibration, range(24, 240)) <= 5


def test_it_glides_from_fit_to_fit() -> None:
    calibration = RunningCalibration(fit_calibration(TRACK))
    taken = calibration.set_neutral([(SECONDS[frame], observe(TRACK, frame)) for frame in range(20)], TAKE_WH)
    at = SECONDS[19]
    values = [calibration.current(at + step) for step in (0.0, 0.3, 0.7)]
    places = [value.neutral for value in values if value is not None]
    assert np.array_equal(places[2], taken.neutral)
    assert np.allclose(places[1], 0.5 * (places[0] + places[2]), atol=1e-6)


def test_a_press_sets_it_and_no_fit_replaces_it() -> None:
    calibration = RunningCalibration()
    feed(calibration, range(48))
    taken = calibration.set_neutral([(SECONDS[frame], observe(TRACK, frame)) for frame in range(10)], TAKE_WH)
    assert calibration.is_set
    assert feed(calibration, range(48, 240)) == 0
    now = calibration.current(20.0)
    assert now is not None
    assert np.array_equal(now.neutral, taken.neutral)


def test_a_press_without_a_face_is_refused_in_one_line() -> None:
    with pytest.raises(CalibrationError, match=r"0 frames hold a face, need 5; look into the camera"):
        RunningCalibration().set_neutral([(0.0, make_empty_observation())], TAKE_WH)


def test_memory_is_bounded_however_long_it_runs() -> None:
    calibration = RunningCalibration(fit_calibration(TRACK))
    seen = observe(TRACK, 0)
    for frame in range(3000):
        calibration.observe(frame * 0.1, seen, TAKE_WH)
    assert len(calibration._kept) <= 300
