"""The performer's motion arrives, the performer's face does not; shut is shut; nothing jumps, whatever is missing."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from synthetic_performer import CHIBI, NUM_FRAMES, act, cut, lose_face, perform

from perfkit.calibrate import fit_calibration, load_calibration, save_calibration
from perfkit.errors import CalibrationError, SettingsError
from perfkit.measures import brow_heights
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.retarget import RetargetSettings, retarget
from perfkit.rig import face_points, pose_body, rest_head, rest_limbs
from perfkit.track import FrameFlag
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES, POSE_INDEX

LONG_FACE = Rig(
    face_width=0.62, eye_x=0.28, eye_y=-0.2, eye_width=0.24, eye_height=0.085, eye_tilt=-0.05, brow_y=0.1,
    brow_gain=0.135, nose_width=0.25, mouth_y=0.6, mouth_width=0.42, mouth_gain=0.16, mouth_open=0.34, lip_upper=0.03,
    lip_lower=0.04,
)  # fmt: skip
WIDE_FACE = Rig(
    face_width=0.98, eye_x=0.44, eye_y=0.0, eye_width=0.4, eye_height=0.24, eye_tilt=0.12, brow_y=0.26, brow_gain=0.21,
    nose_width=0.45, mouth_y=0.5, mouth_width=0.66, mouth_gain=0.25, mouth_open=0.52, lip_upper=0.1, lip_lower=0.12,
    depth=0.55,
)  # fmt: skip
CHARACTERS = pytest.mark.parametrize("rig", [HUMAN_RIG, CHIBI], ids=["human", "chibi"])


@pytest.fixture(scope="module")
def motion():
    """Weights and head channels of ten lively seconds."""
    return act(NUM_FRAMES)


@pytest.fixture(scope="module")
def take(motion):
    """The average adult giving them."""
    return perform(HUMAN_RIG, *motion)


@pytest.fixture(scope="module")
def calibration(take):
    """The adult at rest."""
    return fit_calibration(take)


@pytest.fixture(scope="module")
def track(take, calibration):
    """What a chibi makes of it."""
    return retarget(take, CHIBI, calibration=calibration)


def lid_gaps(face: np.ndarray, side: str) -> np.ndarray:
    """Return (T, 7): distances of facing lid points, px."""
    eye = face[:, CONTOUR_SLICES[f"{side}_eye"]]
    return np.linalg.norm(eye[:, 1:8] - eye[:, 15:8:-1], axis=-1)


def column(name: str) -> int:
    """Return a blendshape's column."""
    return BLENDSHAPE_INDEX[name]


@CHARACTERS
def test_two_performers_with_different_faces_give_the_same_track(motion, rig):
    ours, theirs = (retarget(perform(face, *motion), rig) for face in (LONG_FACE, WIDE_FACE))
    apart = np.linalg.norm(ours.face - theirs.face, axis=-1)
    moved = np.linalg.norm(ours.face - np.median(ours.face, axis=0), axis=-1)
    assert apart.mean() < 0.02 * moved.mean()
    assert apart.max() < 1.0
    assert np.abs(ours.weights - theirs.weights).max() < 0.05
    assert np.abs(ours.head - theirs.head).max() < 0.2


@CHARACTERS
def test_the_characters_proportions_are_its_own(take, rig):
    track = retarget(take, rig)
    points = face_points(rig, track.weights)
    widths = np.ptp(points[:, CONTOUR_SLICES["left_eye"], 0], axis=1)
    assert np.allclose(widths, rig.eye_width, rtol=0.05)
    assert np.allclose(np.ptp(points[:, CONTOUR_SLICES["face_oval"], 0], axis=1), 2 * rig.face_width, rtol=0.1)


def test_expression_comes_back_as_it_was_given(motion, take):
    weights = motion[0]
    track = retarget(take, HUMAN_RIG, settings=RetargetSettings(smoothing=0))
    assert np.abs(track.weights - weights).mean() < 0.01
    for name in ("jawOpen", "mouthSmileLeft", "browInnerUp", "browDownLeft", "browOuterUpRight"):
        given, got = weights[:, column(name)], track.weights[:, column(name)]
        assert np.corrcoef(given, got)[0, 1] > 0.97, name


