"""A human skeleton in a T-pose, and its joints' rotations from the head's turn and the limbs' directions.

In: rotations and directions of one frame or of many. Out: local rotations, world places. Names are those of Unity's
humanoid, which VRM, Warudo and VSeeFace read; the sizes are an adult's of 170 cm.

    axes: x to the performer's left, y up, z ahead, out of the chest (right-handed); the camera looks at it from +z

                       Head
                       Neck
    Hand-Lower-Upper-Shoulder  Shoulder-Upper-Lower-Hand       right arms go to -x, left arms to +x
                       Chest
                       Spine
                       Hips
"""

from dataclasses import dataclass

import numpy as np

from perfkit.geometry import nearest_rotation
from perfkit.rig import BODY_BONES


@dataclass(frozen=True)
class Joint:
    """One joint at rest.

    Attributes:
        name: Its name in Unity's humanoid.
        parent: Its parent's name; empty for the root.
        offset_cm: From the parent (the root: from the floor), at rest.
        tip_cm: Where a bone without a child ends, from the joint.
    """

    name: str
    parent: str
    offset_cm: tuple[float, float, float]
    tip_cm: tuple[float, float, float] | None = None


JOINTS: tuple[Joint, ...] = (
    Joint("Hips", "", (0, 94, 0)),
    Joint("Spine", "Hips", (0, 10, 0)),
    Joint("Chest", "Spine", (0, 16, 0)),
    Joint("Neck", "Chest", (0, 24, 0)),
    Joint("Head", "Neck", (0, 9, 0), tip_cm=(0, 17, 0)),
    Joint("LeftShoulder", "Chest", (3, 20, 0)),
    Joint("LeftUpperArm", "LeftShoulder", (14, 0, 0)),
    Joint("LeftLowerArm", "LeftUpperArm", (28, 0, 0)),
    Joint("LeftHand", "LeftLowerArm", (25, 0, 0), tip_cm=(17, 0, 0)),
    Joint("RightShoulder", "Chest", (-3, 20, 0)),
    Joint("RightUpperArm", "RightShoulder", (-14, 0, 0)),
    Joint("RightLowerArm", "RightUpperArm", (-28, 0, 0)),
    Joint("RightHand", "RightLowerArm", (-25, 0, 0), tip_cm=(-17, 0, 0)),
)
"""Parents come before their children: rows of every joint array."""

JOINT_INDEX: dict[str, int] = {joint.name: index for index, joint in enumerate(JOINTS)}
PARENTS: tuple[int, ...] = tuple(JOINT_INDEX.get(joint.parent, -1) for joint in JOINTS)
OFFSETS_CM: np.ndarray = np.array([joint.offset_cm for joint in JOINTS], dtype=np.float64)
HIPS_CM: np.ndarray = OFFSETS_CM[0]
"""Where the hips are at rest."""

_BONE = {name: row for row, name in enumerate(BODY_BONES)}


def pose_joints(head: np.ndarray, limbs: np.ndarray) -> np.ndarray:
    """Turn the skeleton so that its head and limbs point where the performer's do.

    The chest follows the line of the shoulders and, across it, the spine; half of its turn is the spine's. The neck
    takes half of the way from the chest to the head. An arm's twist about itself is not known: each bone takes the
    shortest way from the T-pose.

    Args:
        head: (..., 3, 3), the head's rotation in the skeleton's axes; identity looks into the camera.
        limbs: (..., 12, 3) directions, rows as `rig.BODY_BONES`, in the skeleton's axes, of any length but 0.

    Returns:
        (..., 13, 3, 3) float64 rotations, each from the joint's own axes to its parent's, rows as `JOINTS`.
    """
    chest = _chest_rotation(limbs[..., _BONE["shoulders"], :], limbs[..., _BONE["spine"], :])
    local = np.broadcast_to(np.eye(3), (*head.shape[:-2], len(JOINTS), 3, 3)).copy()
    local[..., JOINT_INDEX["Spine"], :, :] = local[..., JOINT_INDEX["Chest"], :, :] = _half(chest)
    nod = _half(np.swapaxes(chest, -1, -2) @ head)
    local[..., JOINT_INDEX["Neck"], :, :] = local[..., JOINT_INDEX["Head"], :, :] = nod
    for side, away in (("left", 1.0), ("right", -1.0)):
        fingers = _unit(limbs[..., _BONE[f"{side}_index"], :]) + _unit(limbs[..., _BONE[f"{side}_pinky"], :])
        arm = {
            "UpperArm": limbs[..., _BONE[f"{side}_upper_arm"], :],
            "LowerArm": limbs[..., _BONE[f"{side}_forearm"], :],
            "Hand": fingers,
        }
        parent = chest
        for part, direction in arm.items():
            seen_from_parent = (np.swapaxes(parent, -1, -2) @ _unit(direction)[..., None])[..., 0]
            turn = _shortest_turn(np.array([away, 0.0, 0.0]), seen_from_parent)
            local[..., JOINT_INDEX[side.capitalize() + part], :, :] = turn
            parent = parent @ turn
    return local


def place_joints(local: np.ndarray, hips_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return world rotations (..., 13, 3, 3) and places (..., 13, 3), cm, of local rotations and the hips' place."""
    world = np.empty_like(local)
    places = np.empty((*local.shape[:-2], 3))
    world[..., 0, :, :], places[..., 0, :] = local[..., 0, :, :], hips_cm
    for row, parent in enumerate(PARENTS[1:], start=1):
        world[..., row, :, :] = world[..., parent, :, :] @ local[..., row, :, :]
        places[..., row, :] = places[..., parent, :] + world[..., parent, :, :] @ OFFSETS_CM[row]
    return world, places


def _chest_rotation(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the chest's rotation (..., 3, 3): its x along the shoulders, its y away from the hips."""
    x = _unit(across)
    up = -down
    z = _unit(np.cross(x, up))
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _half(rotation: np.ndarray) -> np.ndarray:
    return nearest_rotation(rotation + np.eye(3))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def _shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation (..., 3, 3) that carries the unit vector `start` (3,) to `end` (..., 3)."""
    axis = np.cross(np.broadcast_to(start, end.shape), end)
    cosine = end @ start
    cross = np.zeros((*end.shape, 3))
    cross[..., 0, 1], cross[..., 0, 2], cross[..., 1, 2] = -axis[..., 2], axis[..., 1], -axis[..., 0]
    cross -= np.swapaxes(cross, -1, -2)
    turn = np.eye(3) + cross + cross @ cross / np.maximum(1.0 + cosine, 1e-9)[..., None, None]
    about_y = np.diag([-1.0, 1.0, -1.0])
    return np.where((cosine < -1.0 + 1e-7)[..., None, None], about_y, turn)
