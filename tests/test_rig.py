"""The rig: what a weight may move, what may never cross, and that left is the mirror of right."""

from dataclasses import replace

import numpy as np
import pytest

from perfkit.errors import PackError
from perfkit.rig import (
    BODY_BONES,
    HUMAN_RIG,
    Rig,
    bone_lengths,
    face_points,
    hands_from_body,
    head_angles_from_rotation,
    pose_body,
    pose_face,
    present_rows,
    rest_body,
    rest_head,
    rest_limbs,
    rest_points,
    rotation_from_head,
)
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS, POSE_INDEX

HUGE_EYES = replace(HUMAN_RIG, eye_width=0.6, eye_height=0.7, eye_x=0.45, eye_y=0.2)
TINY_MOUTH = replace(HUMAN_RIG, mouth_width=0.18, mouth_y=0.78, lip_upper=0.02, lip_lower=0.02)
RIGS = [HUMAN_RIG, HUGE_EYES, TINY_MOUTH]
LIDS = ("eyeBlink", "eyeWide", "eyeSquint", "cheekSquint", "mouthSmile")


def _weights(**strengths: float) -> np.ndarray:
    weights = np.zeros(len(BLENDSHAPES), np.float32)
    for name, strength in strengths.items():
        names = [name] if name in BLENDSHAPE_INDEX else [f"{name}Left", f"{name}Right"]
        weights[[BLENDSHAPE_INDEX[each] for each in names]] = strength
    return weights


def _mirror_rows() -> np.ndarray:
    """Row of the mirror twin of every contour point."""
    twin = np.arange(NUM_CONTOUR_POINTS)
    oval, nose = CONTOUR_SLICES["face_oval"], CONTOUR_SLICES["nose_base"]
    twin[oval] = oval.start + (36 - np.arange(36)) % 36
    twin[nose] = twin[nose][::-1].copy()
    for ring in ("outer_lips", "inner_lips"):
        step = np.arange(20)
        twin[CONTOUR_SLICES[ring]] = CONTOUR_SLICES[ring].start + np.where(step <= 10, 10 - step, 30 - step)
    for part in ("eye", "brow"):
        left, right = CONTOUR_SLICES[f"left_{part}"], CONTOUR_SLICES[f"right_{part}"]
        twin[left], twin[right] = np.arange(right.start, right.stop), np.arange(left.start, left.stop)
    left, right = CONTOUR_SLICES["left_iris"].start, CONTOUR_SLICES["right_iris"].start
    rim = np.array([0, 3, 2, 1, 4])
    twin[left : left + 5], twin[right : right + 5] = right + rim, left + rim
    return twin


def _swap_sides(weights: np.ndarray) -> np.ndarray:
    def other(name: str) -> str:
        return name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")

    return weights[..., [BLENDSHAPE_INDEX[other(name)] for name in BLENDSHAPES]]


@pytest.mark.parametrize("rig", RIGS)
def test_full_blink_closes_eyes_of_any_size_exactly(rig, seeded):
    weights = seeded.random((50, 52)).astype(np.float32)
    weights[:, [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]] = 1.0
    for eye in ("left_eye", "right_eye"):
        lids = face_points(rig, weights)[:, CONTOUR_SLICES[eye]]
        np.testing.assert_array_equal(lids[:, 1:8], lids[:, :8:-1])


@pytest.mark.parametrize("rig", RIGS)
def test_lids_and_inner_lips_never_cross(rig, seeded):
    points = face_points(rig, seeded.random((400, 52)))
    for eye in ("left_eye", "right_eye"):
        lids = points[:, CONTOUR_SLICES[eye], 1]
        assert (lids[:, 1:8] - lids[:, :8:-1]).min() >= -1e-6
    inner, outer = points[:, CONTOUR_SLICES["inner_lips"], 1], points[:, CONTOUR_SLICES["outer_lips"], 1]
    assert (inner[:, 1:10] - inner[:, :10:-1]).min() >= -1e-6
    assert (outer[:, 1:10] - inner[:, 1:10]).min() >= 0
    assert (inner[:, 11:] - outer[:, 11:]).min() >= 0