@CHARACTERS
def test_a_shut_eye_is_shut_on_any_character(motion, rig):
    for face in (HUMAN_RIG, LONG_FACE, WIDE_FACE):
        track = retarget(perform(face, *motion), rig)
        shut = motion[0][:, column("eyeBlinkLeft")] == 1
        assert (track.weights[shut][:, [column("eyeBlinkLeft"), column("eyeBlinkRight")]] > 0.95).all()
        for side in ("left", "right"):
            gaps = lid_gaps(track.face, side)
            assert gaps[shut].max() < 0.06 * gaps[~shut].max()


@pytest.mark.parametrize("num_frames", [2, 3, 4])
def test_blinks_keep_their_peak_at_24_frames_a_second(num_frames):
    weights, head = act(NUM_FRAMES)
    blinks = [column("eyeBlinkLeft"), column("eyeBlinkRight")]
    weights[:, blinks] = 0
    starts = range(20, NUM_FRAMES - 10, 31)
    for start in starts:
        weights[start : start + num_frames, blinks] = 1.0
    track = retarget(perform(HUMAN_RIG, weights, head), CHIBI)
    for start in starts:
        assert track.weights[start : start + num_frames, blinks].max(axis=0).min() >= 0.95
        assert track.weights[start - 4 : start - 1, blinks].max() < 0.1


def test_plosives_shut_the_lips():
    weights, head = act(NUM_FRAMES)
    weights[:, column("jawOpen")] = 0.35
    for start in range(30, NUM_FRAMES - 10, 40):
        weights[start : start + 2, column("jawOpen")] = 0.0
    track = retarget(perform(LONG_FACE, weights, head), HUMAN_RIG)
    lips = face_points(HUMAN_RIG, track.weights)[:, CONTOUR_SLICES["inner_lips"]]
    gap = (lips[:, 3:8, 1] - lips[:, 17:12:-1, 1]).mean(axis=1)
    shut = weights[:, column("jawOpen")] == 0
    assert gap[shut].max() < 0.1 * np.median(gap[~shut])


def test_a_wink_is_a_wink():
    weights, head = act(NUM_FRAMES)
    head[:, :3] *= 0.3
    weights[:, [column("eyeBlinkLeft"), column("eyeBlinkRight")]] = 0
    weights[100:112, column("eyeBlinkLeft")] = 1.0
    track = retarget(perform(HUMAN_RIG, weights, head), CHIBI)
    assert track.weights[104:108, column("eyeBlinkLeft")].min() > 0.9
    assert track.weights[104:108, column("eyeBlinkRight")].max() < 0.2


def test_both_eyes_shut_in_profile():
    weights, head = act(NUM_FRAMES)
    head[:, 0] = 50 * np.sin(np.arange(NUM_FRAMES) / 20)
    track = retarget(perform(HUMAN_RIG, weights, head), CHIBI)
    shut = weights[:, column("eyeBlinkLeft")] == 1
    both = track.weights[:, [column("eyeBlinkLeft"), column("eyeBlinkRight")]]
    assert both[shut].min() > 0.9
    assert np.isfinite(track.face).all()


def test_head_turns_arrive_with_their_signs(motion, track):
    head = track.head
    for channel in range(3):
        assert np.abs(head[:, channel] - motion[1][:, channel]).max() < 3.0


def test_counting_from_the_performers_usual_turn(motion):
    weights, head = motion[0], motion[1] + np.array([0, 15, 0, 0, 0, 0])
    take = perform(HUMAN_RIG, weights, head)
    ahead = retarget(take, HUMAN_RIG, settings=RetargetSettings(head_from="neutral")).head
    assert abs(ahead[:, 1].mean()) < 1.5
    assert retarget(take, HUMAN_RIG).head[:, 1].mean() > 10


def test_the_head_stays_on_the_canvas_however_far_the_performer_walks(motion):
    weights, head = motion[0], motion[1].copy()
    head[:, 3] = np.linspace(-2000, 3000, NUM_FRAMES)
    head[:, 4] += 900 * np.sin(np.arange(NUM_FRAMES) / 30)
    head[:, 5] = np.geomspace(20, 400, NUM_FRAMES)
    for rig in (HUMAN_RIG, CHIBI):
        track = retarget(perform(HUMAN_RIG, weights, head), rig)
        middle = track.face[:, CONTOUR_SLICES["face_oval"]].mean(axis=1)
        assert middle.min() > 20 and middle.max() < 236
        assert np.ptp(np.log(track.head[:, 5])) < np.log(2.0)


