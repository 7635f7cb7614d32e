"""How much of the performance each region of the character follows: gains, mutes, and one knob for all expression.

In: calibrated weights and head channels, gains. Out: the same, turned up or down. Gains of regions combine freely.

    mouth   jaw, lips, tongue, puffed cheeks, nose        eyes   lids: blinks, squint, wide eyes
    brows   brows                                         gaze   where the eyes look
    head    turn, way and size, away from the rest pose
"""

import numpy as np

from perfkit.proportions import Channel
from perfkit.vocabulary import BLENDSHAPES

REGIONS = ("mouth", "brows", "eyes", "gaze", "head")
MAX_GAIN = 4.0
_PREFIXES = {
    "mouth": ("jaw", "mouth", "cheekPuff", "nose", "tongue"),
    "brows": ("brow",),
    "eyes": ("eyeBlink", "eyeSquint", "eyeWide", "cheekSquint"),
    "gaze": ("eyeLook",),
}
_REGION_OF = tuple(
    next(region for region, prefixes in _PREFIXES.items() if name.startswith(prefixes)) for name in BLENDSHAPES
)
_IS_EXPRESSION = np.array([not name.startswith(("eyeBlink", "eyeLook")) for name in BLENDSHAPES])
"""Expressiveness leaves blinks and gaze as they are: a shut eye is shut already, and eyes look where they look."""


def scale_weights(weights: np.ndarray, gains: dict[str, float], *, expressiveness: float = 1.0) -> np.ndarray:
    """Turn an expression up or down.

    Args:
        weights: (T, 52) float32 in 0..1, columns as `vocabulary.BLENDSHAPES`.
        gains: Region -> gain, 0 = muted; a region that is not named stays as it is.
        expressiveness: Gain of all that is expression, on top.

    Returns:
        (T, 52) float32 in 0..1; the same array where nothing changes.
    """
    columns = np.array([gains.get(region, 1.0) for region in _REGION_OF])
    columns = columns * np.where(_IS_EXPRESSION, expressiveness, 1.0)
    if (columns == 1).all():
        return weights
    return np.clip(weights * columns, 0, 1).astype(np.float32)


def shape_channels(weights: np.ndarray, channels: tuple[Channel, ...]) -> np.ndarray:
    """Let a character answer in its own way: gain * weight ** curve of each of its rig's channels.

    Args:
        weights: (T, 52) float32 in 0..1.
        channels: Of the rig; a name without Left or Right stands for both sides.

    Returns:
        (T, 52) float32 in 0..1; the same array where the rig names no channels.
    """
    if not channels:
        return weights
    shaped = weights.copy()
    for channel in channels:
        for column, name in enumerate(BLENDSHAPES):
            if channel.name in (name, name.removesuffix("Left").removesuffix("Right")):
                shaped[:, column] = np.clip(channel.gain * weights[:, column] ** channel.curve, 0, 1)
    return shaped


def scale_head(head: np.ndarray, rest: np.ndarray, gain: float) -> np.ndarray:
    """Turn the head's motion away from its rest pose up or down.

    Args:
        head: (T, 6) columns as `vocabulary.HEAD_CHANNELS`: degrees, px, px of size.
        rest: (6,) the rest pose.
        gain: 0 = the head rests.

    Returns:
        (T, 6) of head's dtype; the same array where nothing changes.
    """
    if gain == 1:
        return head
    scaled = rest + gain * (head - rest)
    scaled[:, 5] = rest[5] * (head[:, 5] / rest[5]) ** gain
    return scaled.astype(head.dtype)
