"""Draws the control picture that an engine follows: coloured contours of the character's face, bones of its body.

In: a CharacterTrack, or one posed frame in canvas pixels (origin at the picture's corner, pixel centres at .5).
Out: ControlFrame by ControlFrame; nothing is held. Parts with visibility 0 or NaN are not drawn.

Styles:
    nano            the embedded base's: eye openings, irises and mouth interior filled, so that small parts stay clear
    mediapipe_face  the colour coding that the public MediaPipe-face ControlNet was trained on; face only
    openpose        18 body points, 21 points a hand and 70 of the face, as the public OpenPose ControlNets expect them
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from perfkit.control_openpose import draw_openpose
from perfkit.control_strokes import (
    Canvas,
    draw_bone,
    draw_contour,
    fill_contour,
    fill_discs,
    fill_opening,
    has_point,
)
from perfkit.errors import SettingsError
from perfkit.rows import PART_FRAMES, let_go
from perfkit.track import CharacterTrack
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS, POSE_INDEX

Colour = tuple[int, int, int]

NANO_COLOURS: dict[str, Colour] = {
    "face_oval": (150, 150, 160),
    "left_brow": (255, 160, 0),
    "right_brow": (150, 235, 0),
    "left_eye": (0, 200, 255),
    "right_eye": (255, 110, 220),
    "left_opening": (40, 70, 255),
    "right_opening": (150, 30, 255),
    "iris": (255, 255, 60),
    "pupil": (0, 0, 0),
    "nose_bridge": (0, 130, 70),
    "nose_base": (0, 220, 110),
    "outer_lips": (255, 40, 70),
    "inner_lips": (255, 150, 120),
    "mouth_interior": (255, 240, 215),
    "neck": (110, 110, 130),
    "shoulders": (150, 150, 70),
    "torso": (95, 95, 50),
    "left_upper_arm": (0, 90, 230),
    "left_forearm": (0, 160, 255),
    "left_hand": (60, 190, 200),
    "right_upper_arm": (225, 80, 0),
    "right_forearm": (255, 130, 30),
    "right_hand": (215, 165, 80),
}
"""RGB of every part in the nano style. Left and right always differ, so that a turned head cannot be read mirrored."""

MEDIAPIPE_FACE_COLOURS: dict[str, Colour] = {
    "face_oval": (10, 200, 10),
    "left_eye": (10, 200, 180),
    "left_brow": (10, 220, 180),
    "left_iris": (10, 200, 250),
    "right_eye": (180, 200, 10),
    "right_brow": (180, 220, 10),
    "right_iris": (250, 200, 10),
    "outer_lips": (10, 180, 10),
    "inner_lips": (10, 180, 10),
}
"""RGB as in that ControlNet's training pictures. Source: CrucibleAI/ControlNetMediaPipeFace, published annotator."""

_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 20)), np.sin(np.linspace(0, 2 * np.pi, 20))], axis=1)
_FAR_PX = 1 << 14
_CHIN_ROW = CONTOUR_SLICES["face_oval"].start + 18


@dataclass(frozen=True, eq=False)
class ControlFrame:
    """One control picture.

    Attributes:
        index: Absolute frame index in the take.
        seconds: Presentation time.
        image_rgb: (H, W, 3) uint8.
        points: (P, 3) float32: x, y px in the picture and visibility of the contours, then of the body; None where the
            picture was not drawn from points.
    """

    index: int
    seconds: float
    image_rgb: np.ndarray
    points: np.ndarray | None = None


