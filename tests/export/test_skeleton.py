"""The skeleton against hand calculation: left is left, directions are kept, mirrors are mirrors."""

import numpy as np
import pytest
from posed_performer import LEFT_ARM, UP, hold_pose, make_limbs

from perfkit.export.skeleton import HIPS_CM, JOINT_INDEX, JOINTS, place_joints, pose_joints
from perfkit.rig import BODY_BONES

STRAIGHT = np.eye(3)
MIRROR = np.diag([-1.0, 1.0, 1.0])


def places_of(limbs: np.ndarray, head: np.ndarray = STRAIGHT) -> dict[str, np.ndarray]:
    """Return joint name -> place, cm, of one pose."""
    _, places = place_joints(pose_joints(head, limbs), HIPS_CM)
    return {joint.name: places[row] for row, joint in enumerate(JOINTS)}


def test_a_t_pose_turns_no_joint():
    np.testing.assert_allclose(pose_joints(STRAIGHT, make_limbs()), np.tile(np.eye(3), (13, 1, 1)), atol=1e-12)


def test_the_left_hand_of_a_t_pose_is_70_cm_to_the_left_at_the_shoulders_height():
    at = places_of(make_limbs())
    np.testing.assert_allclose(at["LeftHand"], [3 + 14 + 28 + 25, 94 + 10 + 16 + 20, 0], atol=1e-9)
    np.testing.assert_allclose(at["RightHand"], [-70, 140, 0], atol=1e-9)
    np.testing.assert_allclose(at["Head"], [0, 94 + 10 + 16 + 24 + 9, 0], atol=1e-9)


def test_a_raised_left_arm_goes_up_from_the_left_shoulder_and_the_right_one_stays():
    at = places_of(make_limbs(**dict.fromkeys(LEFT_ARM, UP)))
    np.testing.assert_allclose(at["LeftUpperArm"], [17, 140, 0], atol=1e-9)
    np.testing.assert_allclose(at["LeftLowerArm"], [17, 168, 0], atol=1e-9)
    np.testing.assert_allclose(at["LeftHand"], [17, 193, 0], atol=1e-9)
    np.testing.assert_allclose(at["RightHand"], [-70, 140, 0], atol=1e-9)


def test_a_head_turned_30_degrees_to_its_left_looks_there_half_by_the_neck():
    performance = hold_pose(head_deg=(30, 0, 0))
    world, _ = place_joints(performance.joints[0], HIPS_CM)
    ahead = np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(world[JOINT_INDEX["Head"]] @ ahead, [0.5, 0, np.sqrt(0.75)], atol=1e-12)
    fifteen = np.deg2rad(15)
    np.testing.assert_allclose(world[JOINT_INDEX["Neck"]] @ ahead, [np.sin(fifteen), 0, np.cos(fifteen)], atol=1e-12)
    np.testing.assert_allclose(world[JOINT_INDEX["Chest"]], np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("head_deg", "looks"),
    [((0, 90, 0), (0, -1, 0)), ((90, 0, 0), (1, 0, 0)), ((-90, 0, 0), (-1, 0, 0)), ((0, -90, 0), (0, 1, 0))],
)
def test_pitch_looks_down_and_yaw_to_the_left(head_deg, looks):
    np.testing.assert_allclose(hold_pose(head_deg=head_deg).head_rotation[0] @ [0, 0, 1], looks, atol=1e-12)


def test_roll_tilts_to_the_left_shoulder():
    np.testing.assert_allclose(hold_pose(head_deg=(0, 0, 90)).head_rotation[0] @ [0, 1, 0], [1, 0, 0], atol=1e-12)


def test_every_bone_points_where_its_limb_does():
    rng = np.random.default_rng(1)
    for _ in range(20):
        limbs = rng.normal(size=(len(BODY_BONES), 3))
        limbs[:2] = make_limbs()[:2] + 0.3 * rng.normal(size=(2, 3))
        at = places_of(limbs)
        for start, end, bone in (
            ("LeftUpperArm", "LeftLowerArm", "left_upper_arm"),
            ("LeftLowerArm", "LeftHand", "left_forearm"),
            ("RightUpperArm", "RightLowerArm", "right_upper_arm"),
            ("RightLowerArm", "RightHand", "right_forearm"),
            ("RightUpperArm", "LeftUpperArm", "shoulders"),
        ):
            along = at[end] - at[start]
            limb = limbs[BODY_BONES.index(bone)]
            np.testing.assert_allclose(along / np.linalg.norm(along), limb / np.linalg.norm(limb), atol=1e-9)


def test_a_mirrored_pose_is_the_mirror_image():
    rng = np.random.default_rng(2)
    limbs = make_limbs() + 0.4 * rng.normal(size=(len(BODY_BONES), 3))
    swapped = [
        BODY_BONES.index(bone.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right"))
        for bone in BODY_BONES
    ]
    mirrored = limbs[swapped] @ MIRROR
    mirrored[0] = -mirrored[0]
    head = hold_pose(head_deg=(25, 10, -15)).head_rotation[0]
    at, mirrored_at = places_of(limbs, head), places_of(mirrored, MIRROR @ head @ MIRROR)
    for name, place in at.items():
        other = name.replace("Left", "RIGHT").replace("Right", "Left").replace("RIGHT", "Right")
        np.testing.assert_allclose(mirrored_at[other], MIRROR @ place, atol=1e-9)


def test_an_arm_straight_across_the_chest_is_still_a_rotation():
    joints = pose_joints(STRAIGHT, make_limbs(**dict.fromkeys(LEFT_ARM, (-1, 0, 0))))
    np.testing.assert_allclose(np.linalg.det(joints), 1.0, atol=1e-9)
    np.testing.assert_allclose(joints @ np.swapaxes(joints, -1, -2), np.tile(np.eye(3), (13, 1, 1)), atol=1e-9)


def test_many_frames_at_once_are_each_frame_alone():
    rng = np.random.default_rng(3)
    limbs = make_limbs() + 0.3 * rng.normal(size=(5, len(BODY_BONES), 3))
    heads = hold_pose(head_deg=(20, 5, 0)).head_rotation[:1].repeat(5, axis=0)
    together = pose_joints(heads, limbs)
    for frame in range(5):
        np.testing.assert_array_equal(together[frame], pose_joints(heads[frame], limbs[frame]))
