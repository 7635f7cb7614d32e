"""Names that people give to expressions, as weights of the 52 blendshapes: what a label says in a word.

In: a word such as "smile", "aa", "surprised". Out: blendshape name -> 0..1. A word that is not listed is a person's
own: it names an expression but says nothing of its shape.
"""

from collections.abc import Mapping

CALM_NAMES: frozenset[str] = frozenset({"calm", "neutral", "rest", "idle", "default", "base", "normal"})


def _both(weights: dict[str, float]) -> dict[str, float]:
    """Return weights with every name that has sides given to both."""
    one_sided = ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "browInnerUp", "tongueOut", "cheekPuff")
    out: dict[str, float] = {}
    for name, weight in weights.items():
        out |= {name: weight} if name in one_sided else {f"{name}Left": weight, f"{name}Right": weight}
    return out


_SMILE = _both({"mouthSmile": 0.7, "cheekSquint": 0.3})
_LAUGH = _both({"mouthSmile": 0.8, "jawOpen": 0.5, "cheekSquint": 0.5, "eyeSquint": 0.3})
_SAD = _both({"browInnerUp": 0.8, "mouthFrown": 0.6})
_ANGRY = _both({"browDown": 0.85, "mouthFrown": 0.25, "eyeSquint": 0.2})
_SURPRISED = _both({"browInnerUp": 0.7, "browOuterUp": 0.8, "eyeWide": 0.7, "jawOpen": 0.35})
_SHUT = _both({"eyeBlink": 1.0})
_SHAPES: dict[tuple[str, ...], dict[str, float]] = {
    tuple(sorted(CALM_NAMES)): {},
    ("smile", "smiling", "happy", "joy", "glad", "fun", "pleased", "smiley"): _SMILE,
    ("laugh", "laughing", "grin", "excited", "cheer", "delighted"): _LAUGH,
    ("relaxed", "content"): _both({"mouthSmile": 0.3, "eyeSquint": 0.2}),
    ("smirk",): {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.05},
    ("sad", "sorrow", "unhappy", "frown", "frowning", "cry", "crying", "grief", "hurt", "pain"): _SAD,
    ("angry", "anger", "mad", "furious", "rage", "determined", "serious"): _ANGRY,
    ("shout", "shouting", "yell", "scream"): _both(
        {"browDown": 0.7, "jawOpen": 0.85, "mouthUpperUp": 0.4, "mouthLowerDown": 0.4}
    ),
    ("surprised", "surprise", "shock", "shocked", "amazed", "wow", "gasp"): _SURPRISED,
    ("fear", "afraid", "scared", "worried"): _both(
        {"browInnerUp": 0.8, "eyeWide": 0.5, "mouthStretch": 0.45, "jawOpen": 0.2}
    ),
    ("disgust", "disgusted"): _both({"noseSneer": 0.8, "browDown": 0.45, "mouthUpperUp": 0.5, "mouthFrown": 0.35}),
    ("pout", "kiss", "pucker"): _both({"mouthPucker": 0.8}),
    ("blink", "eyesclosed", "closedeyes", "eyesshut", "shuteyes", "asleep", "sleep", "sleeping"): _SHUT,
    ("sleepy", "tired"): _both({"eyeBlink": 0.55}),
    ("wink", "winking", "winkleft", "blinkleft"): {"eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.3},
    ("winkright", "blinkright"): {"eyeBlinkRight": 1.0, "mouthSmileRight": 0.3},
    ("talk", "talking", "speak", "mouthopen", "openmouth", "aa", "ah"): _both({"jawOpen": 0.6}),
    ("ih",): _both({"jawOpen": 0.25, "mouthStretch": 0.3, "mouthLowerDown": 0.2}),
    ("ee",): _both({"jawOpen": 0.12, "mouthStretch": 0.6, "mouthSmile": 0.2}),
    ("eh",): _both({"jawOpen": 0.35, "mouthStretch": 0.3}),
    ("oh",): _both({"jawOpen": 0.4, "mouthFunnel": 0.7}),
    ("ou", "oo"): _both({"jawOpen": 0.12, "mouthPucker": 0.8}),
    ("tongue",): _both({"tongueOut": 1.0, "jawOpen": 0.45}),
}

EXPRESSION_WEIGHTS: dict[str, Mapping[str, float]] = {
    name: weights for names, weights in _SHAPES.items() for name in names
}
"""Name, lower case -> weights. VRM's visemes are aa ih ou ee oh."""


def weights_from_name(expression: str) -> Mapping[str, float] | None:
    """Return what a name says of the expression's shape, None where it says nothing; case and spaces do not count."""
    plain = "".join(letter for letter in expression.lower() if letter.isalnum())
    return EXPRESSION_WEIGHTS.get(plain)
