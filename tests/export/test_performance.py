"""What becomes of a captured track on its way out: turns, limbs, places, holes, rates."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from posed_performer import act_pose, hold_pose, make_times, move, place_points
from synthetic_performer import lose_face

from perfkit.calibrate import fit_calibration
from perfkit.errors import CalibrationError
from perfkit.export.performance import Performance, clean_performance, has_steady_rate, resample
from perfkit.export.skeleton import JOINT_INDEX, place_joints
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX

SCALE_PX = 60
"""Head unit of `act_pose`'s take: half the height of the face."""


@pytest.fixture(scope="module")
def calibration():
    return fit_calibration(act_pose())


def places_of(performance: Performance) -> dict[str, np.ndarray]:
    """Return joint name -> (T, 3) cm."""
    _, places = place_joints(performance.joints, performance.hips_cm)
    return {name: places[:, row] for name, row in JOINT_INDEX.items()}


def test_a_head_that_turns_30_degrees_to_its_left_is_30_degrees_to_its_left(calibration):
    performance = clean_performance(act_pose(head_deg=(30, 0, 0)), calibration)
    np.testing.assert_allclose(performance.head_deg[-1], [30, 0, 0], atol=0.7)
    np.testing.assert_allclose(performance.head_deg[0], [0, 0, 0], atol=0.7)
    ahead = performance.head_rotation[-1] @ [0, 0, 1]
    np.testing.assert_allclose(ahead, [0.5, 0, np.sqrt(0.75)], atol=0.02)


def test_a_left_arm_raised_in_the_picture_is_raised_at_the_left(calibration):
    upper, fore = 2.7 * SCALE_PX, 2.4 * SCALE_PX
    track = place_points(
        act_pose(),
        left_elbow=(0, -upper, 0),
        left_wrist=(0, -upper - fore, 0),
        left_index=(0, -upper - fore - 60, 0),
        left_pinky=(0, -upper - fore - 60, 0),
    )
    at = places_of(clean_performance(track, calibration))
    shoulder, hand = at["LeftUpperArm"][-1], at["LeftHand"][-1]
    assert shoulder[0] > 10
    np.testing.assert_allclose(hand - shoulder, [0, 28 + 25, 0], atol=1.5)
    assert at["RightHand"][-1][1] < at["RightUpperArm"][-1][1] - 40


@pytest.mark.parametrize(("depth_px", "sign"), [(-200, 1), (200, -1)])
def test_an_arm_that_looks_short_points_out_of_the_picture_the_way_its_depth_says(calibration, depth_px, sign):
    long, short = 2.7 * SCALE_PX, 1.35 * SCALE_PX
    track = place_points(act_pose(48), left_elbow=(0, long, 0))
    body = track.body.copy()
    body[30:, 13, 1] = body[30:, 11, 1] + short
    body[30:, 13, 2] = body[30:, 11, 2] + depth_px
    at = places_of(clean_performance(replace(track, body=body), calibration))
    arm = (at["LeftLowerArm"] - at["LeftUpperArm"]) / 28
    np.testing.assert_allclose(arm[10], [0, -1, 0], atol=0.03)
    np.testing.assert_allclose(arm[-1], [0, -0.5, sign * np.sqrt(0.75)], atol=0.08)


def test_limbs_that_are_never_seen_hang(calibration):
    track = act_pose()
    body = track.body.copy()
    body[:, 11:, 3] = 0.0
    at = places_of(clean_performance(replace(track, body=body), calibration))
    for side in ("Left", "Right"):
        down = at[f"{side}Hand"] - at[f"{side}UpperArm"]
        assert (down[:, 1] < -45).all()


def translated(track: PerformanceTrack, cm: np.ndarray) -> PerformanceTrack:
    """Return the track with the head's place set, (T, 3) cm from the camera."""
    matrix = track.camera_from_head.copy()
    matrix[:, :3, 3] = cm
    return replace(track, camera_from_head=matrix)


def test_the_head_goes_where_the_performers_went(calibration):
    way = np.zeros((48, 3))
    way[:, 0], way[:, 2] = np.linspace(-5, 5, 48), -60
    at = places_of(clean_performance(translated(act_pose(48), way), calibration))
    assert np.ptp(at["Head"][:, 0]) == pytest.approx(10, abs=0.3)
    assert np.ptp(at["Head"][:, 1:], axis=0).max() < 0.1
    assert at["Head"][-1, 0] > at["Head"][0, 0]


@pytest.mark.parametrize(("distance_cm", "kept"), [(60, 1.0), (3000, 0.0)])
def test_the_distance_of_a_face_of_few_pixels_is_not_believed(calibration, distance_cm, kept):
    way = np.zeros((48, 3))
    way[:, 2] = -distance_cm + np.linspace(-10, 10, 48)
    at = places_of(clean_performance(translated(act_pose(48), way), calibration))
    assert np.ptp(at["Head"][:, 2]) == pytest.approx(20 * kept, abs=0.7)


