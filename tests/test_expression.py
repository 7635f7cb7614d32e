"""Lids and lips open as far as the performer's: a squint is no blink, and a blink is no squint."""

import numpy as np
import pytest
from synthetic_performer import CHIBI, NUM_FRAMES, act, perform

from perfkit.measures import eye_apertures, lip_gap
from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import retarget
from perfkit.rig import face_points, rest_points
from perfkit.vocabulary import BLENDSHAPE_INDEX


def column(name: str) -> int:
    """Return a blendshape's column."""
    return BLENDSHAPE_INDEX[name]


@pytest.mark.parametrize("opening", [0.3, 0.4, 0.5, 0.7])
def test_a_smiling_squint_is_as_narrow_as_it_looks(opening):
    weights, head = act(NUM_FRAMES)
    weights[100:130, [column("eyeBlinkLeft"), column("eyeBlinkRight")]] = 1.0 - opening
    weights[100:130, [column("mouthSmileLeft"), column("mouthSmileRight")]] = 0.8
    performed = eye_apertures(face_points(HUMAN_RIG, weights)) / eye_apertures(rest_points(HUMAN_RIG))
    track = retarget(perform(HUMAN_RIG, weights, head), CHIBI)
    shown = eye_apertures(face_points(CHIBI, track.weights)) / eye_apertures(rest_points(CHIBI))
    assert np.abs(shown - performed)[105:125].max() < 0.05


def test_a_blink_that_no_frame_caught_shut_is_shut_on_the_character():
    weights, head = act(NUM_FRAMES)
    blinks = [column("eyeBlinkLeft"), column("eyeBlinkRight")]
    weights[:, blinks] = 0
    weights[60:66, blinks] = 1.0
    for start in (100, 140, 180):
        weights[start : start + 4, blinks] = np.array([0.5, 0.45, 0.3, 0.15])[:, None]
    track = retarget(perform(HUMAN_RIG, weights, head), CHIBI)
    for start in (100, 140, 180):
        assert track.weights[start, blinks].min() > 0.95
        assert track.weights[start + 2, blinks].max() < 0.5


def test_lips_hardly_apart_are_as_far_apart_as_they_look():
    weights, head = act(NUM_FRAMES)
    weights[100:130, column("jawOpen")] = 0.15
    track = retarget(perform(HUMAN_RIG, weights, head), HUMAN_RIG)
    performed, shown = (lip_gap(face_points(HUMAN_RIG, given)) for given in (weights, track.weights))
    assert shown[105:125].mean() == pytest.approx(performed[105:125].mean(), rel=0.1)
