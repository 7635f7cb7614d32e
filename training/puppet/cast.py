"""The cast: draws characters of every family with the proportions and options that suit them.

Layouts vary widely (eyes high or low, huge or tiny, mouths tiny and low or wide) because the control picture shows
them; everything that it does not show is an option that a caption names.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from perfkit.rig import Rig
from perfkit.training.puppet.look import FURRED, OPTIONS, Look, Puppet

FAMILIES: tuple[str, ...] = OPTIONS["family"]
_FAMILY_SHARES = {
    "person": 0.17, "toon": 0.2, "anime": 0.17, "chibi": 0.1, "cat": 0.055, "dog": 0.05, "bear": 0.04, "rabbit": 0.045,
    "fox": 0.04, "mouse": 0.03, "panda": 0.02, "robot": 0.05, "alien": 0.03,
}  # fmt: skip

Range = tuple[float, float]
_HUMAN: dict[str, Range] = {
    "face_width": (0.69, 0.84), "jaw": (0.78, 1.22), "cheek": (0.0, 0.04), "depth": (0.66, 0.78),
    "eye_x": (0.30, 0.37), "eye_y": (-0.2, -0.04), "eye_width": (0.29, 0.38), "eye_height": (0.12, 0.18),
    "eye_tilt": (-0.05, 0.12), "eye_roundness": (0.2, 0.8), "iris_size": (0.85, 1.05), "brow_y": (0.12, 0.2),
    "brow_width": (0.38, 0.48), "brow_thickness": (0.05, 0.1), "brow_tilt": (-0.05, 0.04), "brow_arch": (0.0, 0.08),
    "nose_y": (0.24, 0.36), "nose_width": (0.24, 0.38), "nose_length": (0.14, 0.25), "mouth_y": (0.52, 0.64),
    "mouth_width": (0.4, 0.62), "lip_upper": (0.04, 0.075), "lip_lower": (0.055, 0.1), "mouth_curve": (-0.02, 0.04),
    "mouth_gain": (0.18, 0.23), "mouth_open": (0.36, 0.46), "shoulder_width": (2.1, 2.7), "head_scale": (0.215, 0.25),
}  # fmt: skip
_TOON: dict[str, Range] = {
    **_HUMAN, "face_width": (0.68, 0.96), "jaw": (0.55, 1.35), "cheek": (0.0, 0.12), "eye_x": (0.24, 0.42),
    "eye_y": (-0.38, 0.08), "eye_width": (0.28, 0.52), "eye_height": (0.26, 0.6), "eye_roundness": (0.75, 1.15),
    "eye_tilt": (-0.06, 0.08), "iris_size": (0.5, 0.85), "brow_y": (0.1, 0.2), "brow_thickness": (0.06, 0.14),
    "brow_width": (0.34, 0.5), "brow_gain": (0.14, 0.2), "nose_y": (0.16, 0.4), "nose_width": (0.2, 0.5),
    "nose_length": (0.16, 0.36), "mouth_y": (0.5, 0.72), "mouth_width": (0.36, 0.86), "lip_upper": (0.035, 0.07),
    "lip_lower": (0.04, 0.09), "mouth_gain": (0.2, 0.3), "mouth_open": (0.34, 0.52), "shoulder_width": (1.5, 2.6),
    "neck_length": (0.75, 1.05), "head_scale": (0.21, 0.265),
}  # fmt: skip
_ANIME: dict[str, Range] = {
    **_HUMAN, "face_width": (0.74, 0.88), "jaw": (1.15, 1.6), "cheek": (0.0, 0.07), "eye_x": (0.34, 0.42),
    "eye_y": (0.0, 0.2), "eye_width": (0.4, 0.56), "eye_height": (0.32, 0.56), "eye_roundness": (0.5, 1.1),
    "eye_tilt": (-0.06, 0.16), "iris_size": (0.8, 0.98), "iris_stretch": (1.05, 1.25), "lid_close": (0.82, 0.92),
    "brow_y": (0.1, 0.18), "brow_width": (0.36, 0.46), "brow_thickness": (0.035, 0.065), "nose_y": (0.42, 0.5),
    "nose_width": (0.1, 0.18), "nose_length": (0.12, 0.2), "mouth_y": (0.62, 0.76), "mouth_width": (0.18, 0.4),
    "lip_upper": (0.02, 0.035), "lip_lower": (0.025, 0.045), "mouth_gain": (0.15, 0.2), "mouth_open": (0.24, 0.36),
    "jaw_drop": (0.12, 0.2), "shoulder_width": (1.6, 2.2), "neck_length": (0.85, 1.05), "head_scale": (0.225, 0.265),
}  # fmt: skip
_CHIBI: dict[str, Range] = {
    **_ANIME, "face_width": (0.9, 1.06), "jaw": (0.8, 1.15), "cheek": (0.06, 0.16), "eye_x": (0.42, 0.5),
    "eye_y": (0.18, 0.38), "eye_width": (0.44, 0.62), "eye_height": (0.44, 0.7), "eye_roundness": (0.8, 1.2),
    "iris_size": (0.82, 0.98), "iris_stretch": (1.0, 1.2), "brow_y": (0.1, 0.2), "nose_y": (0.56, 0.64),
    "nose_width": (0.08, 0.14), "nose_length": (0.06, 0.12), "mouth_y": (0.72, 0.82), "mouth_width": (0.18, 0.34),
    "mouth_gain": (0.14, 0.18), "mouth_open": (0.2, 0.3), "jaw_drop": (0.06, 0.12), "shoulder_width": (1.0, 1.35),
    "neck_length": (0.62, 0.72), "torso_length": (2.0, 2.6), "hip_width": (0.8, 1.0), "upper_arm": (1.0, 1.3),
    "forearm": (0.9, 1.2), "hand": (0.42, 0.5), "head_scale": (0.26, 0.3), "head_y": (0.47, 0.5),
}  # fmt: skip
_ANIMAL: dict[str, Range] = {
    **_TOON, "face_width": (0.84, 1.06), "jaw": (0.85, 1.2), "cheek": (0.03, 0.16), "eye_x": (0.34, 0.46),
    "eye_y": (-0.3, 0.0), "eye_width": (0.26, 0.42), "eye_height": (0.26, 0.46), "iris_size": (0.85, 1.1),
    "nose_y": (0.22, 0.36), "nose_width": (0.2, 0.34), "nose_length": (0.1, 0.16), "mouth_y": (0.52, 0.64),
    "mouth_width": (0.4, 0.62), "lip_upper": (0.03, 0.04), "lip_lower": (0.03, 0.05), "muzzle": (0.1, 0.32),
    "mouth_open": (0.26, 0.38), "jaw_drop": (0.12, 0.2), "shoulder_width": (1.5, 2.1), "head_scale": (0.21, 0.24),
    "head_y": (0.5, 0.53), "brow_width": (0.26, 0.36), "brow_thickness": (0.05, 0.08), "mouth_curve": (0.02, 0.08),
}  # fmt: skip
_ROBOT: dict[str, Range] = {
    **_TOON, "face_width": (0.8, 1.05), "jaw": (0.35, 0.7), "cheek": (0.0, 0.001), "eye_width": (0.34, 0.5),
    "eye_height": (0.28, 0.46), "eye_roundness": (0.9, 2.2), "eye_tilt": (-0.02, 0.02), "iris_size": (0.55, 0.85),
    "eye_x": (0.36, 0.44), "nose_length": (0.05, 0.08), "mouth_width": (0.5, 0.8), "lip_upper": (0.03, 0.04),
    "lip_lower": (0.03, 0.04),
}  # fmt: skip
_ALIEN: dict[str, Range] = {
    **_TOON, "face_width": (0.8, 1.02), "jaw": (1.25, 1.75), "eye_x": (0.38, 0.48), "eye_y": (-0.08, 0.12),
    "eye_width": (0.46, 0.6), "eye_height": (0.4, 0.62), "eye_tilt": (0.15, 0.5), "eye_roundness": (0.4, 0.9),
    "nose_y": (0.42, 0.5), "nose_width": (0.14, 0.2), "nose_length": (0.05, 0.1), "mouth_y": (0.66, 0.76),
    "mouth_width": (0.24, 0.42), "mouth_open": (0.2, 0.32), "mouth_gain": (0.16, 0.2), "shoulder_width": (1.2, 1.8),
    "jaw_drop": (0.1, 0.18),
}  # fmt: skip
LAYOUTS: Mapping[str, dict[str, Range]] = {
    "person": _HUMAN, "toon": _TOON, "anime": _ANIME, "chibi": _CHIBI, "robot": _ROBOT, "alien": _ALIEN,
}  # fmt: skip


def sample_character(seed: int, family: str | None = None) -> Puppet:
    """Draw one character; the same seed gives the same character on every machine.

    Args:
        seed: Any non-negative number.
        family: One of `FAMILIES`, or None for the natural mix.
    """
    rng = np.random.default_rng([0x9F1, seed])
    names = list(_FAMILY_SHARES)
    drawn = str(rng.choice(names, p=np.array(list(_FAMILY_SHARES.values())) / sum(_FAMILY_SHARES.values())))
    family = family or drawn
    if family not in FAMILIES:
        raise ValueError(f"sample_character: family {family!r}, expected one of {', '.join(FAMILIES)}")
    look = _sample_look(rng, family)
    return Puppet(_sample_rig(rng, look), look)


def _pick(rng: np.random.Generator, words: Sequence[str], shares: Sequence[float] | None = None) -> str:
    """Draw a word as `rng.choice` does, without its checks."""
    if shares is None:
        return words[int(rng.integers(len(words)))]
    odds = (np.array(shares) / np.sum(shares)).cumsum()
    odds /= odds[-1]
    return words[int(odds.searchsorted(rng.random(), side="right"))]


def _sample_rig(rng: np.random.Generator, look: Look) -> Rig:
    layout = LAYOUTS.get(look.family, _ANIMAL)
    values = {name: float(rng.uniform(*span)) for name, span in layout.items()}
    if look.gender == "girl" and not look.has_muzzle:
        values["jaw"] = min(values["jaw"] * 1.08, 1.8)
        values["brow_thickness"] *= 0.72
        values["shoulder_width"] *= 0.88
    if look.ears == "rabbit":
        values["head_scale"], values["head_y"] = 0.86 * values["head_scale"], 0.56
    if look.eyes == "dot":
        values["eye_width"], values["eye_height"] = 0.5 * values["eye_width"], 0.45 * values["eye_height"]
        values["iris_size"] = 1.0
    values["eye_x"] = max(values["eye_x"], 0.52 * values["eye_width"] + 0.05)
    values["eye_x"] = min(values["eye_x"], 0.9 * values["face_width"] - 0.5 * values["eye_width"])
    floor = values["eye_y"] + 0.45 * values["eye_height"]
    values["nose_y"] = max(values["nose_y"], values["eye_y"] + 0.2, floor - 0.1)
    values["mouth_y"] = min(max(values["mouth_y"], values["nose_y"] + 0.16), 0.84)
    values["nose_y"] = min(values["nose_y"], values["mouth_y"] - 0.12)
    values["brow_y"] = min(values["brow_y"], values["eye_y"] - 0.55 * values["eye_height"] + 0.86)
    return Rig.from_dict({name: round(value, 4) for name, value in values.items()})


def _sample_look(rng: np.random.Generator, family: str) -> Look:
    gender = _pick(rng, OPTIONS["gender"])
    shares = {"flat": 0.27, "cel": 0.4, "soft": 0.33}
    words = {
        "family": family,
        "gender": gender,
        "style": _pick(rng, list(shares), list(shares.values())),
        "line": _pick(rng, OPTIONS["line"], (0.22, 0.32, 0.18, 0.28)),
        "clothes": _pick(
            rng, OPTIONS["clothes"], (0.2, 0.15, 0.1, 0.1 if gender == "girl" else 0.0, 0.1, 0.1, 0.1, 0.08, 0.05, 0.02)
        ),
        "cloth_colour": _pick(rng, OPTIONS["cloth_colour"]),
        "hat_colour": _pick(rng, OPTIONS["hat_colour"]),
        "eye_colour": _pick(rng, OPTIONS["eye_colour"], (3, 1, 1.5, 2, 1.2, 2.5, 1, 1, 0.8, 0.6)),
    }
    if words["clothes"] in ("tshirt", "sweater", "dress", "hoodie"):
        words["pattern"] = _pick(rng, OPTIONS["pattern"], (0.66, 0.2, 0.14))
    if family in FURRED:
        _choose_fur(rng, family, words)
    elif family == "robot":
        _choose_robot(rng, words)
    else:
        _choose_person(rng, family, words)
    if rng.random() < 0.2 and family != "robot":
        words["glasses"] = _pick(rng, ("round", "square", "shades"), (0.42, 0.4, 0.18))
    if rng.random() < 0.24:
        hats = {"cap": 5, "beanie": 5, "tophat": 2, "crown": 2, "bow": 4 if gender == "girl" else 0, "headphones": 4,
                "witch": 2, "straw": 2}  # fmt: skip
        words["hat"] = _pick(rng, list(hats), list(hats.values()))
        if words.get("hair") in ("mohawk", "spiky", "quiff") and words["hat"] not in ("headphones", "bow"):
            words["hair"] = "short"
        if words["hat"] in ("tophat", "cap", "beanie", "witch") and words.get("hair") in ("bun", "curly"):
            words["hair"] = "bob" if gender == "girl" else "short"
    return Look(**words)


def _choose_person(rng: np.random.Generator, family: str, words: dict[str, str]) -> None:
    girl = words["gender"] == "girl"
    girl_hair = {"short": 4, "bob": 14, "long": 16, "wavy": 13, "ponytail": 12, "twintails": 9, "bun": 8, "curly": 8,
                 "braids": 7, "spiky": 3, "buzz": 1, "mohawk": 1, "bald": 1}  # fmt: skip
    boy_hair = {"short": 26, "spiky": 14, "curly": 9, "quiff": 12, "buzz": 8, "bald": 7, "long": 5, "wavy": 4,
                "mohawk": 5, "bob": 3, "bun": 3, "ponytail": 3}  # fmt: skip
    table = girl_hair if girl else boy_hair
    words["hair"] = _pick(rng, list(table), list(table.values()))
    fringes = ("slick", "bangs", "parted", "swept", "curtain", "jagged")
    words["fringe"] = _pick(rng, fringes, (3, 4, 3, 5, 3, 5) if family in ("anime", "chibi") else (5, 3, 4, 5, 3, 2))
    if words["hair"] in ("buzz", "quiff"):
        words["fringe"] = "slick"
    natural = (4, 5, 2, 2.5, 4, 1.5, 1.5, 1.5, 0.6, 0.6, 0.5, 0.5, 0.4, 0.4)
    vivid = (2, 2.5, 1.2, 1.2, 2.5, 1.5, 1, 2, 1.6, 2, 1.8, 2, 1.6, 1.4)
    words["hair_colour"] = _pick(rng, OPTIONS["hair_colour"], vivid if family in ("anime", "chibi") else natural)
    if family == "alien":
        words["skin"] = _pick(rng, ("green", "blue", "violet", "grey", "teal", "pink"), (4, 3, 3, 2, 2, 1))
        words["hair"] = _pick(rng, ("bald", "mohawk", "spiky", "ponytail"), (7, 1, 1, 1))
        words["ears"] = _pick(rng, ("none", "elf"), (5, 5))
        words["eyes"], words["nose"] = _pick(rng, ("void", "toon", "void")), "button"
        return
    words["skin"] = _pick(rng, ("pale", "fair", "tan", "olive", "brown", "dark"), (2, 4, 2.4, 2, 2.4, 2.2))
    words["ears"] = _pick(rng, ("human", "elf"), (0.92, 0.08))
    if family in ("anime", "chibi") and rng.random() < 0.16:
        words["ears"] = _pick(rng, ("cat", "fox", "rabbit", "dog"), (5, 2, 2, 1))
    words["cheeks"] = _pick(rng, ("plain", "freckles", "blush"), (7, 1.6, 2.2 if family in ("anime", "chibi") else 1))
    words["eyes"], words["nose"] = {
        "person": ("real", "real"),
        "anime": ("anime", "tick"),
        "chibi": ("anime", "tick"),
    }.get(family, ("toon", "bulb"))
    if family == "toon" and rng.random() < 0.16:
        words["eyes"] = "dot"
    if not girl and family in ("person", "toon"):
        words["beard"] = _pick(rng, OPTIONS["beard"], (6, 1, 1.2, 1, 1.6))


def _choose_fur(rng: np.random.Generator, family: str, words: dict[str, str]) -> None:
    coats = {
        "cat": ("white", "cream", "orange", "grey", "black", "brown", "ginger"),
        "dog": ("cream", "brown", "tan", "white", "grey", "black", "ginger"),
        "bear": ("brown", "tan", "white", "black"), "rabbit": ("white", "grey", "tan", "brown", "pink"),
        "fox": ("orange", "ginger", "white", "grey"), "mouse": ("grey", "brown", "white", "blue"), "panda": ("white",),
    }[family]  # fmt: skip
    marks = {
        "cat": ("plain", "striped", "patched"),
        "dog": ("plain", "patched"),
        "fox": ("masked",),
        "panda": ("patched",),
    }
    words["skin"] = _pick(rng, coats)
    words["marking"] = _pick(rng, marks.get(family, ("plain",)))
    words["ears"] = "bear" if family == "panda" else family
    words["hair"], words["eyes"], words["nose"] = "bald", "animal", "pad"
    if rng.random() < 0.14:
        words["hair"] = _pick(rng, ("short", "bob", "spiky", "ponytail"))
        words["fringe"] = _pick(rng, ("swept", "jagged", "bangs"))
    words["hair_colour"] = _pick(rng, OPTIONS["hair_colour"])


def _choose_robot(rng: np.random.Generator, words: dict[str, str]) -> None:
    words["skin"] = _pick(rng, ("silver", "gold", "copper", "white", "black", "blue", "red", "teal"))
    words["ears"], words["hair"], words["eyes"], words["nose"] = "robot", "bald", "screen", "none"
    words["clothes"] = _pick(rng, ("armour", "tshirt", "hoodie", "overalls", "suit"), (6, 1, 1, 1, 1))
    words["hair_colour"] = "black"
