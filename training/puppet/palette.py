"""Named colours: few, harmonious and nameable, so that a caption says exactly what is painted.

Colours are RGB tuples in 0..1. Every slot (hair, eyes, skin ...) has its own table; one word may look different in two
slots, as in speech: brown hair is not brown skin.
"""

Colour = tuple[float, float, float]


def _rgb(code: str) -> Colour:
    return int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255


def _table(text: str) -> dict[str, Colour]:
    pairs = [entry.split("=") for entry in text.split()]
    return {name: _rgb(code) for name, code in pairs}


HAIR = _table(
    "black=2b2a33 brown=6b4430 auburn=8a3f2b ginger=d9722e blond=efc35e platinum=f1e3c0 grey=9a9da6 white=eeeef2"
    " red=c8323c pink=f08fb4 purple=8458b8 blue=3f6fc9 teal=2fa6a0 green=58a655"
)
EYES = _table(
    "brown=7a4a2b hazel=a5793a amber=e09a2d green=4f9e55 teal=2fa3a3 blue=3f83d6 grey=8492a1 violet=8a5bc7 red=cf3f4a"
    " pink=e673a5"
)
SKIN = _table(
    "pale=fbe3d6 fair=f7d0b5 tan=e6ae85 olive=cf9f6d brown=a56d48 dark=6f4630 green=8cc66c blue=86b8ea violet=b79be0"
    " grey=b9c2cc teal=6fcabb pink=f5a9bd"
)
FUR = _table(
    "white=f4f1ec cream=f3ddb6 orange=ee9a4d ginger=cf7238 brown=946242 grey=98a0ac black=494852 tan=d6ab7b blue=7fa6d8"
    " pink=f3b0c2"
)
METAL = _table("silver=c3ccd6 gold=e8bf55 copper=d08a5b white=eff2f5 black=4a5059 blue=5f93d6 red=d8545a teal=4fb5ad")
CLOTH = _table(
    "red=d64045 orange=ee8a3a yellow=f4cb4a lime=a7cf54 green=4c9a5e teal=38a3a5 sky=82c4ef blue=4270c4 navy=2f3e6b"
    " purple=7d56b0 pink=f191b5 white=f2f2ee grey=8f97a3 black=35353f brown=855c43 cream=efdfc0"
)

ACCENT: dict[str, str] = {
    "red": "cream", "orange": "navy", "yellow": "blue", "lime": "navy", "green": "cream", "teal": "yellow",
    "sky": "white", "blue": "yellow", "navy": "red", "purple": "pink", "pink": "white", "white": "blue",
    "grey": "orange", "black": "red", "brown": "cream", "cream": "brown",
}  # fmt: skip
"""The second colour that goes with a cloth colour: fixed, so that captions need not name it."""

INK: Colour = (0.10, 0.08, 0.12)
WHITE: Colour = (1.0, 1.0, 1.0)
MOUTH_INSIDE: Colour = _rgb("6e1f2a")
TONGUE: Colour = _rgb("e57a80")
TEETH: Colour = _rgb("fffaf2")
LIPSTICK: Colour = _rgb("d0545c")


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour `share` of the way from first to second."""
    keep = 1.0 - share
    return (
        first[0] * keep + second[0] * share,
        first[1] * keep + second[1] * share,
        first[2] * keep + second[2] * share,
    )


def luma(colour: Colour) -> float:
    """Return how bright a colour looks, 0..1."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def shaded(colour: Colour, amount: float) -> Colour:
    """Return the colour in shadow: darker, and a little towards violet, as painters shade. Amount 0..1."""
    tint = (colour[0] * 0.58, colour[1] * 0.46, colour[2] * 0.60)
    if luma(colour) > 0.75:
        tint = (colour[0] * 0.64, colour[1] * 0.58, colour[2] * 0.72)
    return mix(colour, tint, amount)


def lit(colour: Colour, amount: float) -> Colour:
    """Return the colour in bright light. Amount 0..1."""
    return mix(colour, (1.0, 0.98, 0.92), amount)


def ink_of(colour: Colour) -> Colour:
    """Return the coloured outline that goes with a fill."""
    return mix((colour[0] * 0.42, colour[1] * 0.28, colour[2] * 0.36), (0.16, 0.10, 0.2), 0.3)
