"""What a puppet does in one picture, and a natural mix of such performances.

`Performance` knows no character; `pose_performance` fits it to a rig and a canvas.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.rig import BODY_BONES, Rig, pose_body, rest_head, rest_limbs
from perfkit.training.puppet.look import HARDNESSES, LIGHT_DIRECTIONS, Light
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES


@dataclass(frozen=True, eq=False)
class Performance:
    """A performance that any character can give.

    Attributes:
        weights: (52,) float32 in 0..1, columns as `vocabulary.BLENDSHAPES`.
        head: (6,) float32: yaw, pitch, roll in degrees; shift right and down as fractions of the canvas; zoom.
        body: (12, 3) float32 limb directions, rows as `rig.BODY_BONES`.
    """

    weights: np.ndarray
    head: np.ndarray
    body: np.ndarray


@dataclass(frozen=True, eq=False)
class Pose:
    """A performance on one character's canvas: weights (52,), head (6,) as HEAD_CHANNELS, body (33, 3) px."""

    weights: np.ndarray
    head: np.ndarray
    body: np.ndarray


NEUTRAL = Performance(np.zeros(len(BLENDSHAPES), np.float32), np.array([0, 0, 0, 0, 0, 1], np.float32), rest_limbs())
"""Looking ahead, calm, arms hanging."""


def pose_performance(rig: Rig, performance: Performance, *, size: int = 256) -> Pose:
    """Fit a performance to a character and a square canvas."""
    head = rest_head(rig, (size, size))
    head[:3] = performance.head[:3]
    head[3:5] += performance.head[3:5] * size
    head[5] *= performance.head[5]
    return Pose(performance.weights.astype(np.float32), head, pose_body(rig, performance.body, head))


def sample_light(rng: np.random.Generator) -> Light:
    """Draw a light: side and hardness."""
    side = str(rng.choice(list(LIGHT_DIRECTIONS), p=(0.33, 0.33, 0.14, 0.2)))
    return Light(side, str(rng.choice(HARDNESSES)))


def sample_performance(rng: np.random.Generator) -> Performance:
    """Draw a performance: mostly what faces do in takes, now and then an extreme."""
    weights = np.zeros(len(BLENDSHAPES), np.float32)
    _MOODS[int(rng.choice(len(_MOODS), p=_MOOD_SHARES))](rng, weights)
    _add_gaze(rng, weights)
    _add_blink(rng, weights)
    if rng.random() < 0.5:
        _add_speech(rng, weights)
    for index in rng.choice(len(BLENDSHAPES), size=int(rng.integers(0, 5)), replace=False):
        weights[index] += rng.beta(0.9, 1.8)
    weights[BLENDSHAPE_INDEX["tongueOut"]] *= rng.random() < 0.1
    return Performance(np.clip(weights, 0, 1), _sample_head(rng), _sample_body(rng))


def _add(weights: np.ndarray, name: str, left: float, right: float | None = None) -> None:
    """Add to one weight, or to a Left/Right pair."""
    if name in BLENDSHAPE_INDEX:
        weights[BLENDSHAPE_INDEX[name]] += left
        return
    weights[BLENDSHAPE_INDEX[f"{name}Left"]] += left
    weights[BLENDSHAPE_INDEX[f"{name}Right"]] += left if right is None else right


def _sides(rng: np.random.Generator, strength: float) -> tuple[float, float]:
    """Return strengths for left and right: mostly nearly even, sometimes one-sided."""
    if rng.random() < 0.15:
        lone = float(rng.random() < 0.5)
        return strength * lone, strength * (1 - lone)
    return strength * float(rng.uniform(0.75, 1.0)), strength * float(rng.uniform(0.75, 1.0))


def _calm(rng: np.random.Generator, weights: np.ndarray) -> None:
    for name in ("mouthSmile", "mouthPress", "browOuterUp", "browDown", "mouthFrown", "eyeSquint"):
        _add(weights, name, *_sides(rng, float(rng.beta(0.7, 5))))


def _happy(rng: np.random.Generator, weights: np.ndarray) -> None:
    strength = float(rng.beta(2.5, 1.4))
    _add(weights, "mouthSmile", *_sides(rng, strength))
    _add(weights, "cheekSquint", *_sides(rng, strength * float(rng.uniform(0.2, 0.9))))
    _add(weights, "eyeSquint", *_sides(rng, strength * float(rng.uniform(0.0, 0.8))))
    _add(weights, "mouthUpperUp", *_sides(rng, strength * float(rng.uniform(0, 0.5))))
    if rng.random() < 0.55:
        _add(weights, "jawOpen", float(rng.beta(1.6, 1.8)) * strength)
        _add(weights, "mouthLowerDown", *_sides(rng, float(rng.uniform(0, 0.5))))
    if rng.random() < 0.3:
        _add(weights, "browInnerUp", float(rng.uniform(0.1, 0.7)))


