"""The pen: the only module that knows skia. Paths are built from NumPy points, colours are RGB tuples in 0..1.

In: point arrays (N, 2) in px. Out: `Pen.rgba()`, straight alpha.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial, reduce

import numpy as np
import skia
from skia import Path

Colour = tuple[float, float, float]


def polygon(points: np.ndarray, *, closed: bool = True) -> Path:
    """Return a path with straight edges through points (N, 2)."""
    path = Path()
    x, y = points.T.tolist()
    path.moveTo(x[0], y[0])
    deque(map(path.lineTo, x[1:], y[1:]), maxlen=0)
    if closed:
        path.close()
    return path


def smooth(points: np.ndarray, *, closed: bool = True) -> Path:
    """Return a path that curves through points (N, 2) (Catmull-Rom)."""
    flat = _complex(points)
    if not closed:
        return _append_cubics(Path(), flat, _open_directions(flat))
    flat = np.concatenate((flat[-1:], flat, flat[:2]))
    path = _append_cubics(Path(), flat[1:-1], _unit(flat[2:] - flat[:-2]))
    path.close()
    return path


def lens(points: np.ndarray, corner: int) -> Path:
    """Return a closed smooth path through points (N, 2) with sharp corners at rows 0 and `corner`: eyes, lips."""
    flat = _complex(points)
    first, second = flat[: corner + 1], np.concatenate((flat[corner:], flat[:1]))
    path = _append_cubics(Path(), first, _open_directions(first))
    _append_cubics(path, second, _open_directions(second))
    path.close()
    return path


def _complex(points: np.ndarray) -> np.ndarray:
    """Return points (N, 2) as N complex numbers: half the array operations."""
    return np.ascontiguousarray(points, dtype=np.float64).view(np.complex128)[:, 0]


def _unit(step: np.ndarray) -> np.ndarray:
    return step / (np.abs(step) + 1e-12)


def _open_directions(flat: np.ndarray) -> np.ndarray:
    step = np.empty_like(flat)
    step[1:-1] = flat[2:] - flat[:-2]
    step[0], step[-1] = flat[1] - flat[0], flat[-1] - flat[-2]
    return _unit(step)


def _append_cubics(path: Path, flat: np.ndarray, directions: np.ndarray) -> Path:
    """Append Bezier segments; controls reach a third of each segment along the directions, so that none loops."""
    start, end = flat[:-1], flat[1:]
    third = np.abs(end - start) / 3.0
    rows = np.array((start + directions[:-1] * third, end - directions[1:] * third, end))
    x, y = rows.real.tolist(), rows.imag.tolist()
    if path.isEmpty():
        first = complex(flat[0])
        path.moveTo(first.real, first.imag)
    deque(map(path.cubicTo, x[0], y[0], x[1], y[1], x[2], y[2]), maxlen=0)
    return path


_SPREADS: dict[int, np.ndarray] = {}


def hull(points: np.ndarray, num_directions: int = 48) -> Path:
    """Return the smooth convex hull of points (N, 2)."""
    return smooth(hull_points(points, num_directions))


def hull_points(points: np.ndarray, num_directions: int = 48) -> np.ndarray:
    """Return the hull's corners that are farthest in evenly spread directions, in order."""
    if num_directions not in _SPREADS:
        angle = np.arange(num_directions) * (2 * np.pi / num_directions)
        _SPREADS[num_directions] = np.array([np.cos(angle), np.sin(angle)])
    far = (points @ _SPREADS[num_directions]).argmax(axis=0)
    fresh = np.empty(len(far), dtype=bool)
    fresh[1:], fresh[0] = far[1:] != far[:-1], far[0] != far[-1]
    return points[far[fresh]]


def curve(points: np.ndarray, fine: int = 4) -> np.ndarray:
    """Return a fine open polyline (fine * (N - 1) + 1, D) through points (N, D), Catmull-Rom like `smooth`."""
    key = len(points), fine
    if key not in _CURVES:
        _CURVES[key] = _curve_weights(*key)
    return _CURVES[key] @ points


_CURVES: dict[tuple[int, int], np.ndarray] = {}


