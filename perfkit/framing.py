"""Where on its canvas the character's head goes: the performer's way across their picture, tamed.

In: head motion of the seen frames, px of the take. Out: head channels for them, px of the character's canvas.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.headspace import HeadMotion
from perfkit.rig import head_angles_from_rotation

HEAD_NOISE: tuple[tuple[float, float], ...] = ((0.15, 1.0),) * 3 + ((0.2, 1.2),) * 2 + ((0.1, 1.0),)
"""Bounds on the noise of each head channel, degrees and px of a 256 px canvas."""

_ANGLE_LIMITS = np.array([75.0, 38.0, 60.0])
_SIZE_LIMITS = 0.75, 1.3
_WAY_LIMITS = 0.16, 0.12
"""How far the head may go from its rest, as shares of the canvas' width and height: a bust stays a bust.

A performer who is seen in full walks and squats by many heads; the embedded base was trained within these bounds.
"""
_HALF_WIDTH, _ABOVE, _BELOW = 0.95, 1.35, 1.05


@dataclass(frozen=True, eq=False)
class UsualHead:
    """What a performer's motion is counted from.

    Attributes:
        angles: (3,) yaw, pitch, roll, degrees; zeros count from the camera.
        center_px: (2,) of the take.
        log_scale: Logarithm of px per head unit.
    """

    angles: np.ndarray
    center_px: np.ndarray
    log_scale: float


def measure_usual_head(motion: HeadMotion, *, from_neutral: bool) -> UsualHead:
    """Return where a performer's head usually is over a take; with `from_neutral` also how it is usually turned."""
    angles = usual_value(_unwrapped_angles(motion)) if from_neutral else np.zeros(3)
    return UsualHead(angles, usual_value(motion.center_px), float(usual_value(np.log(motion.scale_px))))


def frame_head(
    motion: HeadMotion,
    rest: np.ndarray,
    *,
    canvas_wh: tuple[int, int],
    gains: tuple[float, float],
    usual: UsualHead,
) -> np.ndarray:
    """Map the performer's head to the canvas.

    Place and size are taken against the performer's own average, so that a face in a corner of the take is in the
    middle of the canvas; what would leave the canvas is bent back softly.

    Args:
        motion: Head motion of the S seen frames.
        rest: (6,), the character's head at rest on this canvas.
        canvas_wh: The canvas, px.
        gains: Of place and of size.
        usual: What place, size and angles are counted from.

    Returns:
        (S, 6), columns as `vocabulary.HEAD_CHANNELS`.
    """
    position_gain, size_gain = gains
    angles = _unwrapped_angles(motion) - usual.angles
    usual_px = np.exp(usual.log_scale)
    place = (motion.center_px - usual.center_px) / usual_px
    scale = rest[5] * np.clip((motion.scale_px / usual_px) ** size_gain, *_SIZE_LIMITS)
    offset = position_gain * rest[5] * place
    most_x, most_y = _WAY_LIMITS[0] * canvas_wh[0], _WAY_LIMITS[1] * canvas_wh[1]
    room_x = np.clip(min(rest[3], canvas_wh[0] - rest[3]) - _HALF_WIDTH * rest[5], 1.0, most_x)
    room_up = np.clip(rest[4] - _ABOVE * rest[5], 1.0, most_y)
    room_down = np.clip(canvas_wh[1] - rest[4] - _BELOW * rest[5], 1.0, most_y)
    room_y = np.where(offset[:, 1] < 0, room_up, room_down)
    bent = np.stack([_bend(offset[:, 0], np.full(len(offset), room_x)), _bend(offset[:, 1], room_y)], axis=1)
    turned = _bend(angles, np.broadcast_to(_ANGLE_LIMITS, angles.shape))
    return np.concatenate([turned, rest[3:5] + bent, scale[:, None]], axis=1)


def _unwrapped_angles(motion: HeadMotion) -> np.ndarray:
    return np.unwrap(head_angles_from_rotation(motion.rotation), period=360.0, axis=0)


def usual_value(values: np.ndarray) -> np.ndarray:
    """Return the mean over frames with the outer tenths pulled in: no single second of a take decides it."""
    low, high = np.quantile(values, [0.1, 0.9], axis=0)
    return np.clip(values, low, high).mean(axis=0)


def _bend(value: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return `value` up to half the room, then ever less, never more than the room."""
    beyond = np.abs(value) - 0.5 * room
    bent = 0.5 * room * (1.0 + np.tanh(np.clip(beyond, 0.0, None) / (0.5 * room)))
    return np.where(beyond > 0, np.sign(value) * bent, value)
