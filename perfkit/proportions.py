"""A character's proportions: numbers only, with a strict reader for manifests and a digest.

In: a table of numbers. Out: a frozen `Rig`, which `perfkit.rig` turns into contours and a body.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from perfkit.errors import PackError
from perfkit.manifest import shorten
from perfkit.vocabulary import BLENDSHAPES, PARTS

_DIRECTIONS = frozenset({"jawLeft", "jawRight", "mouthLeft", "mouthRight"})
CHANNEL_STEMS: frozenset[str] = frozenset(
    name.removesuffix("Left").removesuffix("Right") for name in BLENDSHAPES if name not in _DIRECTIONS
)
"""Blendshapes without their side, which is no direction."""

_MOST_GAIN, _CURVES = 4.0, (0.25, 4.0)


@dataclass(frozen=True)
class Channel:
    """How a character answers to one channel of a performance: gain * weight ** curve, at most 1.

    Attributes:
        name: A blendshape, or its name without Left or Right for both sides.
        gain: 0 = it never does that; 1 = as the performer.
        curve: Under 1: small motions show more; over 1: only large ones show.
    """

    name: str
    gain: float = 1.0
    curve: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in CHANNEL_STEMS and self.name not in BLENDSHAPES:
            raise PackError(f"rig: channels: {self.name!r} is no blendshape; known: {', '.join(sorted(CHANNEL_STEMS))}")
        for label, value, (low, high) in (("gain", self.gain, (0.0, _MOST_GAIN)), ("curve", self.curve, _CURVES)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise PackError(f"rig: channels: {self.name}: {label} = {shorten(value)}, expected {low:g} to {high:g}")


@dataclass(frozen=True)
class Rig:
    """Proportions of one character, in head units unless said otherwise; angles in degrees.

    Attributes:
        face_width: Half the width of the face oval at its widest.
        jaw: Fullness of the lower oval: 0.6 square, 1 elliptic, 1.6 pointed (an exponent).
        cheek: How far full cheeks bulge below the middle.
        depth: How far the face bulges towards the camera.
        eye_x, eye_y: Centre of the left eye's opening.
        eye_width, eye_height: Full width and height of the opening.
        eye_tilt: Outer corner above the inner corner, as a fraction of the width.
        eye_roundness: 0 almond, 1 round, 2 boxy.
        iris_size: Radius of the iris as a fraction of half the eye's smaller side.
        iris_stretch: Height of the iris over its width.
        lid_close: Where the lids meet, 0 at the upper and 1 at the lower lid's rest.
        brow_y: Distance of the brow's middle above the upper lid.
        brow_width, brow_thickness: Full width, thickness in its middle.
        brow_tilt: Outer end above the inner end.
        brow_arch: Middle above the straight line between the ends.
        brow_gain: Travel of a full brow raise.
        nose_y: Height of the nose's base; the bridge begins between the eyes.
        nose_width, nose_length: Full width of the base; how far the tip stands out of the face.
        mouth_y, mouth_width: Middle of the mouth; its full width.
        lip_upper, lip_lower: Thickness of the closed lips.
        mouth_curve: Corners above (+) or below the middle of the mouth at rest.
        mouth_gain: Travel unit of the lips (about the way of a full smile's corner).
        mouth_open: Gap between the inner lips at jawOpen = 1.
        jaw_drop: Travel of the chin at jawOpen = 1.
        muzzle: How far mouth and nose stand out on a snout.
        neck_length, shoulder_width, torso_length, hip_width, upper_arm, forearm, hand: Bones; widths are full.
        head_x, head_y: Rest position of the head's origin, as fractions of the canvas' width and height.
        head_scale: Pixels of one head unit as a fraction of the canvas' height, at rest.
        absent: Parts (of `vocabulary.PARTS`) that the character lacks.
        channels: How it answers to channels of a performance; those that are not named, as the performer does.
    """

    face_width: float = 0.76
    jaw: float = 1.0
    cheek: float = 0.0
    depth: float = 0.72
    eye_x: float = 0.33
    eye_y: float = -0.12
    eye_width: float = 0.31
    eye_height: float = 0.13
    eye_tilt: float = 0.05
    eye_roundness: float = 0.5
    iris_size: float = 0.85
    iris_stretch: float = 1.0
    lid_close: float = 0.78
    brow_y: float = 0.17
    brow_width: float = 0.42
    brow_thickness: float = 0.07
    brow_tilt: float = 0.02
    brow_arch: float = 0.06
    brow_gain: float = 0.16
    nose_y: float = 0.3
    nose_width: float = 0.32
    nose_length: float = 0.2
    mouth_y: float = 0.56
    mouth_width: float = 0.52
    lip_upper: float = 0.06
    lip_lower: float = 0.08
    mouth_curve: float = 0.0
    mouth_gain: float = 0.2
    mouth_open: float = 0.42
    jaw_drop: float = 0.26
    muzzle: float = 0.0
    neck_length: float = 0.95
    shoulder_width: float = 2.4
    torso_length: float = 4.4
    hip_width: float = 1.7
    upper_arm: float = 2.3
    forearm: float = 2.1
    hand: float = 0.72
    head_x: float = 0.5
    head_y: float = 0.46
    head_scale: float = 0.23
    absent: frozenset[str] = frozenset()
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in ("absent", "channels"):
                continue
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -10 < value < 10:
                raise PackError(f"rig: {field.name} = {shorten(value)}, expected a number between -10 and 10")
            if field.name in _POSITIVE and value <= 0:
                raise PackError(f"rig: {field.name} = {value!r}, expected more than 0")
        if unknown := sorted(set(self.absent) - PARTS):
            raise PackError(f"rig: unknown absent parts {unknown}; known: {sorted(PARTS)}")
        names = [channel.name for channel in self.channels]
        if len(set(names)) < len(names):
            raise PackError(f"rig: channels: {', '.join(sorted(names))}: each may stand once")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Rig":
        """Make a rig from a manifest's table; what is left out is the average adult's.

        Args:
            values: Field name -> number; `absent` -> list of part names; `channels` -> blendshape -> gain, curve.

        Raises:
            PackError: An unknown key, a value that is not a number, an unknown part.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise PackError(f"rig: unknown keys {unknown}; known: {sorted(known)}")
        absent = values.get("absent", ())
        if isinstance(absent, str) or not all(isinstance(part, str) for part in absent):
            raise PackError(f"rig: absent = {absent!r}, expected a list of part names")
        channels = _take_channels(values.get("channels", {}))
        return cls(**{**values, "absent": frozenset(absent), "channels": channels})

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, the sorted list of absent parts and, if there are any, channels, for a manifest."""
        table = {**asdict(self), "absent": sorted(self.absent)}
        del table["channels"]
        if self.channels:
            table["channels"] = {each.name: {"gain": each.gain, "curve": each.curve} for each in self.channels}
        return table

    def digest(self) -> str:
        """Return the SHA-256 of the proportions, hex; equal numbers give equal digests."""
        plain = {k: v if isinstance(v, list | dict) else float(v) for k, v in self.to_dict().items()}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _take_channels(table: Any) -> tuple[Channel, ...]:
    if not isinstance(table, Mapping) or not all(isinstance(each, Mapping) for each in table.values()):
        raise PackError(f"rig: channels = {table!r}, expected a table for each channel: gain, curve")
    for name, each in table.items():
        if unknown := sorted(set(each) - {"gain", "curve"}):
            raise PackError(f"rig: channels: {name}: unknown keys {unknown}; known: gain, curve")
    return tuple(Channel(name, **each) for name, each in sorted(table.items()))


_POSITIVE = frozenset(
    ("face_width", "jaw", "depth", "eye_width", "eye_height", "iris_size", "iris_stretch", "brow_width", "brow_gain",
     "mouth_width", "mouth_gain", "mouth_open", "nose_width", "shoulder_width", "torso_length", "upper_arm", "forearm",
     "hand", "head_scale")
)  # fmt: skip

HUMAN_RIG = Rig()
"""The average adult: the reference from which retarget measures a performer."""
