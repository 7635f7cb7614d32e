"""The pen: the only module that knows skia. Paths are built from NumPy points, colours are RGB tuples in 0..1.

In: point arrays (N, 2) in px. Out: `Pen.rgba()`, straight alpha.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import skia

Colour = tuple[float, float, float]
Path = skia.Path


def polygon(points: np.ndarray, *, closed: bool = True) -> Path:
    """Return a path with straight edges through points (N, 2)."""
    path = Path()
    rows = points.tolist()
    path.moveTo(*rows[0])
    line_to = path.lineTo
    for x, y in rows[1:]:
        line_to(x, y)
    if closed:
        path.close()
    return path


def smooth(points: np.ndarray, *, closed: bool = True) -> Path:
    """Return a path that curves through points (N, 2) (Catmull-Rom)."""
    points = np.asarray(points, dtype=np.float64)
    return _cubics(points, _tangents(points, closed), closed)


def lens(points: np.ndarray, corner: int) -> Path:
    """Return a closed smooth path through points (N, 2) with sharp corners at rows 0 and `corner`: eyes, lips."""
    points = np.asarray(points, dtype=np.float64)
    first, second = points[: corner + 1], np.concatenate([points[corner:], points[:1]])
    path = _cubics(first, _tangents(first, False), False)
    for row in _controls(second, _tangents(second, False)).tolist():
        path.cubicTo(*row)
    path.close()
    return path


def _tangents(points: np.ndarray, closed: bool) -> np.ndarray:
    """Return unit directions (N, 2); controls scale them by a third of each segment, so that no segment loops."""
    tangents = np.empty_like(points)
    tangents[1:-1] = points[2:] - points[:-2]
    if closed:
        tangents[0], tangents[-1] = points[1] - points[-1], points[0] - points[-2]
    else:
        tangents[0], tangents[-1] = points[1] - points[0], points[-1] - points[-2]
    tangents /= np.maximum(np.sqrt((tangents * tangents).sum(axis=1, keepdims=True)), 1e-9)
    return tangents


def _controls(points: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    step = points[1:] - points[:-1]
    third = np.sqrt((step * step).sum(axis=1, keepdims=True)) / 3.0
    return np.concatenate([points[:-1] + tangents[:-1] * third, points[1:] - tangents[1:] * third, points[1:]], axis=1)


def _cubics(points: np.ndarray, tangents: np.ndarray, closed: bool) -> Path:
    if closed:
        points, tangents = np.concatenate([points, points[:1]]), np.concatenate([tangents, tangents[:1]])
    path = Path()
    path.moveTo(*points[0].tolist())
    cubic_to = path.cubicTo
    for a, b, c, d, e, f in _controls(points, tangents).tolist():
        cubic_to(a, b, c, d, e, f)
    if closed:
        path.close()
    return path


def hull(points: np.ndarray, num_directions: int = 48) -> Path:
    """Return the smooth convex hull of points (N, 2)."""
    return smooth(hull_points(points, num_directions))


def hull_points(points: np.ndarray, num_directions: int = 48) -> np.ndarray:
    """Return the hull's corners that are farthest in evenly spread directions, in order."""
    angle = np.arange(num_directions) * (2 * np.pi / num_directions)
    far = np.argmax(points @ np.stack([np.cos(angle), np.sin(angle)]), axis=0)
    return points[far[np.flatnonzero(far != np.roll(far, 1))]]


def curve(points: np.ndarray, fine: int = 4) -> np.ndarray:
    """Return a fine open polyline (fine * (N - 1) + 1, D) on the curve that `smooth` draws through points (N, D)."""
    points = np.asarray(points, dtype=np.float64)
    step = np.gradient(points, axis=0)
    tangents = _tangents(points, False) * np.sqrt((step * step).sum(axis=1, keepdims=True))
    t = (np.arange(fine) / fine)[:, None, None]
    h = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2
    parts = h[0] * points[:-1] + h[1] * tangents[:-1] + h[2] * points[1:] + h[3] * tangents[1:]
    return np.concatenate([parts.transpose(1, 0, 2).reshape(-1, points.shape[1]), points[-1:]])


def ribbon(points: np.ndarray, widths: np.ndarray) -> Path:
    """Return a stroke with varying width along a polyline: points (N, 2), full widths (N,)."""
    along = np.gradient(points, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1) / length[:, None]
    side = normal * (0.5 * np.asarray(widths))[:, None]
    return polygon(np.concatenate([points + side, (points - side)[::-1]]))


def ellipse(centre: Sequence[float], axis_a: Sequence[float], axis_b: Sequence[float]) -> Path:
    """Return the ellipse centre + cos t * axis_a + sin t * axis_b (conjugate half axes, px)."""
    path = Path()
    path.addOval(skia.Rect(-1, -1, 1, 1))
    matrix = skia.Matrix()
    matrix.setAll(axis_a[0], axis_b[0], centre[0], axis_a[1], axis_b[1], centre[1], 0, 0, 1)
    path.transform(matrix)
    return path