def test_mouth_close_takes_the_gap_of_an_open_jaw_back():
    inner = CONTOUR_SLICES["inner_lips"]
    opened = face_points(HUMAN_RIG, _weights(jawOpen=1))[inner, 1]
    closed = face_points(HUMAN_RIG, _weights(jawOpen=1, mouthClose=1))[inner, 1]
    assert opened[5] - opened[15] == pytest.approx(HUMAN_RIG.mouth_open, rel=0.05)
    np.testing.assert_allclose(closed[1:10], closed[:10:-1], atol=1e-5)


def test_points_move_linearly_with_every_weight_that_is_not_a_lid(seeded):
    movers = [name for name in BLENDSHAPES if not name.startswith(LIDS)]
    eyes = [row for name in ("left_iris", "right_iris", "face_oval", "left_brow", "nose_base") for row in
            range(CONTOUR_SLICES[name].start, CONTOUR_SLICES[name].stop)]  # fmt: skip
    first, second = np.zeros(52), np.zeros(52)
    rows = [BLENDSHAPE_INDEX[name] for name in movers if not name.startswith("eyeLook")]
    first[rows], second[rows] = 0.4 * seeded.random(len(rows)), 0.4 * seeded.random(len(rows))
    rest = rest_points(HUMAN_RIG)
    moved = [face_points(HUMAN_RIG, each)[eyes] - rest[eyes] for each in (first, second, first + second)]
    np.testing.assert_allclose(moved[0] + moved[1], moved[2], atol=1e-5)


def test_every_shape_that_contours_can_show_moves_a_point():
    rest = rest_points(HUMAN_RIG)
    reach = {name: np.abs(face_points(HUMAN_RIG, _weights(**{name: 1})) - rest).max() for name in BLENDSHAPES}
    still = [name for name in BLENDSHAPES if reach[name] < 0.005]
    assert still in (["mouthClose", "tongueOut"], ["tongueOut"])


def test_sides_are_mirror_images(seeded):
    weights = seeded.random((40, 52)).astype(np.float32)
    head = np.array([40.0, 20.0, 15.0, 0.0, 0.0, 50.0])
    mirrored_head = head * (-1, 1, -1, 1, 1, 1)
    px, visibility = pose_face(face_points(HUMAN_RIG, weights), np.tile(head, (40, 1)))
    twin = _mirror_rows()
    other_px, other_visibility = pose_face(
        face_points(HUMAN_RIG, _swap_sides(weights))[:, twin], np.tile(mirrored_head, (40, 1))
    )
    np.testing.assert_allclose(other_px * (-1, 1), px, atol=1e-3)
    np.testing.assert_allclose(other_visibility, visibility, atol=1e-5)


def test_gaze_keeps_the_iris_centre_in_the_open_eye(seeded):
    points = face_points(HUGE_EYES, seeded.random((200, 52)))
    eye, centre = rest_points(HUGE_EYES)[CONTOUR_SLICES["left_eye"]], points[:, CONTOUR_SLICES["left_iris"].start]
    assert (centre[:, 0] > eye[:, 0].min()).all() and (centre[:, 0] < eye[:, 0].max()).all()
    assert (centre[:, 1] > eye[:, 1].min()).all() and (centre[:, 1] < eye[:, 1].max()).all()


def test_head_angles_turn_the_nose_as_the_vocabulary_says():
    nose = np.array([0.0, 0.0, 1.0])
    assert (rotation_from_head(np.array([30.0, 0, 0, 0, 0, 1])) @ nose)[0] > 0.4
    assert (rotation_from_head(np.array([0.0, 30, 0, 0, 0, 1])) @ nose)[1] > 0.4
    crown = rotation_from_head(np.array([0.0, 0, 30, 0, 0, 1])) @ (0.0, -1.0, 0.0)
    assert crown[0] > 0.4


