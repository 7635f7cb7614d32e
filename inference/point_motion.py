"""Where a picture's parts go from one frame to another, known from its control points.

In: the points of two frames. Out: a coarse field of motion, px; smooth between the points, as near to each as the grid.
Legend: G cells of the grid, P points.
"""

import numpy as np

GRID = 32
"""Cells along the picture's width and height."""
_LEAST_VISIBLE = 0.05
_SOFTNESS = 1 / 64
"""Share of the picture within which the nearest point does not yet decide alone."""


def measure_nearness(points: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return how near points (P, 3), px and visibility, are to the cells' middles: (G, P) float32, row by row."""
    middles = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    places = points[:, :2] / np.array(size_wh, np.float32)
    away_x, away_y = (np.square(middles[:, None] - places[:, axis]) for axis in range(2))
    square_GP = (away_y[:, None] + away_x[None] + np.float32(_SOFTNESS**2)).reshape(GRID * GRID, -1)
    return 1 / np.square(square_GP)


def estimate_motion(points: np.ndarray, goals: np.ndarray, nearness_GP: np.ndarray) -> np.ndarray:
    """Let every cell move as the points near it do, the nearest most.

    Args:
        points: (P, 3) float32: x, y px and visibility.
        goals: (P, 3), the same points in the other frame.
        nearness_GP: Of `points`, from `measure_nearness`.

    Returns:
        (GRID, GRID, 2) float32 px; 0 where no point is seen in both frames.

    Source: Shepard, "A two-dimensional interpolation function for irregularly-spaced data", 1968, with power 4.
    """
    seen = np.minimum(points[:, 2], goals[:, 2])
    seen[seen < _LEAST_VISIBLE] = 0
    votes = np.column_stack([(goals[:, :2] - points[:, :2]) * seen[:, None], seen])
    sums = nearness_GP @ votes
    return (sums[:, :2] / np.maximum(sums[:, 2:], 1e-12)).reshape(GRID, GRID, 2)