def test_framing_does_not_depend_on_where_in_the_take_the_face_is(motion, track):
    weights, head = motion
    moved = head * np.array([1, 1, 1, 0.5, 0.5, 0.5]) + np.array([0, 0, 0, 200, -60, 0])
    assert np.allclose(track.head, retarget(perform(HUMAN_RIG, weights, moved), CHIBI).head, atol=0.3)


def test_the_first_second_can_go_without_a_visible_change(take, track):
    whole, later = track, retarget(cut(take, slice(24, None)), CHIBI)
    apart = np.linalg.norm(whole.face[24:] - later.face, axis=-1)
    assert np.quantile(apart, 0.99) < 1.5
    assert np.abs(whole.weights[24:] - later.weights).mean() < 0.01


def test_the_first_second_of_a_real_take_can_go_too(demo_take, models_dir):
    from perfkit.capture import CaptureSettings, capture_take

    take = capture_take(demo_take, CaptureSettings(with_pose=False, with_hands=False))
    whole, later = retarget(take, HUMAN_RIG), retarget(cut(take, slice(24, None)), HUMAN_RIG)
    apart = np.linalg.norm(whole.face[24:] - later.face, axis=-1)
    assert np.quantile(apart, 0.95) < 2.0
    assert np.abs(whole.weights[24:] - later.weights).mean() < 0.01
    blinks = whole.weights[:, [column("eyeBlinkLeft"), column("eyeBlinkRight")]].min(axis=1)
    smile = whole.weights[:, column("mouthSmileLeft")]
    assert blinks[20:130].min() > 0.85, "she weeps with shut eyes"
    assert smile[300:380].mean() > smile[0:50].mean() + 0.3, "and laughs in the end"
    assert (
        whole.weights[0:40, column("browInnerUp")].mean() > whole.weights[300:380, column("browInnerUp")].mean() + 0.2
    )


@pytest.mark.parametrize("lost", [slice(100, 103), slice(100, 130), slice(0, 20), slice(200, 240)])
def test_a_lost_face_makes_no_jump_and_is_flagged(take, calibration, track, lost):
    gappy = retarget(lose_face(take, lost), CHIBI, calibration=calibration)
    steps = np.abs(np.diff(gappy.face, axis=0)).max(axis=(1, 2))
    usual = np.abs(np.diff(track.face, axis=0)).max()
    assert steps.max() <= max(usual, 8.0) * 1.1
    for name in ("weights", "head", "face", "face_visibility", "body"):
        assert np.isfinite(getattr(gappy, name)).sum() == np.isfinite(getattr(track, name)).sum()
    filled = FrameFlag.FACE_HELD | FrameFlag.FACE_INTERPOLATED | FrameFlag.FACE_EASED_TO_NEUTRAL
    inside = np.zeros(NUM_FRAMES, dtype=bool)
    inside[lost] = True
    assert ((gappy.flags & filled > 0) == inside).all()


def test_a_take_without_a_face_needs_a_calibration(take, calibration):
    faceless = lose_face(take, slice(None))
    with pytest.raises(CalibrationError, match="0 of 240 frames"):
        retarget(faceless, CHIBI)
    track = retarget(faceless, CHIBI, calibration=calibration)
    assert np.allclose(track.head, rest_head(CHIBI, (256, 256)))
    assert track.weights.max() == 0


@pytest.mark.parametrize("num_frames", [5, 6, 9])
def test_the_shortest_takes_pass(take, num_frames):
    track = retarget(cut(take, slice(0, num_frames)), CHIBI)
    assert len(track) == num_frames and np.isfinite(track.face).all()


def test_a_saved_calibration_serves_another_take(take, track, tmp_path):
    save_calibration(fit_calibration(perform(HUMAN_RIG, *act(240, seed=5))), tmp_path / "c")
    ours = retarget(take, CHIBI, calibration=load_calibration(tmp_path / "c"))
    assert np.abs(ours.weights - track.weights).mean() < 0.01


def test_time_at_a_variable_rate_is_time(motion, track):
    weights, head = motion
    kept = np.sort(np.random.default_rng(0).choice(NUM_FRAMES, 200, replace=False))
    uneven = perform(HUMAN_RIG, weights[kept], head[kept], pts=kept.astype(np.int64) * 1000)
    ours = retarget(uneven, CHIBI)
    assert np.array_equal(ours.times.pts, kept * 1000)
    assert np.abs(ours.head - track.head[kept]).mean() < 0.15