def _sad(rng: np.random.Generator, weights: np.ndarray) -> None:
    strength = float(rng.beta(2.5, 1.4))
    _add(weights, "browInnerUp", strength)
    _add(weights, "mouthFrown", *_sides(rng, strength))
    _add(weights, "mouthShrugLower", strength * float(rng.uniform(0, 0.7)))
    _add(weights, "eyeSquint", *_sides(rng, strength * float(rng.uniform(0, 0.7))))
    _add(weights, "mouthStretch", *_sides(rng, strength * float(rng.beta(1, 2))))
    if rng.random() < 0.4:
        _add(weights, "jawOpen", float(rng.beta(1.2, 4)))


def _angry(rng: np.random.Generator, weights: np.ndarray) -> None:
    strength = float(rng.beta(2.5, 1.4))
    _add(weights, "browDown", *_sides(rng, strength))
    _add(weights, "noseSneer", *_sides(rng, strength * float(rng.uniform(0, 0.9))))
    _add(weights, "eyeSquint", *_sides(rng, strength * float(rng.uniform(0, 0.5))))
    if rng.random() < 0.5:
        _add(weights, "mouthPress", *_sides(rng, strength))
        _add(weights, "mouthFrown", *_sides(rng, strength * float(rng.uniform(0, 0.7))))
    else:
        _add(weights, "jawOpen", float(rng.beta(1.5, 2)) * strength)
        _add(weights, "mouthUpperUp", *_sides(rng, strength * float(rng.uniform(0.2, 0.9))))
        _add(weights, "mouthLowerDown", *_sides(rng, strength * float(rng.uniform(0.2, 0.9))))


def _surprised(rng: np.random.Generator, weights: np.ndarray) -> None:
    strength = float(rng.beta(2.5, 1.4))
    _add(weights, "browInnerUp", strength)
    _add(weights, "browOuterUp", *_sides(rng, strength))
    _add(weights, "eyeWide", *_sides(rng, strength))
    _add(weights, "jawOpen", strength * float(rng.uniform(0, 1)))
    _add(weights, "mouthFunnel", strength * float(rng.uniform(0, 0.6)))


def _wry(rng: np.random.Generator, weights: np.ndarray) -> None:
    strength, left = float(rng.beta(2.5, 1.6)), rng.random() < 0.5
    first, second = (strength, 0.1 * strength) if left else (0.1 * strength, strength)
    _add(weights, str(rng.choice(["mouthSmile", "mouthDimple", "mouthStretch"])), first, second)
    _add(weights, "mouthLeft" if left else "mouthRight", strength * float(rng.uniform(0, 0.8)))
    _add(weights, "browOuterUp", *((second, first) if rng.random() < 0.5 else (first, second)))
    _add(weights, "browDown", *((first, second) if rng.random() < 0.4 else (0.0, 0.0)))


def _playful(rng: np.random.Generator, weights: np.ndarray) -> None:
    name = str(rng.choice(["mouthPucker", "cheekPuff", "mouthFunnel", "mouthRoll", "jawSide", "sneer"]))
    strength = float(rng.beta(2.5, 1.2))
    if name == "mouthRoll":
        _add(weights, "mouthRollLower", strength)
        _add(weights, "mouthRollUpper", strength * float(rng.uniform(0.3, 1)))
    elif name == "jawSide":
        _add(weights, str(rng.choice(["jawLeft", "jawRight", "jawForward"])), strength)
        _add(weights, "jawOpen", float(rng.uniform(0, 0.5)))
    elif name == "sneer":
        _add(weights, "noseSneer", *_sides(rng, strength))
        _add(weights, "mouthUpperUp", *_sides(rng, strength))
    else:
        _add(weights, name, strength)


_MOODS = (_calm, _happy, _sad, _angry, _surprised, _wry, _playful)
_MOOD_SHARES = (0.27, 0.24, 0.12, 0.1, 0.09, 0.09, 0.09)


def _add_speech(rng: np.random.Generator, weights: np.ndarray) -> None:
    """Add a viseme: open, spread, rounded, closed or bitten lips."""
    kind, strength = int(rng.integers(6)), float(rng.beta(2, 2))
    _add(weights, "jawOpen", (0.75, 0.3, 0.3, 0.25, 0.15, 0.5)[kind] * strength)
    if kind == 1:
        _add(weights, "mouthStretch", *_sides(rng, 0.7 * strength))
        _add(weights, "mouthLowerDown", *_sides(rng, 0.5 * strength))
    elif kind == 2:
        _add(weights, "mouthFunnel", 0.8 * strength)
        _add(weights, "mouthPucker", 0.5 * strength)
    elif kind == 3:
        _add(weights, "mouthClose", 0.3 * strength)
        _add(weights, "mouthPress", *_sides(rng, 0.6 * strength))
    elif kind == 4:
        _add(weights, "mouthRollLower", 0.7 * strength)
        _add(weights, "mouthUpperUp", *_sides(rng, 0.4 * strength))
    elif kind == 5:
        _add(weights, "mouthLowerDown", *_sides(rng, 0.6 * strength))
        _add(weights, "mouthUpperUp", *_sides(rng, 0.4 * strength))


