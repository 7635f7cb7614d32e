"""The head turns as the performer's does, and not as a hand before their face makes the tracker guess."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_performer import act, perform

from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.retarget import retarget

CHIBI = Rig(
    face_width=0.95, jaw=1.2, eye_x=0.42, eye_y=0.12, eye_width=0.5, eye_height=0.52, eye_roundness=1.0, iris_size=0.8,
    brow_y=0.2, brow_width=0.4, nose_y=0.42, nose_width=0.12, mouth_y=0.66, mouth_width=0.24, mouth_gain=0.12,
    mouth_open=0.28,
)  # fmt: skip
NUM_FRAMES = 240


def under_a_hand(take, frames: slice):
    """Return the take with a hand before the face in some frames, as the capture notes it."""
    confidence = take.face_confidence.copy()
    confidence[frames] = 0.75
    return replace(take, face_confidence=confidence)


def test_a_hand_before_the_face_does_not_jerk_the_head():
    weights, head = act(NUM_FRAMES)
    head[:, :3] = 0
    head[:120, 1] = 6.0
    take = perform(HUMAN_RIG, weights, head)
    jerk = np.abs(np.diff(retarget(take, CHIBI).head[:, 1])).max()
    assert jerk > 5.5, "in plain sight it is the performer's"
    covered = retarget(under_a_hand(take, slice(90, 160)), CHIBI).head[:, 1]
    assert np.abs(np.diff(covered)).max() < 0.5 * jerk
    assert abs(covered[100] - 6) < 0.3 and abs(covered[140]) < 0.3


@pytest.mark.parametrize(("channel", "rate_hz", "degrees"), [(1, 2.0, 12.0), (0, 2.5, 25.0)], ids=["nod", "shake"])
def test_fast_nods_and_turns_survive(channel, rate_hz, degrees):
    weights, head = act(NUM_FRAMES)
    head[:, :3] = 0
    head[:, channel] = degrees * np.sin(2 * np.pi * rate_hz * np.arange(NUM_FRAMES) / 24)
    take = perform(HUMAN_RIG, weights, head)
    assert np.ptp(retarget(take, CHIBI).head[24:-24, channel]) > 0.85 * 2 * degrees
    covered = retarget(under_a_hand(take, slice(0, 60)), CHIBI).head[:, channel]
    assert np.allclose(covered[75:], retarget(take, CHIBI).head[75:, channel], atol=0.2), "only where it is covered"


def test_a_nod_behind_a_hand_is_still_a_nod():
    weights, head = act(NUM_FRAMES)
    head[:, :3] = 0
    head[:, 1] = 8 * np.sin(2 * np.pi * np.arange(NUM_FRAMES) / 24)
    take = under_a_hand(perform(HUMAN_RIG, weights, head), slice(None))
    assert np.ptp(retarget(take, CHIBI).head[24:-24, 1]) > 0.75 * 16