def test_the_same_take_gives_the_same_bits(take, track):
    ours, again = track, retarget(take, CHIBI)
    for name in ("weights", "head", "face", "face_visibility", "body", "hands"):
        assert np.array_equal(getattr(ours, name), getattr(again, name), equal_nan=True)


def test_a_larger_canvas_scales_the_track(take, calibration, track):
    small = track
    large = retarget(take, CHIBI, calibration=calibration, settings=RetargetSettings(canvas_wh=(512, 512)))
    assert np.abs(large.face - 2 * small.face).max() < 0.5
    assert large.canvas_wh == (512, 512)


def test_absent_parts_have_no_visibility(take):
    rig = replace(CHIBI, absent=frozenset({"left_eye", "nose", "body"}))
    track = retarget(take, rig)
    for name in ("left_eye", "left_iris", "nose_bridge", "nose_base"):
        assert track.face_visibility[:, CONTOUR_SLICES[name]].max() == 0
    assert track.face_visibility[:, CONTOUR_SLICES["right_eye"]].max() == 1
    assert not np.isfinite(track.body[:, POSE_INDEX["left_wrist"], :2]).any()


def with_arm(take, at: dict[str, tuple[float, float]], visibility: float = 1.0):
    """Return the take with points of the performer's left arm where we say, px."""
    body = take.body.copy()
    for name, place in at.items():
        body[:, POSE_INDEX[f"left_{name}"]] = [*place, 0.0, visibility]
    return replace(take, body=body)


def test_a_raised_arm_is_raised_with_the_characters_own_bones(motion, take):
    shoulder = take.body[:, POSE_INDEX["left_shoulder"], :2].mean(axis=0)
    up = {"elbow": (shoulder[0] + 150, shoulder[1]), "wrist": (shoulder[0] + 150, shoulder[1] - 160),
          "index": (shoulder[0] + 150, shoulder[1] - 220), "pinky": (shoulder[0] + 170, shoulder[1] - 215),
          "thumb": (shoulder[0] + 130, shoulder[1] - 190)}  # fmt: skip
    rig = replace(CHIBI, upper_arm=1.2, forearm=0.9)
    track = retarget(with_arm(take, up), rig)
    left = {name: track.body[:, POSE_INDEX[f"left_{name}"], :2] for name in ("shoulder", "elbow", "wrist")}
    assert (left["wrist"][:, 1] < left["elbow"][:, 1] - 10).all()
    units = track.head[:, 5]
    assert (np.linalg.norm(left["elbow"] - left["shoulder"], axis=1) <= 1.21 * units).all()
    assert (np.linalg.norm(left["wrist"] - left["elbow"], axis=1) <= 0.91 * units).all()
    right = track.body[:, POSE_INDEX["right_wrist"], 1] - track.body[:, POSE_INDEX["right_shoulder"], 1]
    assert (right > 0).all()


@CHARACTERS
def test_a_hand_at_the_mouth_is_at_the_characters_mouth(motion, take, rig):
    weights, head = motion
    head = head * np.array([0, 0, 0, 0, 0, 1]) + np.array([0, 0, 0, 330, 170, 0])
    take = perform(HUMAN_RIG, weights, head)
    mouth = head[0, 3:5] + head[0, 5] * np.array([0, HUMAN_RIG.mouth_y])
    wrist = mouth + np.array([40.0, 60.0])
    knuckles = wrist + (mouth - wrist) / 1.35
    at = {"elbow": (460, 420), "wrist": wrist, "index": knuckles, "pinky": knuckles, "thumb": knuckles}
    track = retarget(with_arm(take, at), rig)
    hand = track.body[:, [POSE_INDEX["left_index"], POSE_INDEX["left_pinky"]], :2].mean(axis=1)
    lips = track.face[:, CONTOUR_SLICES["outer_lips"]].mean(axis=1)
    assert np.linalg.norm(hand - lips, axis=1).max() < 0.3 * track.head[:, 5].max()


def test_an_arm_that_is_not_seen_hangs_at_rest(take):
    track = retarget(with_arm(take, {"wrist": (500, 20), "elbow": (450, 60)}, visibility=0.2), HUMAN_RIG)
    resting = pose_body(HUMAN_RIG, np.tile(rest_limbs(), (NUM_FRAMES, 1, 1)), track.head)
    for name in ("left_elbow", "left_wrist"):
        row = POSE_INDEX[name]
        assert np.abs(track.body[:, row, :2] - resting[:, row, :2]).max() < 0.6 * track.head[:, 5].max()


