"""The character's body from limb directions, with hands that meet the face where the performer's do.

In: BodyMotion, a rig, its head channels. Out: body points on the canvas. Arms have the character's own bone lengths; a
hand at the performer's mouth is at the character's mouth, wherever that is, by bending the arm towards it.
"""

import numpy as np

from perfkit.body import BodyMotion
from perfkit.proportions import Rig
from perfkit.rig import pose_body
from perfkit.vocabulary import POSE_INDEX

_PARTS = ("wrist", "index", "pinky", "thumb")


def place_body(body: BodyMotion, rig: Rig, head: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Pose the character's body.

    Args:
        body: The performer's motion, T frames.
        rig: The character's proportions.
        head: (T, 6), the character's head channels.
        features: (3,), how low the performer's eyes and mouth lie and half their face's width, head units.

    Returns:
        (T, 33, 3) float32, x, y px and visibility, rows as `vocabulary.POSE_POINTS`.
    """
    points = pose_body(rig, body.limbs, head).astype(np.float64)
    shoulders_down = [POSE_INDEX[name] for name in POSE_INDEX if POSE_INDEX[name] >= POSE_INDEX["left_shoulder"]]
    points[:, shoulders_down, :2] += (body.neck_offset * head[:, 5:6])[:, None, :]
    for index, side in enumerate(("left", "right")):
        if f"{side}_hand" in rig.absent or "body" in rig.absent:
            continue
        at = _onto_face(body.hand_at[:, index], rig, features)
        target = head[:, 3:5] + head[:, 5:6] * at
        _reach(points, side, target, (rig.upper_arm * head[:, 5], rig.forearm * head[:, 5], body.hand_near[:, index]))
    return points.astype(np.float32)


def _onto_face(at: np.ndarray, rig: Rig, features: np.ndarray) -> np.ndarray:
    """Carry places near the performer's face to the same features of the character's, (T, 2) head units."""
    eye_y, mouth_y, half_width = features
    anchors_from, anchors_to = [-1.0, eye_y, mouth_y, 1.0], [-1.0, rig.eye_y, rig.mouth_y, 1.0]
    inside = np.interp(at[:, 1], anchors_from, anchors_to)
    y = np.where(np.abs(at[:, 1]) < 1.0, inside, at[:, 1])
    return np.stack([at[:, 0] * rig.face_width / half_width, y], axis=1)


def _reach(points: np.ndarray, side: str, target: np.ndarray, arm: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Bend one arm (in place) so that its fingers come to `target` as far as `near` says and the bones allow.

    The elbow goes to the nearest place that both bones can reach: bones that look shorter point at the camera.
    """
    upper, fore, near = arm
    shoulder, elbow = (points[:, POSE_INDEX[f"{side}_{name}"], :2].copy() for name in ("shoulder", "elbow"))
    hand = {name: points[:, POSE_INDEX[f"{side}_{name}"], :2].copy() for name in _PARTS}
    grip = 0.5 * (hand["index"] + hand["pinky"]) - hand["wrist"]
    wanted = hand["wrist"] + near[:, None] * (target - grip - hand["wrist"])
    way = wanted - shoulder
    distance = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    reach = np.minimum(distance, 0.999 * (upper + fore))
    along = way / distance[:, None]
    wrist = shoulder + along * reach[:, None]
    bent = elbow
    for _ in range(4):
        bent = _pull_within(shoulder, upper, _pull_within(wrist, fore, bent))
    points[:, POSE_INDEX[f"{side}_elbow"], :2] = elbow + near[:, None] * (bent - elbow)
    for name in _PARTS:
        points[:, POSE_INDEX[f"{side}_{name}"], :2] = hand[name] + (wrist - hand["wrist"])


def _pull_within(center: np.ndarray, radius: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return each point (T, 2), or the nearest one that is no farther than `radius` (T,) from its centre."""
    way = point - center
    length = np.maximum(np.linalg.norm(way, axis=1), 1e-6)
    return center + way * np.minimum(1.0, radius / length)[:, None]