def test_a_long_lost_face_holds_then_eases_to_neutral(calibration):
    track = act_pose(72, head_deg=(20, 0, 0))
    blendshapes = track.blendshapes.copy()
    blendshapes[:, BLENDSHAPE_INDEX["cheekPuff"]] = 0.6
    performance = clean_performance(lose_face(replace(track, blendshapes=blendshapes), slice(40, 72)), calibration)
    puff = performance.weights[:, BLENDSHAPE_INDEX["cheekPuff"]]
    np.testing.assert_array_equal(np.flatnonzero(~performance.face_seen), np.arange(40, 72))
    held = slice(40, 43)
    assert puff[39] > 0.3
    np.testing.assert_allclose(puff[held], puff[39], atol=0.02)
    np.testing.assert_allclose(performance.head_deg[held, 0], 20, atol=1.0)
    np.testing.assert_allclose(puff[-8:], 0.0, atol=1e-6)
    np.testing.assert_allclose(performance.head_deg[-8:], 0.0, atol=0.1)


def test_no_value_of_a_take_with_holes_is_nan(calibration):
    track = lose_face(act_pose(48, head_deg=(10, 5, 5)), slice(12, 20))
    body = track.body.copy()
    body[5:30] = np.nan
    performance = clean_performance(replace(track, body=body), calibration)
    for name in ("weights", "head_deg", "joints", "hips_cm"):
        assert np.isfinite(getattr(performance, name)).all(), name
    assert ((performance.weights >= 0) & (performance.weights <= 1)).all()


def test_a_take_on_its_side_is_exported_upright(calibration):
    way = np.zeros((24, 3))
    way[:, 0], way[:, 2] = np.linspace(-3, 3, 24), -60
    upright = translated(act_pose(head_deg=(15, 0, 0)), way)
    turn = np.array([[0, -1], [1, 0]], dtype=np.float32)
    lying_face, lying_body, matrix = upright.face.copy(), upright.body.copy(), upright.camera_from_head.copy()
    for points in (lying_face, lying_body):
        points[..., :2] = points[..., :2] @ turn.T
    camera_turn = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], dtype=np.float32)
    matrix[:, :3] = camera_turn @ matrix[:, :3]
    lying = replace(upright, face=lying_face, body=lying_body, camera_from_head=matrix)
    expected, got = clean_performance(upright, calibration), clean_performance(lying, calibration)
    np.testing.assert_allclose(got.head_deg, expected.head_deg, atol=0.1)
    np.testing.assert_allclose(places_of(got)["Head"], places_of(expected)["Head"], atol=0.05)
    np.testing.assert_allclose(places_of(got)["LeftHand"], places_of(expected)["LeftHand"], atol=0.5)


def test_too_few_faces_for_a_neutral_one_are_refused_with_the_way_out():
    with pytest.raises(CalibrationError, match="--calibration"):
        clean_performance(lose_face(act_pose(), slice(3, 24)))


@pytest.mark.parametrize(
    ("times", "is_steady"),
    [
        (make_times(100), True),
        (FrameTimes(np.arange(100, dtype=np.int64) * 1001, Fraction(1, 30000)), True),
        (FrameTimes(np.round(np.arange(100) * 1000 / 29.97).astype(np.int64), Fraction(1, 1000)), True),
        (FrameTimes(np.array([0, 33, 67, 150, 183], dtype=np.int64), Fraction(1, 1000)), False),
        (FrameTimes(np.array([0, 1, 2, 4, 5], dtype=np.int64) * 1001, Fraction(1, 30000)), False),
        (make_times(1), True),
    ],
)
def test_a_steady_rate_is_told_from_a_varying_one(times, is_steady):
    assert has_steady_rate(times) == is_steady


def test_resampling_puts_a_straight_line_where_it_belongs():
    times = FrameTimes(np.array([100, 133, 200, 250, 300], dtype=np.int64), Fraction(1, 100))
    ramp = times.pts[:, None].astype(np.float64)
    line = replace(hold_pose(times=times), weights=np.tile(ramp / 300, 52), hips_cm=np.tile(ramp, 3))
    even = resample(line, Fraction(4))
    np.testing.assert_allclose(even.seconds, np.arange(9) / 4)
    np.testing.assert_allclose(even.hips_cm[:, 0], 100 + 25 * np.arange(9), atol=1e-9)
    np.testing.assert_allclose(even.weights[:, 7], (100 + 25 * np.arange(9)) / 300, atol=1e-12)


def test_resampling_turns_joints_half_way():
    times = make_times(2, Fraction(1))
    still, turned = hold_pose(times=times), hold_pose(times=times, head_deg=(40, 0, 0))
    joints = np.stack([still.joints[0], turned.joints[1]])
    between = resample(replace(still, joints=joints), Fraction(2)).joints[1]
    np.testing.assert_allclose(between, hold_pose(head_deg=(20, 0, 0)).joints[0], atol=1e-9)


def test_resampling_to_a_takes_own_rate_changes_nothing():
    performance = move(make_times(20))
    again = resample(performance, Fraction(30))
    for name in ("weights", "head_deg", "joints", "hips_cm", "face_seen"):
        np.testing.assert_allclose(getattr(again, name), getattr(performance, name), atol=1e-9)


def test_one_frame_can_be_resampled():
    assert len(resample(hold_pose(times=make_times(1)), Fraction(60))) == 1
