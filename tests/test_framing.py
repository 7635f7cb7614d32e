"""The picture is a bust: the head stays about its place, raised hands are in it; a hand at the face is no jerk."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_performer import CHIBI, NUM_FRAMES, act, perform

from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import RetargetSettings, retarget
from perfkit.vocabulary import POSE_INDEX


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


def test_a_performer_who_walks_and_squats_stays_a_bust():
    weights, head = act(NUM_FRAMES)
    head[:, 3] += np.linspace(-700, 700, NUM_FRAMES)
    head[:, 4] += 300 * np.sin(np.arange(NUM_FRAMES) / 30)
    for canvas_wh in ((256, 256), (384, 256)):
        settings = RetargetSettings(canvas_wh=canvas_wh)
        moved = retarget(perform(HUMAN_RIG, weights, head), HUMAN_RIG, settings=settings).head
        rest = np.array([HUMAN_RIG.head_x, HUMAN_RIG.head_y])
        assert (np.abs(moved[:, 3:5] / canvas_wh - rest).max(axis=0) < (0.161, 0.121)).all()
        assert np.ptp(moved[:, 3]) > 0.2 * canvas_wh[0], "and still walks"


def with_arms(take, elbow: tuple[float, float], wrist: tuple[float, float]):
    """Return the take with both arms posed; places from the shoulders in head units, outwards and down."""
    body = take.body.copy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = body[:, POSE_INDEX[f"{side}_shoulder"], :2]
        for name, (out, down) in {"elbow": elbow, "wrist": wrist}.items():
            place = shoulder + 80 * np.array([sign * out, down])
            body[:, POSE_INDEX[f"{side}_{name}"], :2] = place
        for name, out in (("index", -0.2), ("pinky", 0.2), ("thumb", -0.4)):
            place = body[:, POSE_INDEX[f"{side}_wrist"], :2] + 80 * np.array([sign * out, -0.9])
            body[:, POSE_INDEX[f"{side}_{name}"], :2] = place
    body[:, POSE_INDEX["left_elbow"] : POSE_INDEX["right_thumb"] + 1, 3] = 1.0
    return replace(take, body=body)


@pytest.mark.parametrize(
    ("elbow", "wrist"), [((0.3, -2.6), (0.3, -5.0)), ((2.3, -1.3), (4.2, -2.6))], ids=["up", "wide"]
)
def test_raised_hands_are_in_the_picture(elbow, wrist):
    weights, head = act(NUM_FRAMES)
    take = with_arms(perform(HUMAN_RIG, weights, head), elbow, wrist)
    for rig in (HUMAN_RIG, CHIBI):
        track = retarget(take, rig)
        for side in ("left", "right"):
            points = {name: track.body[:, POSE_INDEX[f"{side}_{name}"], :2]
                      for name in ("shoulder", "elbow", "wrist", "index", "pinky")}  # fmt: skip
            knuckles = 0.5 * (points["index"] + points["pinky"])
            assert knuckles.min() > 0 and knuckles.max() < 256
            assert (points["wrist"][:, 1] < points["shoulder"][:, 1]).all(), "and raised"
            for ends, length in (("shoulder", "elbow"), rig.upper_arm), (("elbow", "wrist"), rig.forearm):
                bone = np.linalg.norm(points[ends[1]] - points[ends[0]], axis=1)
                assert (bone < 1.02 * length * track.head[:, 5]).all()