def draw_control(
    track: CharacterTrack,
    *,
    style: str = "nano",
    image_wh: tuple[int, int] | None = None,
    frames: range | None = None,
) -> Iterator[ControlFrame]:
    """Draw a character's track frame by frame.

    Args:
        track: The retargeted performance.
        style: A name of `CONTROL_STYLES`.
        image_wh: Size of the pictures; the character's canvas by default, else the canvas is scaled to it.
        frames: Which to draw; all by default.

    Yields:
        One ControlFrame per frame.
    """
    image_wh = track.canvas_wh if image_wh is None else image_wh
    gain = np.array(image_wh, dtype=np.float64) / np.array(track.canvas_wh)
    body_gain = np.array([*gain, 1.0])
    seconds = track.times.seconds
    for number, index in enumerate(range(len(track)) if frames is None else frames):
        if number % PART_FRAMES == 0:
            let_go(track.face, track.face_visibility, track.body, track.hands)
        face, visibility, body = track.face[index] * gain, track.face_visibility[index], track.body[index] * body_gain
        image_rgb = draw_control_frame(
            face, visibility, body=body, hands=track.hands[index] * gain, canvas_wh=image_wh, style=style
        )
        points = np.concatenate([np.column_stack([face, visibility]), body])
        yield ControlFrame(index, float(seconds[index]), image_rgb, np.nan_to_num(points).astype(np.float32))


def draw_control_frame(
    face: np.ndarray,
    face_visibility: np.ndarray,
    *,
    body: np.ndarray | None = None,
    hands: np.ndarray | None = None,
    canvas_wh: tuple[int, int] = (256, 256),
    style: str = "nano",
) -> np.ndarray:
    """Draw the control picture of one posed character.

    Args:
        face: (K, 2) canvas px, rows as `vocabulary.CONTOUR_INDICES`; NaN = not drawn.
        face_visibility: (K,) 0..1; lines fade with it, 0 = not drawn.
        body: (33, 3) x, y px and visibility, or None for no body.
        hands: (2, 21, 2) px, [0] the performer's left, or None.
        canvas_wh: Size of the picture, px. Line widths follow its shorter side.
        style: A name of `CONTROL_STYLES`.

    Returns:
        (H, W, 3) uint8 RGB on black.

    Raises:
        SettingsError: `style` is unknown.
        ValueError: `face` or `face_visibility` has another number of rows than the contours.
    """
    if style not in CONTROL_STYLES:
        raise SettingsError(f"control style {style!r} is unknown; known styles: {', '.join(CONTROL_STYLES)}")
    if face.shape != (NUM_CONTOUR_POINTS, 2) or face_visibility.shape != (NUM_CONTOUR_POINTS,):
        raise ValueError(
            f"control needs face ({NUM_CONTOUR_POINTS}, 2) and visibility ({NUM_CONTOUR_POINTS},), "
            f"got {face.shape} and {face_visibility.shape}"
        )
    seen = np.isfinite(face).all(axis=1)
    visibility = np.where(seen, np.clip(np.nan_to_num(face_visibility), 0.0, 1.0), 0.0)
    canvas = Canvas.make(canvas_wh)
    body = np.full((33, 3), np.nan) if body is None else body
    hands = np.full((2, 21, 2), np.nan) if hands is None else hands
    face = np.clip(np.where(seen[:, None], face, 0.0), -_FAR_PX, _FAR_PX)
    CONTROL_STYLES[style](
        canvas, (face, visibility), (np.clip(body, -_FAR_PX, _FAR_PX), np.clip(hands, -_FAR_PX, _FAR_PX))
    )
    return canvas.image_rgb


def _draw_nano(canvas: Canvas, face: tuple[np.ndarray, np.ndarray], limbs: tuple[np.ndarray, np.ndarray]) -> None:
    points, visibility = face
    _draw_nano_body(canvas, points[_CHIN_ROW] if visibility[_CHIN_ROW] > 0 else None, limbs[0])
    part = {name: (points[rows], visibility[rows]) for name, rows in CONTOUR_SLICES.items()}
    draw_contour(canvas, *part["face_oval"], NANO_COLOURS["face_oval"])
    for name in ("nose_bridge", "nose_base"):
        draw_contour(canvas, *part[name], NANO_COLOURS[name], is_closed=False)
    draw_contour(canvas, *part["outer_lips"], NANO_COLOURS["outer_lips"])
    draw_contour(canvas, *part["inner_lips"], NANO_COLOURS["inner_lips"], width=1.0)
    fill_opening(canvas, *part["inner_lips"], NANO_COLOURS["mouth_interior"])
    for side in ("left", "right"):
        fill_contour(canvas, *part[f"{side}_brow"], NANO_COLOURS[f"{side}_brow"])
        draw_contour(canvas, *part[f"{side}_eye"], NANO_COLOURS[f"{side}_eye"])
        discs = _iris_discs(part[f"{side}_iris"])
        fill_opening(canvas, *part[f"{side}_eye"], NANO_COLOURS[f"{side}_opening"], discs)


