"""Our own random art-like pictures, so that the autoencoder also carries what puppets never show.

Gradients, strokes, hatching, flat shapes, shaded balls, pixel blocks, patterns, text-like marks, noise, soft mattes.
"""

from collections.abc import Callable

import numpy as np

from perfkit.training.puppet import ink, palette
from perfkit.training.puppet.ink import Pen
from perfkit.training.puppet.palette import Colour

_TABLES = (palette.HAIR, palette.CLOTH, palette.SKIN, palette.FUR, palette.EYES)


def draw_texture(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """Draw one random picture, (size, size, 4) uint8, straight alpha."""
    pen = Pen(size)
    if rng.random() < 0.6:
        _lay_ground(rng, pen)
    for _ in range(int(rng.integers(2, 6))):
        layer = _LAYERS[int(rng.integers(len(_LAYERS)))]
        layer(rng, pen)
    rgba = pen.rgba()
    if rng.random() < 0.3:
        rgba = _add_grain(rng, rgba)
    return rgba


def _colour(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.35:
        first, second, third = rng.random(3).tolist()
        return first, second, third
    table = list(_TABLES[int(rng.integers(len(_TABLES)))].values())
    return palette.mix(table[int(rng.integers(len(table)))], palette.WHITE, float(rng.uniform(0, 0.25)))


def _point(rng: np.random.Generator, pen: Pen) -> np.ndarray:
    return rng.uniform(-0.1, 1.1, 2) * pen.size


def _lay_ground(rng: np.random.Generator, pen: Pen) -> None:
    s = pen.size
    square = ink.polygon(np.array([(0, 0), (s, 0), (s, s), (0, s)], dtype=float))
    if rng.random() < 0.4:
        pen.fill(square, _colour(rng))
    elif rng.random() < 0.6:
        stops = [(0.0, _colour(rng), 1.0), (1.0, _colour(rng), 1.0)]
        pen.fill_linear(square, _point(rng, pen), _point(rng, pen), stops)
    else:
        stops = [(0.0, _colour(rng), 1.0), (0.5, _colour(rng), 1.0), (1.0, _colour(rng), 1.0)]
        pen.fill_radial(square, _point(rng, pen), float(rng.uniform(0.3, 1.2)) * s, stops)


def _blob(rng: np.random.Generator, pen: Pen) -> tuple[ink.Path, np.ndarray, float]:
    count, middle = int(rng.integers(3, 10)), _point(rng, pen)
    radius = pen.size * float(rng.uniform(0.04, 0.4))
    angle = np.sort(rng.uniform(0, 2 * np.pi, count))
    reach = radius * rng.uniform(0.5, 1.0, count)[:, None]
    points = middle + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    path = ink.smooth(points) if rng.random() < 0.65 else ink.polygon(points)
    return path, middle, radius


def _shapes(rng: np.random.Generator, pen: Pen) -> None:
    for _ in range(int(rng.integers(1, 7))):
        path, _middle, _radius = _blob(rng, pen)
        colour = _colour(rng)
        pen.fill(path, colour, float(rng.choice([1.0, 1.0, 0.6])))
        if rng.random() < 0.5:
            line = palette.INK if rng.random() < 0.6 else palette.ink_of(colour)
            pen.stroke(path, line, float(rng.uniform(0.7, 5)) * pen.size / 256)


def _balls(rng: np.random.Generator, pen: Pen) -> None:
    """Draw blobs shaded like a 3-D toon: terminator or gradient, rim and highlight."""
    for _ in range(int(rng.integers(1, 4))):
        path, middle, radius = _blob(rng, pen)
        colour, toward = _colour(rng), rng.normal(0, 0.3, 2)
        if rng.random() < 0.5:
            stops = [(0.0, palette.lit(colour, 0.6), 1.0), (0.45, colour, 1.0), (1.0, palette.shaded(colour, 1.0), 1.0)]
            pen.fill_radial(path, middle + toward * radius, radius * 1.4, stops)
        else:
            pen.fill(path, palette.shaded(colour, 0.9))
            with pen.clipped(path):
                pen.fill(ink.shift(path, *(toward * radius)), colour)
        spot = ink.disc(middle + toward * radius * 1.3, radius * float(rng.uniform(0.05, 0.2)))
        pen.fill(spot, palette.WHITE, float(rng.uniform(0.4, 1.0)))


def _strokes(rng: np.random.Generator, pen: Pen) -> None:
    colour = palette.INK if rng.random() < 0.5 else _colour(rng)
    width = float(rng.uniform(0.6, 3.5)) * pen.size / 256
    for _ in range(int(rng.integers(3, 14))):
        steps = rng.normal(0, 0.14, (int(rng.integers(2, 7)), 2)) * pen.size
        points = _point(rng, pen) + np.cumsum(steps, axis=0)
        if rng.random() < 0.5:
            pen.stroke(ink.smooth(points, closed=False), colour, width)
        else:
            line = ink.curve(points, 5)
            pen.fill(ink.ribbon(line, 2.5 * width * np.sin(np.linspace(0.1, 3.0, len(line)))), colour)


def _hatching(rng: np.random.Generator, pen: Pen) -> None:
    path, middle, radius = _blob(rng, pen)
    angle, gap = rng.uniform(0, np.pi), float(rng.uniform(3, 10)) * pen.size / 256
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    colour, width = _colour(rng), float(rng.uniform(0.6, 2.0)) * pen.size / 256
    with pen.clipped(path):
        for offset in np.arange(-radius, radius, gap):
            ends = middle + across * offset + np.array([[-1], [1]]) * along * radius
            pen.stroke(ink.polygon(ends, closed=False), colour, width)


def _letters(rng: np.random.Generator, pen: Pen) -> None:
    """Draw rows of small broken strokes, as lettering looks from afar."""
    high = float(rng.uniform(5, 18)) * pen.size / 256
    x0, y0 = (rng.uniform(0, 0.5, 2) * pen.size).tolist()
    colour, width = palette.INK if rng.random() < 0.6 else _colour(rng), max(0.7, 0.14 * high)
    for row in range(int(rng.integers(1, 5))):
        for column in range(int(rng.integers(3, 14))):
            if rng.random() < 0.15:
                continue
            points = rng.uniform(0, 1, (int(rng.integers(2, 5)), 2)) * (0.6 * high, high)
            points += (x0 + 0.85 * high * column, y0 + 1.5 * high * row)
            pen.stroke(ink.polygon(points, closed=False), colour, width)


def _pixels(rng: np.random.Generator, pen: Pen) -> None:
    cell, count = float(rng.integers(4, 17)) * pen.size / 256, int(rng.integers(4, 12))
    corner = np.round(_point(rng, pen) / cell) * cell
    colours = [_colour(rng) for _ in range(int(rng.integers(2, 5)))]
    grid = rng.integers(-1, len(colours), (count, (count + 1) // 2))
    grid = np.concatenate([grid, grid[:, ::-1]], axis=1)
    for (row, column), index in np.ndenumerate(grid):
        if index >= 0:
            x, y = corner + (column * cell, row * cell)
            square = np.array([(x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell)])
            pen.fill(ink.polygon(square), colours[index])


def _pattern(rng: np.random.Generator, pen: Pen) -> None:
    path, middle, radius = _blob(rng, pen)
    step, colour = float(rng.uniform(7, 26)) * pen.size / 256, _colour(rng)
    with pen.clipped(path):
        pen.fill(path, _colour(rng))
        kind = int(rng.integers(3))
        for x in np.arange(-radius, radius, step):
            for y in np.arange(-radius, radius, step) if kind else (0.0,):
                at = middle + (x, y)
                if kind == 0:
                    ends = np.array([at - (0.0, radius), at + (0.0, radius)])
                    pen.stroke(ink.polygon(ends, closed=False), colour, 0.5 * step)
                elif kind == 1:
                    pen.fill(ink.disc(at, 0.3 * step), colour)
                elif round(x / step) % 2 == round(y / step) % 2:
                    pen.fill(ink.polygon(at + step * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])), colour)


def _mist(rng: np.random.Generator, pen: Pen) -> None:
    """Draw soft see-through spots: glows, smoke, blush."""
    for _ in range(int(rng.integers(1, 5))):
        middle, radius, colour = _point(rng, pen), pen.size * float(rng.uniform(0.05, 0.35)), _colour(rng)
        stops = [(0.0, colour, float(rng.uniform(0.3, 1.0))), (1.0, colour, 0.0)]
        pen.fill_radial(ink.disc(middle, radius), middle, radius, stops)


def _add_grain(rng: np.random.Generator, rgba: np.ndarray) -> np.ndarray:
    cell = int(rng.choice([1, 2, 4]))
    small = -(-rgba.shape[0] // cell)
    noise = rng.normal(0, float(rng.uniform(2, 16)), (small, small, 1 if rng.random() < 0.6 else 3)).astype(np.float32)
    noise = np.repeat(np.repeat(noise, cell, 0), cell, 1)[: rgba.shape[0], : rgba.shape[1]]
    out = rgba.copy()
    out[..., :3] = np.clip(rgba[..., :3] + noise, 0, 255)
    out[..., :3] *= rgba[..., 3:] > 0
    return out


_LAYERS: tuple[Callable[[np.random.Generator, Pen], None], ...] = (
    _shapes, _shapes, _balls, _balls, _strokes, _strokes, _hatching, _letters, _pixels, _pattern, _mist,
)  # fmt: skip
