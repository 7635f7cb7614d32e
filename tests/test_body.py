"""The trunk is heavy: what a tracker makes of shoulders that stand still is not motion."""

from dataclasses import replace

import numpy as np
from synthetic_performer import NUM_FRAMES, perform

from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import retarget
from perfkit.vocabulary import POSE_INDEX


def test_shoulders_that_the_tracker_lets_wander_stand_still():
    """The tracker's shoulders drift to and fro by a twentieth of a head, half a second each way; a lean stays."""
    still = perform(HUMAN_RIG, np.zeros((NUM_FRAMES, 52)), np.tile([0, 0, 0, 330.0, 170, 80], (NUM_FRAMES, 1)))
    seconds = still.times.seconds
    wander = 4.0 * np.sin(2 * np.pi * 1.0 * seconds)
    lean = 40.0 * np.clip((seconds - 4) / 2, 0, 1)
    body = still.body.copy()
    body[:, POSE_INDEX["left_shoulder"] :, 0] += (wander + lean).astype(np.float32)[:, None]
    shoulder = retarget(replace(still, body=body), HUMAN_RIG).body[:, POSE_INDEX["left_shoulder"], 0]
    scale = np.median(retarget(still, HUMAN_RIG).head[:, 5]) / 80
    assert np.ptp(shoulder[20:70]) < 0.35 * scale * np.ptp(wander[20:70])
    assert shoulder[-20:].mean() - shoulder[20:70].mean() > 0.25 * scale * 40
