"""The two sample characters: designs of features that the base never saw, drawn by the puppet into packs.

In: a design. Out: NAME/ with drawings, control points and manifest, the same bytes each time; train.lora does the rest.

    zib    an alien captain with antennae and an eye patch      nothing in the base's family has either
    ember  a fox with horns, a mask and a gem                   likewise
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from perfkit.art import LABELS, ArtItem, ArtLandmarks, write_landmarks
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, write_manifest
from perfkit.proportions import Rig
from perfkit.rights import Rights
from perfkit.training.puppet import Drawing, Light, Look, Performance, Pose, Puppet, caption, draw, pose_performance
from perfkit.training.puppet.caption import LIGHT_WORDS
from perfkit.training.puppet.performance import sample_performance
from perfkit.vocabulary import BLENDSHAPES

CANVAS_PX = 256
NUM_DRAWINGS = 48
LICENCE = "CC0-1.0"
OWNER = "The perfkit authors"
LIGHTS: tuple[Light, ...] = (Light("left", "hard"), Light("right", "gentle"))
_MAX_YAW_DEG = 60.0


@dataclass(frozen=True)
class SampleCharacter:
    """One design.

    Attributes:
        puppet: What it looks like.
        trigger: Its word.
        seed: Key of the performances in its drawings.
    """

    puppet: Puppet
    trigger: str
    seed: int


ZIB = SampleCharacter(
    puppet=Puppet(
        rig=Rig(
            face_width=0.9, jaw=1.4, cheek=0.05,
            eye_x=0.42, eye_y=-0.02, eye_width=0.5, eye_height=0.54, eye_tilt=0.16, eye_roundness=0.8, iris_size=0.62,
            brow_y=0.12, brow_width=0.4, brow_thickness=0.09, brow_gain=0.18,
            nose_y=0.42, nose_width=0.16, nose_length=0.08,
            mouth_y=0.68, mouth_width=0.62, lip_upper=0.035, lip_lower=0.045, mouth_curve=0.03, mouth_gain=0.2,
            mouth_open=0.36, jaw_drop=0.16,
            neck_length=0.75, shoulder_width=1.6, head_x=0.5, head_y=0.55, head_scale=0.222,
            absent=frozenset({"right_eye"}),
        ),
        look=Look(
            family="alien", gender="boy", style="cel", line="inked", hair="bald", eyes="toon", eye_colour="amber",
            nose="button", ears="none", skin="teal", clothes="jacket", cloth_colour="red", cheeks="freckles",
        ),
        extras=("antennae", "eyepatch_right"),
    ),
    trigger="zib",
    seed=11,
)  # fmt: skip

EMBER = SampleCharacter(
    puppet=Puppet(
        rig=Rig(
            face_width=0.98, jaw=1.1, cheek=0.14,
            eye_x=0.4, eye_y=-0.12, eye_width=0.38, eye_height=0.4, eye_tilt=0.1, eye_roundness=0.8, iris_size=0.9,
            brow_y=0.3, brow_width=0.36, brow_thickness=0.1,
            nose_y=0.28, nose_width=0.26, nose_length=0.13, muzzle=0.26,
            mouth_y=0.56, mouth_width=0.54, lip_upper=0.035, lip_lower=0.045, mouth_curve=0.06, mouth_open=0.34,
            jaw_drop=0.17,
            shoulder_width=1.8, head_y=0.53, head_scale=0.215,
        ),
        look=Look(
            family="fox", gender="girl", style="cel", line="inked", hair="bald", eyes="toon", eye_colour="green",
            nose="pad", ears="fox", skin="orange", clothes="hoodie", cloth_colour="teal",
        ),
        extras=("horns", "mask", "gem"),
    ),
    trigger="ember",
    seed=12,
)  # fmt: skip

SAMPLE_CHARACTERS: dict[str, SampleCharacter] = {"zib": ZIB, "ember": EMBER}


@dataclass(frozen=True, eq=False)
class Take:
    """One drawing of a character and what it was drawn from."""

    performance: Performance
    pose: Pose
    light: Light
    drawing: Drawing


def describe_light(light: Light) -> str:
    """Return the caption's words for a light."""
    return f"{light.hardness} {LIGHT_WORDS[light.side]}"


