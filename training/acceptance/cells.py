"""What the acceptance grid shows: for each angle and each expression a drawing if there is one, and always a control.

    grid     rows: turns of the head; columns: what the face does; in the pack's own light
    lights   one row: each light of the art, looking ahead

In: a pack. Out: `Cell`s. A cell without a drawing is posed by the pack's rig.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perfkit.control import draw_control_frame
from perfkit.coverage.bins import FACES, TURNS, find_bin, find_faces
from perfkit.pack import CharacterPack
from perfkit.rig import face_points, pose_body, pose_face, present_rows, rest_head, rest_limbs
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, HEAD_CHANNELS

SHOWN_TURNS = tuple(turn.name for turn in TURNS if turn.use)
LIGHT_ROW = "light"
_POSED: dict[str, dict[str, float]] = {
    "calm": {},
    "mouth open": {"jawOpen": 0.7},
    "mouth round": {"mouthPucker": 0.8, "jawOpen": 0.12},
    "mouth wide": {"mouthStretchLeft": 0.8, "mouthStretchRight": 0.8, "jawOpen": 0.12},
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    "sad": {"mouthFrownLeft": 0.7, "mouthFrownRight": 0.7, "browInnerUp": 0.8},
    "angry": {"browDownLeft": 0.9, "browDownRight": 0.9},
    "surprised": {"browInnerUp": 0.7, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8, "eyeWideLeft": 0.7,
                  "eyeWideRight": 0.7},
    "eyes shut": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "wink": {"eyeBlinkLeft": 1.0},
}  # fmt: skip
"""How a face is posed where no drawing shows it."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of the grid.

    Attributes:
        row: Name of the turn, or `LIGHT_ROW`.
        column: Name of what the face does, or the light's words.
        light: Words of the light it is rendered in.
        drawing: Index of the drawing shown; None: there is none.
        control_rgb: (H, W, 3) uint8 control picture.
    """

    row: str
    column: str
    light: str
    drawing: int | None
    control_rgb: np.ndarray


def make_cells(pack: CharacterPack, *, style: str, canvas_wh: tuple[int, int]) -> list[Cell]:
    """Return the cells of grid and lights, row by row.

    A cell shows the drawing in its own light, if there is one, that holds the head most level.

    Args:
        pack: The character; its drawings' control points must be known.
        style: Control style of the engine.
        canvas_wh: Its picture size, px.
    """
    places = [_find_places(item.yaw_deg, item.weights) for item in pack.art]
    cells = []
    for turn in SHOWN_TURNS:
        for face in FACES:
            fitting = [index for index, place in enumerate(places) if (turn, face.name) in place]
            drawing = _most_level(pack, fitting)
            light = pack.light if drawing is None else pack.art[drawing].light
            control = draw_control(pack, drawing, turn=turn, face=face.name, style=style, canvas_wh=canvas_wh)
            cells.append(Cell(turn, face.name, light, drawing, control))
    ahead = [index for index, place in enumerate(places) if any(turn == "front" for turn, _ in place)]
    for light in sorted({item.light for item in pack.art}):
        drawing = _most_level(pack, [index for index in ahead if pack.art[index].light == light])
        control = draw_control(pack, drawing, turn="front", face="calm", style=style, canvas_wh=canvas_wh)
        cells.append(Cell(LIGHT_ROW, light, light, drawing, control))
    return cells


def draw_control(
    pack: CharacterPack,
    drawing: int | None,
    *,
    turn: str = "front",
    face: str = "calm",
    style: str,
    canvas_wh: tuple[int, int],
) -> np.ndarray:
    """Draw the control picture of a drawing, or without one of the rig in a turn and an expression, (H, W, 3) uint8."""
    if drawing is None:
        return _draw_posed(pack, turn, face, style, canvas_wh)
    landmarks = pack.load_landmarks()
    gain = np.array(canvas_wh) / np.array(pack.canvas_wh)
    body = landmarks.body[drawing].astype(np.float64)
    body[:, :2] *= gain
    return draw_control_frame(
        landmarks.face[drawing] * gain,
        landmarks.visibility[drawing],
        body=body,
        hands=landmarks.hands[drawing] * gain,
        canvas_wh=canvas_wh,
        style=style,
    )


def _draw_posed(pack: CharacterPack, turn: str, face: str, style: str, canvas_wh: tuple[int, int]) -> np.ndarray:
    weights = np.zeros(len(BLENDSHAPES), np.float32)
    for name, weight in _POSED[face].items():
        weights[BLENDSHAPE_INDEX[name]] = weight
    head = rest_head(pack.rig, canvas_wh)
    head[HEAD_CHANNELS.index("yaw_deg")] = next(each.middle_deg for each in TURNS if each.name == turn)
    points, visibility = pose_face(face_points(pack.rig, weights), head)
    body = pose_body(pack.rig, rest_limbs(), head) if "body" not in pack.rig.absent else None
    return draw_control_frame(points, visibility * present_rows(pack.rig), body=body, canvas_wh=canvas_wh, style=style)


def _find_places(yaw_deg: float | None, weights: Mapping[str, float]) -> set[tuple[str, str]]:
    if yaw_deg is None:
        return set()
    return {(find_bin(TURNS, yaw_deg).name, face) for face in find_faces(weights)}


def _most_level(pack: CharacterPack, drawings: list[int]) -> int | None:
    def rank(index: int) -> tuple[bool, float, float]:
        item = pack.art[index]
        return item.light != pack.light, abs(item.pitch_deg or 0.0), abs(item.roll_deg or 0.0)

    return min(drawings, key=rank, default=None)
