"""A blink closes, whatever the frames caught of it; a squint and a look down are no blinks."""

import numpy as np
import pytest

from perfkit.blinks import complete_blinks


def lids(*openings: float) -> np.ndarray:
    """Return both eyes' blink weights: some openings after a second of open eyes, and before another."""
    open_eyes = [1.0] * 24
    return 1.0 - np.tile(np.array([*open_eyes, *openings, *open_eyes])[:, None], (1, 2))


def complete(blinks: np.ndarray, *, reports: np.ndarray | None = None) -> np.ndarray:
    """Return openings (T, 2) after completion; the tracker reports what the lids show unless said otherwise."""
    reports = 0.6 * blinks if reports is None else reports
    return 1.0 - complete_blinks(np.arange(len(blinks)) / 24, blinks, reports)


@pytest.mark.parametrize(
    "openings", [(0.48, 0.52, 0.6, 0.7, 0.8), (0.23, 0.43, 0.64, 0.81), (0.5, 0.4, 0.7, 0.9), (0.65, 0.85)]
)
def test_a_blink_whose_bottom_falls_between_two_frames_is_shut(openings):
    after = complete(lids(*openings))
    assert after.min() < 0.01
    assert (after < 0.2).all(axis=1).sum() <= 2, "and no longer than it was"
    assert np.abs(after - (1.0 - lids(*openings))).max(axis=1)[27:].max() < 0.2, "and opens when it did"


def test_a_squint_that_stays_is_none():
    before = lids(*[0.5] * 20)
    assert np.array_equal(complete(before), 1.0 - before)


def test_a_slow_look_down_is_none():
    before = lids(*np.linspace(1.0, 0.4, 15), *np.linspace(0.4, 1.0, 15))
    assert np.array_equal(complete(before), 1.0 - before)


def test_lids_that_tremble_without_a_report_are_no_blink():
    before = lids(0.6, 0.9)
    assert np.array_equal(complete(before, reports=np.full_like(before, 0.1)), 1.0 - before)


def test_a_wink_shuts_one_eye():
    before = lids(0.4, 0.5, 0.8)
    before[:, 1] = 0.0
    after = complete(before)
    assert after[:, 0].min() < 0.01
    assert after[:, 1].min() == 1.0


@pytest.mark.parametrize("num_frames", [0, 1, 2, 3])
def test_the_shortest_takes_pass(num_frames):
    before = np.full((num_frames, 2), 0.3)
    assert np.array_equal(complete(before), 1.0 - before)