def iterate_takes(character: SampleCharacter, *, count: int = NUM_DRAWINGS, seed: int | None = None) -> Iterator[Take]:
    """Draw a character in `count` performances: yaw spread evenly over +-60 degrees, lights in turn.

    Args:
        character: The design.
        count: Number of drawings.
        seed: Another key than the design's own, for drawings that its pack does not hold.
    """
    key = character.seed if seed is None else seed
    yaw_deg = np.random.default_rng([key, count]).permutation(np.linspace(-_MAX_YAW_DEG, _MAX_YAW_DEG, count))
    for index in range(count):
        rng = np.random.default_rng([key, count, index])
        sampled = sample_performance(rng)
        head = sampled.head.copy()
        head[0] = yaw_deg[index]
        head[1:3] = np.clip(head[1:3], -20, 20)
        performance = replace(sampled, head=head)
        light = LIGHTS[index % len(LIGHTS)]
        pose = pose_performance(character.puppet.rig, performance, size=CANVAS_PX)
        yield Take(performance, pose, light, draw(character.puppet, performance, light, size=CANVAS_PX))


def draw_pack(name: str, folder: Path) -> CharacterPack:
    """Draw a sample character into a pack; an adapter that is there is dropped, for it was made from other drawings.

    Args:
        name: Of `SAMPLE_CHARACTERS`.
        folder: The pack's folder; what it holds of an earlier drawing is replaced.
    """
    character = SAMPLE_CHARACTERS[name]
    takes = list(iterate_takes(character))
    art = folder / "art"
    art.mkdir(parents=True, exist_ok=True)
    for stale in art.glob("*.png"):
        stale.unlink()
    landmarks = art / "landmarks.safetensors"
    write_landmarks(landmarks, _gather_landmarks(takes))
    items = tuple(_write_drawing(art / f"{index:02}.png", take) for index, take in enumerate(takes))
    return write_manifest(
        CharacterPack(
            folder=folder,
            name=name,
            trigger=character.trigger,
            caption=caption(character.puppet),
            light=describe_light(LIGHTS[0]),
            canvas_wh=(CANVAS_PX, CANVAS_PX),
            rig=character.puppet.rig,
            art=items,
            landmarks=("art/landmarks.safetensors", digest_file(landmarks)),
            rights=Rights(character_owner=OWNER),
        )
    )


def _write_drawing(path: Path, take: Take) -> ArtItem:
    encoded, content = cv2.imencode(".png", _bgra(take), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert encoded
    path.write_bytes(content.tobytes())
    yaw_deg, pitch_deg, roll_deg = (round(float(angle), 1) for angle in take.performance.head[:3])
    weights = {
        name: round(float(weight), 2)
        for name, weight in zip(BLENDSHAPES, take.performance.weights, strict=True)
        if weight >= 0.005
    }
    return ArtItem(
        file=f"art/{path.name}",
        sha256=digest_file(path),
        licence=LICENCE,
        owner=OWNER,
        yaw_deg=yaw_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        light=describe_light(take.light),
        weights=weights,
        sources=dict.fromkeys(LABELS, "drawn"),
    )


def _bgra(take: Take) -> np.ndarray:
    rgba = take.drawing.rgba
    return cv2.cvtColor(rgba * (rgba[..., 3:] > 0), cv2.COLOR_RGBA2BGRA)


def _gather_landmarks(takes: list[Take]) -> ArtLandmarks:
    drawings, poses = [take.drawing for take in takes], [take.pose for take in takes]
    return ArtLandmarks(
        face=np.stack([drawing.face for drawing in drawings]),
        visibility=np.stack([drawing.visibility for drawing in drawings]),
        body=np.stack([drawing.body for drawing in drawings]),
        hands=np.stack([drawing.hands for drawing in drawings]),
        weights=np.stack([pose.weights for pose in poses]),
        head=np.stack([pose.head for pose in poses]).astype(np.float32),
    )