def _add_gaze(rng: np.random.Generator, weights: np.ndarray) -> None:
    across, down = rng.normal(0, 0.38), rng.normal(0, 0.28)
    if across > 0:
        _add(weights, "eyeLookOutLeft", across)
        _add(weights, "eyeLookInRight", across)
    else:
        _add(weights, "eyeLookInLeft", -across)
        _add(weights, "eyeLookOutRight", -across)
    _add(weights, "eyeLookDown" if down > 0 else "eyeLookUp", abs(down))


def _add_blink(rng: np.random.Generator, weights: np.ndarray) -> None:
    chance = rng.random()
    if chance < 0.14:
        _add(weights, "eyeBlink", 1.0)
    elif chance < 0.19:
        lone = float(rng.random() < 0.5)
        _add(weights, "eyeBlink", lone, 1.0 - lone)
    elif chance < 0.45:
        _add(weights, "eyeBlink", float(rng.beta(1.2, 1.6)))
    else:
        _add(weights, "eyeBlink", float(rng.beta(0.6, 8)))


def _sample_head(rng: np.random.Generator) -> np.ndarray:
    wide = rng.random() < 0.45
    yaw = rng.uniform(-75, 75) if wide else rng.normal(0, 16)
    pitch = rng.uniform(-35, 35) if rng.random() < 0.3 else rng.normal(0, 9)
    roll = rng.uniform(-30, 30) if rng.random() < 0.25 else rng.normal(0, 7)
    zoom = np.exp(rng.normal(0, 0.1))
    shift = rng.normal(0, (0.05, 0.035))
    return np.array(
        [np.clip(yaw, -75, 75), np.clip(pitch, -35, 35), np.clip(roll, -30, 30), *shift, np.clip(zoom, 0.72, 1.35)],
        np.float32,
    )


def _sample_body(rng: np.random.Generator) -> np.ndarray:
    """Draw limb directions: hanging, gesturing, or a hand near the face."""
    limbs = rest_limbs().astype(np.float64)
    row = {name: index for index, name in enumerate(BODY_BONES)}
    lean = rng.normal(0, 0.07)
    limbs[row["shoulders"]] = (1.0, lean, 0.0)
    limbs[row["shoulders"]] *= rng.uniform(0.72, 1.0) if rng.random() < 0.4 else 1.0
    limbs[row["spine"]] = (rng.normal(0, 0.06) - 0.5 * lean, 1.0, 0.0)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        kind = rng.random()
        if kind < 0.57:
            continue
        upper = np.array([sign * rng.uniform(-0.1, 0.9), rng.uniform(0.2, 1.0), rng.uniform(0, 0.7)])
        fore = np.array([-sign * rng.uniform(-0.9, 1.1), -rng.uniform(-0.3, 1.2), rng.uniform(0, 0.8)])
        if kind > 0.8:
            upper = np.array([sign * rng.uniform(0.1, 1.0), rng.uniform(-0.5, 0.9), rng.uniform(0.0, 0.6)])
            fore = np.array([-sign * rng.uniform(-0.2, 0.8), -rng.uniform(0.6, 1.2), rng.uniform(0, 0.5)])
        limbs[row[f"{side}_upper_arm"]], limbs[row[f"{side}_forearm"]] = upper, fore
        _aim_hand(rng, limbs, fore, (side, sign, row))
    lengths = np.linalg.norm(limbs, axis=1, keepdims=True)
    limbs[2:] /= lengths[2:]
    limbs[row["spine"]] /= lengths[row["spine"]]
    return limbs.astype(np.float32)


def _aim_hand(rng: np.random.Generator, limbs: np.ndarray, fore: np.ndarray, hand: tuple) -> None:
    side, sign, row = hand
    fore = fore / np.linalg.norm(fore)
    across = np.array([-fore[1], fore[0], 0.0])
    across *= 1.0 if rng.random() < 0.7 else -1.0
    across /= max(float(np.linalg.norm(across)), 1e-6)
    bend = rng.normal(0, 0.2)
    limbs[row[f"{side}_index"]] = fore + (0.22 + bend) * across * sign
    limbs[row[f"{side}_pinky"]] = fore + (-0.26 + bend) * across * sign
    limbs[row[f"{side}_thumb"]] = fore * 0.7 + (0.65 + bend) * across * sign
