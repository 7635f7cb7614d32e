"""The draw order: `draw(puppet, performance, light)` paints one picture and returns the landmarks it was painted on."""

from dataclasses import dataclass

import numpy as np

from perfkit.rig import hands_from_body, present_rows
from perfkit.training.puppet import ink
from perfkit.training.puppet.beard import draw_beard
from perfkit.training.puppet.body import draw_body, draw_forearm
from perfkit.training.puppet.creature import (
    draw_animal_ears,
    draw_marking,
    draw_robot_face,
    draw_robot_parts,
    draw_whiskers,
    has_big_hair,
)
from perfkit.training.puppet.extras import draw_extras_on_face, draw_extras_on_head
from perfkit.training.puppet.eyes import draw_brow, draw_eye
from perfkit.training.puppet.hair import draw_back_hair, draw_front_hair
from perfkit.training.puppet.look import Light, Puppet
from perfkit.training.puppet.mouth import draw_mouth, draw_muzzle, draw_nose, draw_tears
from perfkit.training.puppet.performance import Performance, Pose, pose_performance
from perfkit.training.puppet.scene import Scene
from perfkit.training.puppet.skull import draw_cheeks, draw_ear, head_silhouette, is_ear_in_front
from perfkit.training.puppet.wear import draw_glasses, draw_hat, draw_hat_behind


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture and its exact landmarks.

    Attributes:
        rgba: (size, size, 4) uint8, straight alpha.
        face: (K, 2) float32 px, rows as `vocabulary.CONTOURS`.
        visibility: (K,) float32 in 0..1; 0 for absent parts.
        body: (33, 3) float32: x, y px and visibility; NaN = not drawn.
        hands: (2, 21, 2) float32 px; NaN = not drawn.
    """

    rgba: np.ndarray
    face: np.ndarray
    visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray


def draw(puppet: Puppet, performance: Performance, light: Light, *, size: int = 256) -> Drawing:
    """Draw one picture of a character giving a performance.

    Args:
        puppet: The character.
        performance: What it does.
        light: Where the light comes from.
        size: Side of the square canvas, px.
    """
    return draw_pose(puppet, pose_performance(puppet.rig, performance, size=size), light, size=size)


def draw_pose(puppet: Puppet, pose: Pose, light: Light, *, size: int = 256) -> Drawing:
    """Draw one picture of a pose that is already in px of the canvas (a frame of a CharacterTrack, say)."""
    scene = Scene(ink.Pen(size), puppet, light, pose=pose)
    scene.head_path = ink.smooth(head_silhouette(scene))
    scene.face_path = ink.smooth(scene.contour("face_oval"))
    near = {sign: is_ear_in_front(scene, sign) for sign in (1.0, -1.0)}
    draw_back_hair(scene)
    draw_body(scene)
    _draw_behind(scene, [sign for sign in near if not near[sign]])
    scene.solid(scene.head_path, puppet.look.skin_rgb, relief=0.26)
    draw_marking(scene)
    draw_robot_face(scene)
    draw_cheeks(scene)
    _draw_ears(scene, [sign for sign in near if near[sign]])
    _draw_face(scene)
    draw_glasses(scene)
    draw_front_hair(scene)
    _draw_on_top(scene)
    for side in ("left", "right"):
        draw_forearm(scene, side)
    present = present_rows(puppet.rig)
    return Drawing(
        rgba=scene.pen.rgba(),
        face=scene.face.astype(np.float32),
        visibility=np.where(present, scene.visibility, 0.0).astype(np.float32),
        body=pose.body.astype(np.float32),
        hands=hands_from_body(pose.body),
    )


def _draw_ears(scene: Scene, signs: list[float]) -> None:
    if has_big_hair(scene) and scene.look.ears == "human":
        return
    for sign in signs:
        draw_ear(scene, sign)


def _draw_behind(scene: Scene, far_sides: list[float]) -> None:
    draw_hat_behind(scene)
    draw_robot_parts(scene, behind=True)
    draw_animal_ears(scene, behind=True)
    draw_extras_on_head(scene, behind=True)
    _draw_ears(scene, far_sides)


def _draw_face(scene: Scene) -> None:
    if scene.look.has_muzzle:
        draw_muzzle(scene)
    turned = abs(scene.rotation[2, 0]) > 0.4
    order = ("left", "right") if scene.rotation[0, 2] > 0 else ("right", "left")
    if turned:
        with scene.pen.clipped(scene.head_path):
            draw_eye(scene, order[0])
        draw_eye(scene, order[1])
    else:
        for side in order:
            draw_eye(scene, side)
    draw_beard(scene)
    draw_mouth(scene)
    draw_nose(scene)
    draw_whiskers(scene)
    draw_tears(scene)
    if not _has_floating_brows(scene):
        _draw_brows(scene)
    draw_extras_on_face(scene)


def _draw_on_top(scene: Scene) -> None:
    draw_robot_parts(scene, behind=False)
    draw_animal_ears(scene, behind=False)
    draw_extras_on_head(scene, behind=False)
    if _has_floating_brows(scene):
        _draw_brows(scene)
    draw_hat(scene)


def _has_floating_brows(scene: Scene) -> bool:
    """Return whether brows show through the fringe, as anime draws them."""
    return scene.look.family in ("anime", "chibi")


def _draw_brows(scene: Scene) -> None:
    for side in ("left", "right"):
        draw_brow(scene, side)
