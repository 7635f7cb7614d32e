"""The character's body from limb directions, with hands that meet the face where the performer's do.

In: BodyMotion, a rig, its head channels. Out: body points on the canvas. Arms have the character's own bone lengths; a
hand at the performer's mouth is at the character's mouth, wherever that is, by bending the arm towards it. The picture
shows a bust, and raised hands are in it: arms that would reach out of it bend as if they came towards the camera.
"""

import numpy as np

from perfkit.body import BodyMotion
from perfkit.proportions import Rig
from perfkit.rig import pose_body
from perfkit.vocabulary import POSE_INDEX

_SOFT_FROM, _BORDER = 0.75, 0.06
"""Where on the way from the canvas' middle to its border a raised hand slows down; the border's width: shares."""
_PARTS = ("wrist", "index", "pinky", "thumb")


def place_body(
    body: BodyMotion, rig: Rig, head: np.ndarray, features: np.ndarray, *, canvas_wh: tuple[int, int]
) -> np.ndarray:
    """Pose the character's body.

    Args:
        body: The performer's motion, T frames.
        rig: The character's proportions.
        canvas_wh: The canvas, px.
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
        upper, fore = rig.upper_arm * head[:, 5], rig.forearm * head[:, 5]
        _reach(points, side, target, (upper, fore, body.hand_near[:, index]))
        fingers = _fingers(points, side)
        _reach(points, side, _into_canvas(fingers, canvas_wh), (upper, fore, _raised(points, side, head[:, 5])))
    return points.astype(np.float32)


def _onto_face(at: np.ndarray, rig: Rig, features: np.ndarray) -> np.ndarray:
    """Carry places near the performer's face to the same features of the character's, (T, 2) head units."""
    eye_y, mouth_y, half_width = features
    anchors_from, anchors_to = [-1.0, eye_y, mouth_y, 1.0], [-1.0, rig.eye_y, rig.mouth_y, 1.0]
    inside = np.interp(at[:, 1], anchors_from, anchors_to)
    y = np.where(np.abs(at[:, 1]) < 1.0, inside, at[:, 1])
    return np.stack([at[:, 0] * rig.face_width / half_width, y], axis=1)


def _fingers(points: np.ndarray, side: str) -> np.ndarray:
    """Return (T, 2) px: the middle of a hand's knuckles."""
    return 0.5 * (points[:, POSE_INDEX[f"{side}_index"], :2] + points[:, POSE_INDEX[f"{side}_pinky"], :2])


def _raised(points: np.ndarray, side: str, unit_px: np.ndarray) -> np.ndarray:
    """Return (T,) in 0..1: how far a hand is raised past its shoulder; slowly, for arms fly up within a few frames."""
    up = points[:, POSE_INDEX[f"{side}_shoulder"], 1] - _fingers(points, side)[:, 1]
    return np.clip((up / unit_px + 1.0) / 2.0, 0.0, 1.0)


def _into_canvas(px: np.ndarray, canvas_wh: tuple[int, int]) -> np.ndarray:
    """Return places (T, 2) that slow down towards the canvas' border and never pass it."""
    half = 0.5 * np.array(canvas_wh)
    share = (px - half) / (half * (1.0 - 2.0 * _BORDER))
    beyond = np.clip(np.abs(share) - _SOFT_FROM, 0.0, None) / (1.0 - _SOFT_FROM)
    bent = np.where(beyond > 0, _SOFT_FROM + (1.0 - _SOFT_FROM) * np.tanh(beyond), np.abs(share))
    return half + np.sign(share) * bent * half * (1.0 - 2.0 * _BORDER)


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
