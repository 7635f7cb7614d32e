"""The words that the embedded base was taught: what a pack's caption and light may say.

In: text of a person. Out: the same text in the base's words, or a one-line refusal. The puppet names what it draws by
these words in training; a word that is not among them is spelled letter by letter and means nothing to the base.
"""

from difflib import get_close_matches

from perfkit.errors import PackError

HARDNESSES: tuple[str, ...] = ("hard", "gentle")
LIGHT_SIDES: tuple[str, ...] = ("left", "right", "top", "front")
"""Where the light stands, seen in the picture."""

LIGHT_WORDS: dict[str, str] = {side: f"{side}light" for side in LIGHT_SIDES}

CAPTION_WORDS: tuple[str, ...] = (
    "person", "toon", "anime", "chibi", "cat", "dog", "bear", "rabbit", "fox", "mouse", "panda", "robot", "alien",
    "girl", "boy", "flat", "cel", "soft", "lineless", "inked", "bold", "tinted",
    "bald", "buzz", "short", "bob", "long", "wavy", "ponytail", "twintails", "bun", "curly", "spiky", "mohawk",
    "braids", "quiff", "slick", "bangs", "parted", "swept", "curtain", "jagged",
    "black", "brown", "auburn", "ginger", "blond", "platinum", "grey", "white", "red", "pink", "purple", "blue", "teal",
    "green", "hazel", "amber", "violet", "pale", "fair", "tan", "olive", "dark", "cream", "orange", "silver", "gold",
    "copper", "striped", "patched", "masked",
    "tshirt", "hoodie", "suit", "dress", "sweater", "shirt", "jacket", "overalls", "sailor", "armour",
    "yellow", "lime", "sky", "navy", "stripes", "dots", "round", "square", "shades",
    "cap", "beanie", "tophat", "crown", "bow", "headphones", "witch", "straw",
    "stubble", "moustache", "goatee", "freckles", "blush", "dot", "void", "eyes", "skin", "fur", "metal", "glasses",
    "beard", "elfears", "catears", "dogears", "rabbitears", "foxears", *HARDNESSES, *LIGHT_WORDS.values(),
)  # fmt: skip
"""Every word, without repeats. Their order is the base's token order: add at the end, never move one."""

COLOUR_WORDS: tuple[str, ...] = (
    "black", "brown", "auburn", "ginger", "blond", "platinum", "grey", "white", "red", "pink", "purple", "blue", "teal",
    "green", "hazel", "amber", "violet", "pale", "fair", "tan", "olive", "dark", "cream", "orange", "silver", "gold",
    "copper", "yellow", "lime", "sky", "navy",
)  # fmt: skip
COLOURED_NOUNS: dict[str, tuple[str, ...]] = {
    "hair": (
        "buzz", "short", "bob", "long", "wavy", "ponytail", "twintails", "bun", "curly", "spiky", "mohawk", "braids",
        "quiff",
    ),
    "eyes": ("eyes", "void eyes"),
    "skin": ("skin",),
    "fur": ("fur",),
    "metal": ("metal",),
    "cloth": (
        "tshirt", "hoodie", "suit", "dress", "sweater", "shirt", "jacket", "overalls", "sailor", "armour",
    ),
    "hat": ("cap", "beanie", "tophat", "crown", "bow", "headphones", "witch", "straw"),
}  # fmt: skip
"""What a colour may stand before, by the part that it colours: brown hair is not brown skin."""

MAX_PROMPT_TOKENS = 24
"""Of caption, light and trigger together, as the base reads them."""

DEFAULT_CAPTION = "toon cel inked"
DEFAULT_LIGHT = "gentle frontlight"
_SIDES_BY_NAME = {
    **{side: side for side in LIGHT_SIDES},
    **{word: side for side, word in LIGHT_WORDS.items()},
    **{"above": "top", "ahead": "front"},
}
_HARDNESS_BY_NAME = {"hard": "hard", "gentle": "gentle", "soft": "gentle"}


def check_caption(text: str) -> str:
    """Return a caption with single spaces, in lower case.

    Raises:
        PackError: It is empty, or holds a word that the base was not taught.
    """
    words = text.lower().split()
    for word in words:
        if word not in CAPTION_WORDS:
            near = ", ".join(get_close_matches(word, CAPTION_WORDS, 3)) or ", ".join(CAPTION_WORDS[:12]) + ", ..."
            raise PackError(f"caption: the base was not taught {word!r}; near it: {near} (all: perfkit.captions)")
    if not words:
        raise PackError(f"caption: got nothing, expected words of the base, e.g. {DEFAULT_CAPTION!r}")
    return " ".join(words)


def check_prompt(prompt: str) -> None:
    """Refuse a prompt that the base would cut: a word of the base is one token, any other one for each letter.

    Raises:
        PackError: It is longer than `MAX_PROMPT_TOKENS`.
    """
    num_tokens = sum(1 if word in CAPTION_WORDS else len(word) for word in prompt.split())
    if num_tokens > MAX_PROMPT_TOKENS:
        raise PackError(
            f"prompt {prompt!r}: makes {num_tokens} tokens, at most {MAX_PROMPT_TOKENS} fit; shorten the caption, or "
            "the trigger (each of its letters is a token)"
        )


def read_light(text: str) -> str:
    """Return a light in the base's words: "hard left", "leftlight", "soft, front" -> "hard leftlight", ...

    A side without hardness is gentle, a hardness without side stands in front.

    Raises:
        PackError: Anything else.
    """
    words = text.lower().replace(",", " ").replace("_", " ").replace("-", " ").split()
    sides = [_SIDES_BY_NAME[word] for word in words if word in _SIDES_BY_NAME]
    hardnesses = [_HARDNESS_BY_NAME[word] for word in words if word in _HARDNESS_BY_NAME]
    num_known = len(sides) + len(hardnesses) + sum(word in ("light", "lit") for word in words)
    if not sides + hardnesses or len(sides) > 1 or len(hardnesses) > 1 or num_known != len(words):
        raise PackError(
            f"light: got {' '.join(words)[:60]!r}, expected hard or gentle, and left, right, top or front (of the "
            "picture), e.g. 'hard left'"
        )
    return f"{(hardnesses or ['gentle'])[0]} {LIGHT_WORDS[(sides or ['front'])[0]]}"