def _curve_weights(count: int, fine: int) -> np.ndarray:
    """Return the matrix (fine * (count - 1) + 1, count) that refines any open line of `count` points (Hermite)."""
    place = np.eye(count)
    tangent = np.zeros((count, count))
    tangent[1:-1] = 0.5 * (place[2:] - place[:-2])
    tangent[0], tangent[-1] = place[1] - place[0], place[-1] - place[-2]
    t = (np.arange(fine) / fine)[:, None]
    rows = [
        (2 * t**3 - 3 * t**2 + 1) * place[row]
        + (t**3 - 2 * t**2 + t) * tangent[row]
        + (3 * t**2 - 2 * t**3) * place[row + 1]
        + (t**3 - t**2) * tangent[row + 1]
        for row in range(count - 1)
    ]
    return np.concatenate([*rows, place[-1:]])


def ribbon(points: np.ndarray, widths: np.ndarray) -> Path:
    """Return a stroke with varying width along a polyline: points (N, 2), full widths (N,)."""
    flat = _complex(points)
    side = _open_directions(flat) * (0.5j * widths)
    both = np.concatenate((flat + side, (flat - side)[::-1]))
    return polygon(both.view(np.float64).reshape(-1, 2))


_UNIT_CIRCLE = Path()
_UNIT_CIRCLE.addOval(skia.Rect(-1, -1, 1, 1))


def ellipse(centre: Sequence[float], axis_a: Sequence[float], axis_b: Sequence[float]) -> Path:
    """Return the ellipse centre + cos t * axis_a + sin t * axis_b (conjugate half axes, px)."""
    path = Path(_UNIT_CIRCLE)
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


def unite(*paths: Path) -> Path:
    """Return the union of areas."""
    if len(paths) > 2:
        builder = skia.OpBuilder()
        for path in paths:
            builder.add(path, skia.PathOp.kUnion_PathOp)
        with suppress(RuntimeError):
            return builder.resolve()
    return reduce(partial(_combine, operation=skia.PathOp.kUnion_PathOp), paths)


def subtract(first: Path, second: Path) -> Path:
    """Return the first area without the second."""
    return _combine(first, second, skia.PathOp.kDifference_PathOp)


def intersect(first: Path, second: Path) -> Path:
    """Return the area that both share."""
    return _combine(first, second, skia.PathOp.kIntersect_PathOp)


def _combine(first: Path, second: Path, operation: skia.PathOp) -> Path:
    """Combine two areas; where skia's solver finds no answer (curves that nearly touch), move one by a hair."""
    for number in range(8):
        with suppress(RuntimeError):
            return skia.Op(first, shift(second, number / 64, number / 96) if number else second, operation)
    raise AssertionError(f"skia combines no areas near {bounds(first)} and {bounds(second)}")


def bounds(path: Path) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom."""
    box = path.getBounds()
    return box.left(), box.top(), box.right(), box.bottom()


@lru_cache(maxsize=1024)
def _color4f(colour: Colour, alpha: float) -> skia.Color4f:
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

    def clipped(self, path: Path, *, outside: bool = False) -> "_Clip":
        """Keep paint inside (or outside) an area, as a context."""
        return _Clip(self._canvas, path, skia.ClipOp.kDifference if outside else skia.ClipOp.kIntersect)

    def rgba(self) -> np.ndarray:
        """Return the picture, (size, size, 4) uint8, straight alpha."""
        straight = np.empty_like(self._pixels)
        info = self._info.makeAlphaType(skia.kUnpremul_AlphaType)
        if not self._surface.readPixels(info, straight, straight.strides[0], 0, 0):
            raise AssertionError("skia would not hand the pixels back")
        return straight


class _Clip:
    """The context of `Pen.clipped`."""

    def __init__(self, canvas: skia.Canvas, path: Path, kind: skia.ClipOp) -> None:
        self._canvas, self._path, self._kind = canvas, path, kind

    def __enter__(self) -> None:
        self._canvas.save()
        self._canvas.clipPath(self._path, self._kind, True)

    def __exit__(self, *exception: object) -> None:
        self._canvas.restore()
