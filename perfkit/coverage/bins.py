"""The bins of a coverage table: which way a head looks, what its face does.

In: head angles, expression weights. Out: names of bins, and the words in which gaps are told.

    turn    profile left | far left | left | front | right | far right | profile right      edges -75 -45 -15 15 45 75
    nod     up | level | down                                                               edges -15 15
    face    calm, mouth open, round, wide, smile, sad, angry, surprised, eyes shut, wink    a face may be several

Sides are the picture's: "left" looks towards its left edge. Faces are read off the average adult's face in that
expression (`perfkit.rig`), so that a blendshape that moves little counts little.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perfkit.measures import eye_apertures, lip_gap
from perfkit.proportions import HUMAN_RIG
from perfkit.rig import face_points, rest_points
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES


@dataclass(frozen=True)
class AngleBin:
    """A range of one angle.

    Attributes:
        name: Short, for a table.
        low_deg: From here.
        high_deg: To below here; the last bin's end counts in.
        middle_deg: What a drawing of it would best show.
        words: After "no drawing": "looks ...".
        use: Share of a performance in which the head is there.
    """

    name: str
    low_deg: float
    high_deg: float
    middle_deg: float
    words: str
    use: float

    @property
    def range_words(self) -> str:
        """The range without its side: "within 15 deg", "15 to 45 deg", "beyond 75 deg"."""
        near, far = sorted((abs(self.low_deg), abs(self.high_deg)))
        if far >= 90:
            return f"beyond {near:.0f} deg"
        return f"within {far:.0f} deg" if near == far else f"{near:.0f} to {far:.0f} deg"


@dataclass(frozen=True)
class FaceBin:
    """What a face does.

    Attributes:
        name: Short, for a table.
        rule: When a face counts.
        words: After "no drawing ...": "with the mouth open".
        use: Share of a performance in which the face does it.
    """

    name: str
    rule: str
    words: str
    use: float


TURNS: tuple[AngleBin, ...] = (
    AngleBin("profile left", -180, -75, -90, "looks left in profile, beyond 75 deg", 0.0),
    AngleBin("far left", -75, -45, -60, "looks left by 45 to 75 deg", 0.105),
    AngleBin("left", -45, -15, -30, "looks left by 15 to 45 deg", 0.14),
    AngleBin("front", -15, 15, 0, "looks ahead, within 15 deg", 0.51),
    AngleBin("right", 15, 45, 30, "looks right by 15 to 45 deg", 0.14),
    AngleBin("far right", 45, 75, 60, "looks right by 45 to 75 deg", 0.105),
    AngleBin("profile right", 75, 180, 90, "looks right in profile, beyond 75 deg", 0.0),
)
NODS: tuple[AngleBin, ...] = (
    AngleBin("up", -90, -15, -25, "looks up by more than 15 deg", 0.2),
    AngleBin("level", -15, 15, 0, "holds the head level, within 15 deg", 0.56),
    AngleBin("down", 15, 90, 25, "looks down by more than 15 deg", 0.24),
)
FACES: tuple[FaceBin, ...] = (
    FaceBin("calm", "none of the others", "with a calm face", 0.245),
    FaceBin("mouth open", "lips 0.1 of half a face's height apart, as at jawOpen 0.27", "with the mouth open", 0.1),
    FaceBin("mouth round", "mouthPucker or mouthFunnel from 0.4", "with the mouth rounded", 0.065),
    FaceBin("mouth wide", "mouthStretch from 0.4", "with the mouth stretched wide", 0.05),
    FaceBin("smile", "mouthSmile from 0.35", "smiling", 0.105),
    FaceBin("sad", "mouthFrown from 0.3, or inner brows 0.4 above the outer", "with a sad face", 0.055),
    FaceBin("angry", "browDown from 0.4", "with angry brows", 0.115),
    FaceBin("surprised", "browOuterUp from 0.4", "with raised brows", 0.065),
    FaceBin("eyes shut", "both eyes open by less than 0.35 of their rest", "with the eyes shut", 0.15),
    FaceBin("wink", "one eye shut, the other open", "with one eye shut", 0.05),
)
"""Uses of all bins: half as measured on 1,654 frames of 16 takes of people (each take counted for at most 200 frames),
half evenly, for the takes that a character will meet are not known. Turns beyond 75 degrees have none: a performance is
bent to less (`perfkit.framing`).
"""

TURN_INDEX = {turn.name: index for index, turn in enumerate(TURNS)}
NOD_INDEX = {nod.name: index for index, nod in enumerate(NODS)}
FACE_INDEX = {face.name: index for index, face in enumerate(FACES)}
_REST_APERTURES = eye_apertures(rest_points(HUMAN_RIG))
_SHUT, _WINK_DIFFERENCE = 0.35, 0.4


def find_bin(bins: tuple[AngleBin, ...], angle_deg: float) -> AngleBin:
    """Return the bin that an angle lies in."""
    return next((each for each in bins if each.low_deg <= angle_deg < each.high_deg), bins[-1])


def find_faces(weights: Mapping[str, float]) -> tuple[str, ...]:
    """Return the names of all that a face does, in the order of `FACES`.

    Args:
        weights: Blendshape name -> 0..1; what is left out is 0.
    """
    row = np.zeros(len(BLENDSHAPES), dtype=np.float32)
    for name, weight in weights.items():
        row[BLENDSHAPE_INDEX[name]] = weight

    def mean(start: str) -> float:
        return float(row[[BLENDSHAPE_INDEX[f"{start}{side}"] for side in ("Left", "Right")]].mean())

    points = face_points(HUMAN_RIG, row)
    opened = eye_apertures(points) / _REST_APERTURES
    inner_above_outer = float(row[BLENDSHAPE_INDEX["browInnerUp"]]) - mean("browOuterUp")
    is_shut = opened < _SHUT
    does = {
        "mouth open": float(lip_gap(points)) >= 0.1,
        "mouth round": max(row[BLENDSHAPE_INDEX["mouthPucker"]], row[BLENDSHAPE_INDEX["mouthFunnel"]]) >= 0.4,
        "mouth wide": mean("mouthStretch") >= 0.4,
        "smile": mean("mouthSmile") >= 0.35,
        "sad": mean("mouthFrown") >= 0.3 or inner_above_outer >= 0.4,
        "angry": mean("browDown") >= 0.4,
        "surprised": mean("browOuterUp") >= 0.4,
        "eyes shut": bool(is_shut.all()),
        "wink": bool(is_shut.any() and abs(opened[0] - opened[1]) > _WINK_DIFFERENCE),
    }
    names = tuple(face.name for face in FACES if does.get(face.name, False))
    return names or ("calm",)