def disc(centre: Sequence[float], radius: float) -> Path:
    """Return a circle."""
    path = Path()
    path.addCircle(float(centre[0]), float(centre[1]), float(radius))
    return path


def shift(path: Path, dx: float, dy: float) -> Path:
    """Return the path moved by (dx, dy)."""
    moved = Path(path)
    moved.offset(float(dx), float(dy))
    return moved


def unite(first: Path, *others: Path) -> Path:
    """Return the union of areas."""
    for other in others:
        first = skia.Op(first, other, skia.PathOp.kUnion_PathOp)
    return first


def subtract(first: Path, second: Path) -> Path:
    """Return the first area without the second."""
    return skia.Op(first, second, skia.PathOp.kDifference_PathOp)


def intersect(first: Path, second: Path) -> Path:
    """Return the area that both share."""
    return skia.Op(first, second, skia.PathOp.kIntersect_PathOp)


def bounds(path: Path) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom."""
    box = path.getBounds()
    return box.left(), box.top(), box.right(), box.bottom()


def _color4f(colour: Sequence[float], alpha: float) -> skia.Color4f:
    return skia.Color4f(float(colour[0]), float(colour[1]), float(colour[2]), float(alpha))


class Pen:
    """A square transparent canvas and the few ways in which puppets put paint on it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pixels = np.zeros((size, size, 4), np.uint8)
        info = skia.ImageInfo.Make(size, size, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
        self._info = info
        self._surface = skia.Surface.MakeRasterDirect(info, self._pixels)
        self._canvas = self._surface.getCanvas()
        self._fill = skia.Paint(AntiAlias=True)
        self._stroke = skia.Paint(
            AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeCap=skia.Paint.kRound_Cap,
            StrokeJoin=skia.Paint.kRound_Join,
        )  # fmt: skip

    def fill(self, path: Path, colour: Colour, alpha: float = 1.0, *, blur: float = 0.0) -> None:
        """Fill an area; `blur` softens its edge (sigma, px)."""
        self._fill.setColor4f(_color4f(colour, alpha))
        if blur > 0.3:
            soft = skia.Paint(self._fill)
            soft.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
            self._canvas.drawPath(path, soft)
        else:
            self._canvas.drawPath(path, self._fill)

    def stroke(self, path: Path, colour: Colour, width: float, alpha: float = 1.0) -> None:
        """Draw a line of constant width (px) along a path."""
        self._stroke.setColor4f(_color4f(colour, alpha))
        self._stroke.setStrokeWidth(float(width))
        self._canvas.drawPath(path, self._stroke)

    def fill_linear(
        self, path: Path, start: Sequence[float], end: Sequence[float], stops: Sequence[tuple[float, Colour, float]]
    ) -> None:
        """Fill with a linear gradient; stops are (position 0..1, colour, alpha)."""
        shader = skia.GradientShader.MakeLinear(
            [skia.Point(float(start[0]), float(start[1])), skia.Point(float(end[0]), float(end[1]))],
            [_color4f(c, a).toColor() for _, c, a in stops],
            [s for s, _, _ in stops],
        )
        self._fill_shaded(path, shader)

    def fill_radial(
        self, path: Path, centre: Sequence[float], radius: float, stops: Sequence[tuple[float, Colour, float]]
    ) -> None:
        """Fill with a radial gradient; stops are (position 0..1, colour, alpha)."""
        shader = skia.GradientShader.MakeRadial(
            skia.Point(float(centre[0]), float(centre[1])),
            max(float(radius), 0.1),
            [_color4f(c, a).toColor() for _, c, a in stops],
            [s for s, _, _ in stops],
        )
        self._fill_shaded(path, shader)

    def _fill_shaded(self, path: Path, shader: skia.Shader) -> None:
        self._canvas.drawPath(path, skia.Paint(AntiAlias=True, Shader=shader))

    @contextmanager
    def clipped(self, path: Path, *, outside: bool = False) -> Iterator[None]:
        """Keep paint inside (or outside) an area."""
        self._canvas.save()
        self._canvas.clipPath(path, skia.ClipOp.kDifference if outside else skia.ClipOp.kIntersect, True)
        try:
            yield
        finally:
            self._canvas.restore()

    def rgba(self) -> np.ndarray:
        """Return the picture, (size, size, 4) uint8, straight alpha."""
        straight = np.empty_like(self._pixels)
        info = self._info.makeAlphaType(skia.kUnpremul_AlphaType)
        if not self._surface.readPixels(info, straight, straight.strides[0], 0, 0):
            raise AssertionError("skia would not hand the pixels back")
        return straight
