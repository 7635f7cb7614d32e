"""One drawing in progress: the pen, the posed head, the light, and how a surface is painted in the puppet's style.

head space --place()--> px          Ball: an ellipsoid on the head; curves on it wrap around its limb
"""

import math

import numpy as np

from perfkit.rig import face_points, pose_face, rotation_from_head
from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.look import LIGHT_DIRECTIONS, Light, Puppet
from perfkit.training.puppet.palette import Colour
from perfkit.training.puppet.performance import Pose
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, POSE_INDEX

_LINE_WIDTHS = {"lineless": 0.0, "inked": 0.030, "bold": 0.058, "tinted": 0.032}


class Scene:
    """State of one drawing.

    Attributes:
        pen: The canvas.
        look, rig: The puppet's.
        head: (6,) head channels; `unit` is its scale in px, `origin` its centre.
        rotation: (3, 3) picture_from_head.
        weights: (52,) expression.
        face3: (K, 3) contour points in head space; `face` (K, 2) px, `visibility` (K,).
        open_face: (K, 2) px, the same with lids fully open.
        body: (33, 3) px and visibility.
        light_xy: Towards the light, in the picture.
        head_path, face_path: Silhouette of the bare head, and the face oval; set by the drawer once known.
    """

    def __init__(self, pen: ink.Pen, puppet: Puppet, light: Light, *, pose: Pose) -> None:
        self.pen, self.puppet, self.rig, self.look, self.light = pen, puppet, puppet.rig, puppet.look, light
        self.head, self.weights, self.body = pose.head.astype(np.float64), pose.weights, pose.body
        self.unit, self.origin = float(self.head[5]), self.head[3:5]
        self.rotation = rotation_from_head(self.head)
        self._flat_from_head = self.rotation[:2].T
        self._toward: tuple[float, float, float] = tuple(self.rotation[2].tolist())
        opened = pose.weights.copy()
        opened[_LID_WEIGHTS] = 0.0
        both = face_points(self.rig, np.array([pose.weights, opened]))
        self.face3 = both[0]
        px, visibility = pose_face(both, np.array([self.head, self.head]))
        self.face, self.open_face, self.visibility = px[0].astype(np.float64), px[1].astype(np.float64), visibility[0]
        self.light_xy = np.array(LIGHT_DIRECTIONS[light.side])
        self._toward_light: tuple[float, float] = tuple((self.light_xy / np.hypot(*self.light_xy)).tolist())
        self.head_path = self.face_path = ink.Path()
        self.contrast = 0.85 if light.hardness == "hard" else 0.5

    def weight(self, name: str) -> float:
        """Return one expression weight by its ARKit name."""
        return float(self.weights[BLENDSHAPE_INDEX[name]])

    def contour(self, name: str) -> np.ndarray:
        """Return a contour's points, px."""
        return self.face[CONTOUR_SLICES[name]]

    def seen(self, name: str) -> float:
        """Return the mean visibility of a contour."""
        rows = self.visibility[CONTOUR_SLICES[name]]
        return float(rows.sum() / len(rows))

    def joint(self, name: str) -> np.ndarray:
        """Return a pose point, px (NaN when not drawn)."""
        return self.body[POSE_INDEX[name], :2]

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return picture px (..., 2) of head-space points (..., 3)."""
        return self.origin + self.unit * (np.asarray(points) @ self._flat_from_head)

    def facing(self, normal: tuple[float, float, float]) -> float:
        """Return how much a head-space direction looks at the camera, -1..1."""
        a, b, c = self._toward
        x, y, z = normal
        return float((a * x + b * y + c * z) / math.sqrt(x * x + y * y + z * z))

    @property
    def line_width(self) -> float:
        """Width of outlines, px; 0 for none."""
        return _LINE_WIDTHS[self.look.line] * self.unit

    def ink_colour(self, base: Colour) -> Colour:
        """Return the line colour beside a fill; where outlines are absent, details take the shaded fill."""
        if self.look.line == "tinted":
            return palette.ink_of(base)
        return palette.shaded(base, 1.0) if self.look.line == "lineless" else palette.INK

    def outline(self, path: ink.Path, base: Colour, *, share: float = 1.0) -> None:
        """Draw a path's outline in the puppet's line style, or nothing."""
        if self.line_width > 0:
            self.pen.stroke(path, self.ink_colour(base), self.line_width * share)

    def detail(self, path: ink.Path, base: Colour, *, width: float = 0.026, alpha: float = 1.0) -> None:
        """Draw an inner line (crease, nose, strand): always there, whatever the outline style. Width in head units."""
        share = 1.25 if self.look.line == "bold" else 1.0
        self.pen.stroke(path, self.ink_colour(base), max(0.7, width * share * self.unit), alpha)

    def solid(self, path: ink.Path, colour: Colour, *, relief: float = 0.2, line: bool = True) -> None:
        """Paint a body in the puppet's shading style, then its outline.

        Args:
            path: Area, px.
            colour: Its own colour.
            relief: How round it is: width of its shadow, head units.
            line: Whether the outline follows.
        """
        pen, style = self.pen, self.look.style
        if style == "flat":
            pen.fill(path, colour)
        elif style == "cel":
            self._paint_cel(path, colour, relief)
        else:
            self._paint_soft(path, colour)
        if line:
            self.outline(path, colour)

    def _paint_cel(self, path: ink.Path, colour: Colour, relief: float) -> None:
        pen, reach = self.pen, relief * self.unit
        dx, dy = self.light_xy * reach
        pen.fill(path, palette.shaded(colour, self.contrast))
        with pen.clipped(path):
            if self.light.hardness == "gentle":
                pen.fill(ink.shift(path, 0.55 * dx, 0.55 * dy), palette.shaded(colour, 0.5 * self.contrast))
            pen.fill(ink.shift(path, dx, dy), colour)

    def _paint_soft(self, path: ink.Path, colour: Colour) -> None:
        left, top, right, bottom = ink.bounds(path)
        x, y, (dx, dy) = 0.5 * (left + right), 0.5 * (top + bottom), self._toward_light
        reach = float(np.hypot(0.5 * (right - left) * dx, 0.5 * (bottom - top) * dy)) * 1.05
        dx, dy = dx * reach, dy * reach
        gain = 1.0 if self.light.side != "front" else 0.7
        high = palette.lit(colour, 0.45 * self.contrast * gain)
        low = palette.shaded(colour, 1.05 * self.contrast * gain)
        stops = [(0.0, high, 1.0), (0.38, colour, 1.0), (0.62, palette.mix(colour, low, 0.35), 1.0), (1.0, low, 1.0)]
        self.pen.fill_linear(path, (x + dx, y + dy), (x - dx, y - dy), stops)

    def cast(self, path: ink.Path, onto: ink.Path, base: Colour, *, reach: float = 0.08, alpha: float = 0.55) -> None:
        """Drop the shadow of one area onto another (hair on a forehead, a chin on a neck)."""
        if self.look.style == "flat":
            alpha *= 0.45
        dx, dy = (-self.light_xy * 0.5 + (0.0, 0.6)) * reach * self.unit
        with self.pen.clipped(onto):
            self.pen.fill(ink.shift(path, dx, dy), palette.shaded(base, 1.0), alpha * self.contrast)


_LID_WEIGHTS = [
    BLENDSHAPE_INDEX[f"{name}{side}"] for name in ("eyeBlink", "eyeSquint", "cheekSquint") for side in ("Left", "Right")
]


class Ball:
    """An ellipsoid fixed to the head; points on it are unit vectors, hidden ones are pushed to its visible rim."""

    def __init__(self, scene: Scene, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> None:
        self.centre, self.radii = np.array(centre), np.array(radii)
        self._px_from_unit = scene.unit * scene.rotation[:2] * self.radii
        self.middle = scene.place(self.centre)
        toward = scene.rotation[2] / self.radii
        self._toward_camera = toward / math.sqrt(toward @ toward)

    def _axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return conjugate half axes (px) of the silhouette: the columns of L, where L L' = M M', M = px_from_unit."""
        (a, b), (_b, c) = (self._px_from_unit @ self._px_from_unit.T).tolist()
        first = math.sqrt(a)
        return np.array([first, b / first]), np.array([0.0, math.sqrt(max(c - b * b / a, 1e-9))])

    def outline(self, grow: float = 1.0) -> ink.Path:
        """Return the silhouette, an ellipse."""
        first, second = self._axes()
        return ink.ellipse(self.middle.tolist(), (grow * first).tolist(), (grow * second).tolist())

    def outline_points(self, count: int = 40, grow: float = 1.0) -> np.ndarray:
        """Return the silhouette as points (count, 2), px."""
        first, second = self._axes()
        t = np.arange(count)[:, None] * (2 * np.pi / count)
        return self.middle + grow * (np.cos(t) * first + np.sin(t) * second)

    def unit_from_xy(self, xy: np.ndarray) -> np.ndarray:
        """Return unit vectors (N, 3) of the front points above head-space (x, y); beyond the rim: on the rim."""
        flat = (np.asarray(xy, dtype=np.float64) - self.centre[:2]) / self.radii[:2]
        unit = np.empty((len(flat), 3))
        unit[:, :2] = flat = flat / np.maximum(np.hypot(flat[:, 0], flat[:, 1]), 1.0)[:, None]
        unit[:, 2] = np.sqrt(np.maximum(0.0, 1.0 - (flat * flat).sum(axis=1)))
        return unit

    def place(self, unit: np.ndarray, *, grow: float = 1.0) -> np.ndarray:
        """Return px (N, 2) of points on (or `grow` times above) the surface, hidden or not."""
        return self.middle + grow * (unit @ self._px_from_unit.T)

    def wrap(self, unit: np.ndarray) -> np.ndarray:
        """Return px (N, 2); hidden points move to the rim, so that an area's visible part stays an area."""
        depth = unit @ self._toward_camera
        behind = depth < 0
        if behind.any():
            unit = np.array(unit)
            rim = unit[behind] - depth[behind, None] * self._toward_camera
            unit[behind] = rim / np.maximum(np.linalg.norm(rim, axis=1, keepdims=True), 1e-6)
        return self.middle + unit @ self._px_from_unit.T

    def low_rim(self) -> np.ndarray:
        """Return the unit vector, just behind the rim, that is lowest on the head as the camera sees it."""
        low = np.array([0.0, 1.0, 0.0]) - self._toward_camera[1] * self._toward_camera
        low = low / math.sqrt(low @ low) - 0.25 * self._toward_camera
        return low / math.sqrt(low @ low)

    def window(self, ring: np.ndarray, *, push: float = 0.12) -> np.ndarray:
        """Return px of a closed ring that is about to be cut out: hidden points move beyond the rim, gently."""
        depth = ring @ self._toward_camera
        px = self.wrap(ring)
        away = push * np.clip(-6.0 * depth, 0.0, 1.0)[:, None]
        return px + away * (px - self.middle)

    def facing(self, unit: np.ndarray) -> np.ndarray:
        """Return how much points look at the camera, -1..1."""
        return unit @ self._toward_camera
