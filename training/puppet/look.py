"""What a character looks like: named options only. By hand: `Puppet(rig=..., look=Look(hair="bob", ...))`.

Every field's allowed words stand in `OPTIONS`; a wrong word is a ValueError that lists the right ones.
"""

from dataclasses import dataclass, fields

from perfkit.proportions import Rig
from perfkit.training.puppet import palette

OPTIONS: dict[str, tuple[str, ...]] = {
    "family": (
        "person", "toon", "anime", "chibi", "cat", "dog", "bear", "rabbit", "fox", "mouse", "panda", "robot", "alien",
    ),
    "gender": ("girl", "boy"),
    "style": ("flat", "cel", "soft"),
    "line": ("lineless", "inked", "bold", "tinted"),
    "hair": (
        "bald", "buzz", "short", "bob", "long", "wavy", "ponytail", "twintails", "bun", "curly", "spiky", "mohawk",
        "braids", "quiff",
    ),
    "fringe": ("slick", "bangs", "parted", "swept", "curtain", "jagged"),
    "hair_colour": tuple(palette.HAIR),
    "eyes": ("real", "toon", "anime", "dot", "animal", "screen", "void"),
    "eye_colour": tuple(palette.EYES),
    "nose": ("real", "bulb", "tick", "pad", "button", "none"),
    "ears": ("human", "elf", "cat", "dog", "bear", "rabbit", "fox", "mouse", "robot", "none"),
    "skin": tuple(dict.fromkeys((*palette.SKIN, *palette.FUR, *palette.METAL))),
    "marking": ("plain", "striped", "patched", "masked"),
    "clothes": (
        "tshirt", "hoodie", "suit", "dress", "sweater", "shirt", "jacket", "overalls", "sailor", "armour",
    ),
    "cloth_colour": tuple(palette.CLOTH),
    "pattern": ("plain", "stripes", "dots"),
    "glasses": ("none", "round", "square", "shades"),
    "hat": ("none", "cap", "beanie", "tophat", "crown", "bow", "headphones", "witch", "straw"),
    "hat_colour": tuple(palette.CLOTH),
    "beard": ("none", "stubble", "moustache", "goatee", "full"),
    "cheeks": ("plain", "freckles", "blush"),
}  # fmt: skip

EXTRAS: tuple[str, ...] = ("antennae", "eyepatch_left", "eyepatch_right", "mask", "horns", "gem", "scar")
"""Features that no sampled character has and no caption word names: they make a sample character its own."""

FURRED = frozenset({"cat", "dog", "bear", "rabbit", "fox", "mouse", "panda"})


@dataclass(frozen=True)
class Look:
    """One word per attribute; the words are `OPTIONS`."""

    family: str = "toon"
    gender: str = "girl"
    style: str = "cel"
    line: str = "inked"
    hair: str = "short"
    fringe: str = "swept"
    hair_colour: str = "brown"
    eyes: str = "toon"
    eye_colour: str = "brown"
    nose: str = "bulb"
    ears: str = "human"
    skin: str = "fair"
    marking: str = "plain"
    clothes: str = "tshirt"
    cloth_colour: str = "blue"
    pattern: str = "plain"
    glasses: str = "none"
    hat: str = "none"
    hat_colour: str = "red"
    beard: str = "none"
    cheeks: str = "plain"

    def __post_init__(self) -> None:
        for field in fields(self):
            word = getattr(self, field.name)
            if word not in OPTIONS[field.name]:
                raise ValueError(f"look: {field.name} = {word!r}, expected one of {', '.join(OPTIONS[field.name])}")

    @property
    def skin_rgb(self) -> palette.Colour:
        """Colour of skin, fur or metal."""
        if self.family in FURRED:
            return palette.FUR[self.skin]
        return palette.METAL[self.skin] if self.family == "robot" else palette.SKIN[self.skin]

    @property
    def has_muzzle(self) -> bool:
        """Whether mouth and nose sit on a snout."""
        return self.family in FURRED


@dataclass(frozen=True)
class Puppet:
    """A character: proportions, look, and extras (of `EXTRAS`) that captions cannot name."""

    rig: Rig
    look: Look
    extras: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.extras) - set(EXTRAS)):
            raise ValueError(f"puppet: unknown extras {unknown}, expected some of {', '.join(EXTRAS)}")


@dataclass(frozen=True)
class Light:
    """Where the light comes from, and how hard it is.

    Attributes:
        side: "left", "right", "top" or "front" (of the picture).
        hardness: "hard" or "gentle".
    """

    side: str = "left"
    hardness: str = "hard"

    def __post_init__(self) -> None:
        if self.side not in LIGHT_DIRECTIONS or self.hardness not in HARDNESSES:
            raise ValueError(f"light: {self.side!r}, {self.hardness!r}; expected {LIGHT_DIRECTIONS}, {HARDNESSES}")


LIGHT_DIRECTIONS: dict[str, tuple[float, float]] = {
    "left": (-0.85, -0.5),
    "right": (0.85, -0.5),
    "top": (-0.1, -1.0),
    "front": (0.0, -0.3),
}
"""Picture direction towards the light, x right, y down; its length says how far the light stands to the side."""

HARDNESSES: tuple[str, ...] = ("hard", "gentle")