def _iris_discs(iris: tuple[np.ndarray, np.ndarray]) -> list[tuple[np.ndarray, Colour]]:
    """Return the iris and pupil as polygons: the ellipse through the four rim points, and its inner 45 %."""
    points, visibility = iris
    if visibility.min() <= 0:
        return []
    half_right, half_up = (points[1] - points[3]) / 2, (points[2] - points[4]) / 2
    rim = _CIRCLE[:, :1] * half_right + _CIRCLE[:, 1:] * half_up
    return [(points[0] + rim, NANO_COLOURS["iris"]), (points[0] + 0.45 * rim, NANO_COLOURS["pupil"])]


def _draw_nano_body(canvas: Canvas, chin: np.ndarray | None, body: np.ndarray) -> None:
    """Draw neck, shoulders, torso sides, arms and mitten hands; the face is drawn over them."""
    left_shoulder, right_shoulder = body[POSE_INDEX["left_shoulder"]], body[POSE_INDEX["right_shoulder"]]
    if chin is not None and has_point(left_shoulder) and has_point(right_shoulder):
        draw_bone(canvas, np.append(chin, 1.0), (left_shoulder + right_shoulder) / 2, NANO_COLOURS["neck"])
    for side, shoulder in (("left", left_shoulder), ("right", right_shoulder)):
        draw_bone(canvas, shoulder, body[POSE_INDEX[f"{side}_hip"]], NANO_COLOURS["torso"])
    draw_bone(canvas, left_shoulder, right_shoulder, NANO_COLOURS["shoulders"])
    for side, shoulder in (("left", left_shoulder), ("right", right_shoulder)):
        elbow, wrist = body[POSE_INDEX[f"{side}_elbow"]], body[POSE_INDEX[f"{side}_wrist"]]
        draw_bone(canvas, shoulder, elbow, NANO_COLOURS[f"{side}_upper_arm"])
        draw_bone(canvas, elbow, wrist, NANO_COLOURS[f"{side}_forearm"])
        _draw_mitten(canvas, body, side)


def _draw_mitten(canvas: Canvas, body: np.ndarray, side: str) -> None:
    """Fill the palm between wrist, index and pinky, and draw the thumb, all rounded."""
    wrist, index, pinky, thumb = (body[POSE_INDEX[f"{side}_{name}"]] for name in ("wrist", "index", "pinky", "thumb"))
    if not (has_point(wrist) and has_point(index) and has_point(pinky)):
        return
    colour = NANO_COLOURS[f"{side}_hand"]
    palm = np.stack([wrist, index, pinky])
    fill_contour(canvas, palm[:, :2], palm[:, 2], colour)
    draw_contour(canvas, palm[:, :2], palm[:, 2], colour, width=3.0)
    if has_point(thumb):
        draw_bone(canvas, wrist, thumb, colour)


def _draw_mediapipe_face(
    canvas: Canvas, face: tuple[np.ndarray, np.ndarray], _limbs: tuple[np.ndarray, np.ndarray]
) -> None:
    """Draw the contours of the public annotator: 2 px lines and 4 px pupils on a picture of 512."""
    points, visibility = face
    for name, colour in MEDIAPIPE_FACE_COLOURS.items():
        rows = CONTOUR_SLICES[name]
        part, seen = points[rows], (visibility[rows] > 0.5).astype(np.float64)
        if name.endswith("iris"):
            fill_discs(canvas, part[:1][seen[:1] > 0], 1.0, colour)
        elif name.endswith("brow"):
            for edge in (slice(0, 5), slice(5, 10)):
                draw_contour(canvas, part[edge], seen[edge], colour, is_closed=False, width=1.0)
        else:
            draw_contour(canvas, part, seen, colour, width=1.0)


CONTROL_STYLES: dict[str, Callable[[Canvas, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]], None]] = {
    "nano": _draw_nano,
    "mediapipe_face": _draw_mediapipe_face,
    "openpose": draw_openpose,
}
"""Style name -> drawing function."""