def test_an_arm_comes_and_goes_without_a_jump(take):
    arm = with_arm(take, {"elbow": (480, 330), "wrist": (480, 200), "index": (480, 150), "pinky": (500, 150)})
    body = np.where((np.arange(NUM_FRAMES) // 60 % 2 == 0)[:, None, None], take.body, arm.body)
    body[np.arange(NUM_FRAMES) // 60 % 2 == 0, POSE_INDEX["left_elbow"], 3] = 0.1
    body[np.arange(NUM_FRAMES) // 60 % 2 == 0, POSE_INDEX["left_wrist"], 3] = 0.1
    track = retarget(replace(take, body=body.astype(np.float32)), HUMAN_RIG)
    for name in ("left_elbow", "left_wrist", "left_index"):
        steps = np.linalg.norm(np.diff(track.body[:, POSE_INDEX[name], :2], axis=0), axis=1)
        assert steps.max() < 48, name


def test_grief_is_no_smile():
    """Shut lips that look wide to the tracker smile under calm brows, and do not under raised inner brows."""
    weights, head = act(NUM_FRAMES)
    weights[60:, :] = 0
    weights[100:140, [column("mouthSmileLeft"), column("mouthSmileRight")]] = 0.7
    weights[180:220, [column("mouthSmileLeft"), column("mouthSmileRight")]] = 0.7
    weights[180:220, column("browInnerUp")] = 0.8
    track = retarget(perform(HUMAN_RIG, weights, head), HUMAN_RIG)
    smile, stretch = track.weights[:, column("mouthSmileLeft")], track.weights[:, column("mouthStretchLeft")]
    assert smile[105:135].min() > 0.5 and stretch[105:135].max() < 0.2
    assert smile[185:215].max() < 0.35 and stretch[185:215].min() > 0.2


def test_brows_are_as_high_over_the_eyes_as_the_performers_whatever_the_tracker_says():
    weights, head = act(NUM_FRAMES)
    weights[:, [column(name) for name in BLENDSHAPES if name.startswith("brow")]] = 0
    wave = 0.5 * np.sin(np.arange(NUM_FRAMES) / 12)
    for side in ("Left", "Right"):
        weights[:, column(f"browOuterUp{side}")] = np.clip(wave, 0, None)
        weights[:, column(f"browDown{side}")] = np.clip(-wave, 0, None)
    performer = perform(HUMAN_RIG, weights, head)
    blendshapes = performer.blendshapes.copy()
    blendshapes[:, [column(name) for name in BLENDSHAPES if name.startswith("brow")]] = 0.3
    track = retarget(replace(performer, blendshapes=blendshapes), HUMAN_RIG)
    seen, asked = (brow_heights(face_points(HUMAN_RIG, each)).mean(axis=1) for each in (weights, track.weights))
    assert np.corrcoef(seen[10:-10], asked[10:-10])[0, 1] > 0.97


@pytest.mark.parametrize(
    "wrong",
    [
        {"head_from": "side"},
        {"smoothing": -1},
        {"position_gain": 9},
        {"size_gain": -0.1},
        {"canvas_wh": (8, 8)},
        {"mouth_gain": -1},
        {"expressiveness": 5},
    ],
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=f"retarget: {next(iter(wrong))}"):
        RetargetSettings(**wrong)


def test_without_smoothing_noise_arrives_and_with_it_a_third_at_most(motion):
    weights, head = motion
    still = perform(HUMAN_RIG, weights * 0, head * np.array([0, 0, 0, 0, 0, 1]) + np.array([0, 0, 0, 300, 170, 0]))
    noisy = replace(
        still, face=still.face + np.random.default_rng(0).normal(0, 0.4, still.face.shape).astype(np.float32)
    )
    jitter = []
    for smoothing in (0.0, 1.0):
        track = retarget(noisy, HUMAN_RIG, settings=RetargetSettings(smoothing=smoothing))
        jitter.append(np.diff(track.face, axis=0).std())
    assert jitter[1] < jitter[0] / 3


def test_no_two_frames_of_the_lively_take_are_far_apart(track):
    steps = [np.abs(after - before).max() for before, after in pairwise(track.face)]
    blink_px = CHIBI.eye_height * rest_head(CHIBI, (256, 256))[5]
    assert max(steps) < blink_px + 6