def test_angles_survive_the_rotation(seeded):
    angles = seeded.uniform(-80, 80, (100, 3))
    head = np.concatenate([angles, np.ones((100, 3))], axis=1)
    np.testing.assert_allclose(head_angles_from_rotation(rotation_from_head(head)), angles, atol=1e-9)


def test_far_eye_fades_in_profile_and_the_near_eye_stays():
    head = rest_head(HUMAN_RIG, (256, 256))
    head[0] = 75
    visibility = pose_face(rest_points(HUMAN_RIG), head)[1]
    assert visibility[CONTOUR_SLICES["left_eye"]].mean() < 0.15
    assert visibility[CONTOUR_SLICES["right_eye"]].mean() > 0.9


def test_bones_have_the_rigs_own_lengths(seeded):
    limbs = rest_limbs()
    head = rest_head(HUMAN_RIG, (640, 480))
    body = pose_body(HUMAN_RIG, limbs, head)
    arm = body[POSE_INDEX["left_elbow"], :2] - body[POSE_INDEX["left_shoulder"], :2]
    expected = bone_lengths(HUMAN_RIG)[BODY_BONES.index("left_upper_arm")] * head[5] * np.hypot(*limbs[2, :2])
    assert np.hypot(*arm) == pytest.approx(expected, rel=1e-5)
    span = body[POSE_INDEX["left_shoulder"], 0] - body[POSE_INDEX["right_shoulder"], 0]
    assert span == pytest.approx(HUMAN_RIG.shoulder_width * head[5], rel=1e-5)


def test_limbs_that_were_not_seen_are_not_drawn():
    limbs = rest_limbs()
    limbs[BODY_BONES.index("left_forearm")] = np.nan
    body = pose_body(HUMAN_RIG, limbs, rest_head(HUMAN_RIG, (256, 256)))
    assert np.isnan(body[POSE_INDEX["left_wrist"], :2]).all() and body[POSE_INDEX["left_wrist"], 2] == 0
    assert np.isfinite(body[POSE_INDEX["right_wrist"], :2]).all()
    hands = hands_from_body(body)
    assert np.isnan(hands[0]).all() and np.isfinite(hands[1]).all()


def test_absent_parts_lose_their_rows_and_joints():
    rig = replace(HUMAN_RIG, absent=frozenset({"left_eye", "nose", "right_hand"}))
    rows = present_rows(rig)
    assert not rows[CONTOUR_SLICES["left_iris"]].any() and not rows[CONTOUR_SLICES["nose_base"]].any()
    assert rows[CONTOUR_SLICES["right_eye"]].all()
    body = rest_body(rig, (256, 256))
    assert np.isnan(body[POSE_INDEX["right_thumb"], 0]) and np.isfinite(body[POSE_INDEX["left_thumb"], 0])


def test_many_frames_equal_frame_by_frame(seeded):
    weights = seeded.random((6, 52)).astype(np.float32)
    together = face_points(HUMAN_RIG, weights)
    np.testing.assert_allclose(together, np.stack([face_points(HUMAN_RIG, each) for each in weights]), atol=1e-6)


def test_manifest_round_trip_and_digest():
    rig = replace(HUMAN_RIG, jaw=1, absent=frozenset({"nose", "mouth"}))
    again = Rig.from_dict(rig.to_dict())
    assert again == rig and again.digest() == rig.digest() == replace(rig, jaw=1.0).digest()
    assert rig.digest() != HUMAN_RIG.digest()


@pytest.mark.parametrize(
    "values", [{"eye_hight": 0.2}, {"jaw": "wide"}, {"eye_width": 0.0}, {"absent": ["tail"]}, {"absent": "nose"}]
)
def test_wrong_manifests_are_refused_in_one_line(values):
    with pytest.raises(PackError, match=r"^rig: [^\n]+$"):
        Rig.from_dict(values)


@pytest.fixture
def seeded() -> np.random.Generator:
    """A generator that every run seeds alike."""
    return np.random.default_rng(11)
