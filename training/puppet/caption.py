"""A character in words: a fixed order of slots from a closed list, so that caption + control name the exact drawing.

anime girl cel inked | pink long bangs | blue eyes fair skin | red hoodie stripes | round glasses ... | hard leftlight
"""

from perfkit.captions import CAPTION_WORDS as WORDS
from perfkit.captions import LIGHT_WORDS
from perfkit.training.puppet.look import FURRED, Light, Puppet

__all__ = ["BEARD_WORDS", "EAR_WORDS", "LIGHT_WORDS", "WORDS", "caption"]

EAR_WORDS: dict[str, str] = {name: f"{name}ears" for name in ("elf", "cat", "dog", "rabbit", "fox")}
BEARD_WORDS: dict[str, str] = {"full": "beard"}


def caption(puppet: Puppet, light: Light | None = None) -> str:
    """Return the character's caption; without a light the light's words are left out."""
    look = puppet.look
    words = [look.family, look.gender, look.style, look.line]
    if look.hair == "bald":
        words += ["bald"] if look.family not in FURRED and look.family != "robot" else []
    else:
        words += [look.hair_colour, look.hair]
        words += [look.fringe] if look.hair not in ("mohawk", "buzz", "quiff") else []
    words += {"dot": ["dot", "eyes"], "void": [look.eye_colour, "void", "eyes"]}.get(
        look.eyes, [look.eye_colour, "eyes"]
    )
    words += [look.skin, "fur" if look.family in FURRED else "metal" if look.family == "robot" else "skin"]
    words += [look.marking] if look.marking != "plain" else []
    words += [look.cloth_colour, look.clothes]
    words += [look.pattern] if look.pattern != "plain" else []
    if look.ears in EAR_WORDS and look.family not in FURRED:
        words.append(EAR_WORDS[look.ears])
    words += {"none": [], "shades": ["shades"]}.get(look.glasses, [look.glasses, "glasses"])
    words += [look.hat_colour, look.hat] if look.hat != "none" else []
    words += [BEARD_WORDS.get(look.beard, look.beard)] if look.beard != "none" else []
    words += [look.cheeks] if look.cheeks != "plain" else []
    if light is not None:
        words += [light.hardness, LIGHT_WORDS[light.side]]
    return " ".join(words)
