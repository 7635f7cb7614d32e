"""A drawn head's turn, place and size from its points in the picture, and its points back in head space.

In: points (T, K, 2) px that a landmark network read, and the character's own model (T, K, 3) in head space.
Out: head channels (T, 6) as `vocabulary.HEAD_CHANNELS`; points in head space.
"""

import numpy as np

from perfkit.rig import rotation_from_head

_ROUNDS = 15
_STEPS = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.2])
_LIMITS = np.array([80.0, 60.0, 180.0])
_STARTS_DEG = (0.0, -20.0, 20.0, -45.0, 45.0)
"""The fit begins at the turn to the side that fits best already: from the front alone it may end in the mirror pose."""


def fit_head(points: np.ndarray, model: np.ndarray, *, weights: np.ndarray) -> np.ndarray:
    """Fit turn, place and size of a model to points in the picture, by damped least squares.

    Args:
        points: (T, K, 2) px.
        model: (K, 3) or (T, K, 3), head space.
        weights: (T, K), 0 = the point does not count.

    Returns:
        (T, 6) float64, columns as `vocabulary.HEAD_CHANNELS`; NaN where fewer than 12 points count.

    Source: scaled orthography (Bregler et al. 2000, eq. 1), Levenberg 1944.
    """
    points = np.asarray(points, np.float64)
    model = np.broadcast_to(np.asarray(model, np.float64), (*points.shape[:2], 3))
    out = np.full((len(points), 6), np.nan)
    is_usable = ((weights > 0) & np.isfinite(points).all(axis=-1)).sum(axis=1) >= 12
    if not is_usable.any():
        return out
    points, model, weights = points[is_usable], model[is_usable], np.asarray(weights, np.float64)[is_usable]
    weights = np.where(np.isfinite(points).all(axis=-1), weights, 0.0)
    points = np.nan_to_num(points)
    starts = np.stack([_guess_head(points, model, weights, yaw_deg) for yaw_deg in _STARTS_DEG])
    costs = np.stack([_measure_cost(head, points, model, weights) for head in starts])
    best = starts[costs.argmin(axis=0), np.arange(len(points))]
    out[is_usable] = _refine(best, points, model, weights)
    return out


def lift_points(points: np.ndarray, head: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Carry points from the picture back to head space, at depths that are known.

    Args:
        points: (T, K, 2) px.
        head: (T, 6), columns as `vocabulary.HEAD_CHANNELS`.
        depth: (K,) or (T, K), the points' z in head space.

    Returns:
        (T, K, 3) float64; the inverse of `rig.pose_face` where the depth is right.
    """
    rotation = rotation_from_head(np.nan_to_num(head))
    depth = np.broadcast_to(np.asarray(depth, np.float64), points.shape[:2])
    unit = (points - head[:, None, 3:5]) / head[:, None, 5:6]
    flat = unit - depth[..., None] * rotation[:, None, :2, 2]
    plane = np.linalg.inv(rotation[:, :2, :2])
    lifted = flat @ np.swapaxes(plane, 1, 2)
    return np.concatenate([lifted, depth[..., None]], axis=-1)


def _guess_head(points: np.ndarray, model: np.ndarray, weights: np.ndarray, yaw_deg: float) -> np.ndarray:
    """Return where a head turned by `yaw_deg` best fits: place, size and roll by a similarity in the plane."""
    head = np.zeros((len(points), 6))
    head[:, 0] = yaw_deg
    turned = model @ np.swapaxes(rotation_from_head(head), 1, 2)
    share = (weights / weights.sum(axis=1, keepdims=True))[..., None]
    source, target = turned[..., :2], points
    source_mean, target_mean = (share * source).sum(axis=1), (share * target).sum(axis=1)
    a, b = source - source_mean[:, None], target - target_mean[:, None]
    dot = (share * a * b).sum(axis=(1, 2))
    cross = (share[..., 0] * (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])).sum(axis=1)
    scale = np.hypot(dot, cross) / np.maximum((share * a * a).sum(axis=(1, 2)), 1e-9)
    head[:, 2] = np.rad2deg(np.arctan2(cross, dot))
    head[:, 5] = np.maximum(scale, 1e-3)
    head[:, 3:5] = target_mean - _turn_in_plane(head, source_mean)
    return head


def _turn_in_plane(head: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return where an offset (T, 2) in head units comes to lie by roll and size alone, px."""
    roll = np.deg2rad(head[:, 2])
    turn = np.stack([np.stack([np.cos(roll), -np.sin(roll)], -1), np.stack([np.sin(roll), np.cos(roll)], -1)], -2)
    return head[:, 5:6] * (turn @ offset[..., None])[..., 0]


def _place(head: np.ndarray, model: np.ndarray) -> np.ndarray:
    turned = model @ np.swapaxes(rotation_from_head(head), 1, 2)
    return head[:, None, 3:5] + head[:, None, 5:6] * turned[..., :2]


def _measure_cost(head: np.ndarray, points: np.ndarray, model: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (weights[..., None] * (_place(head, model) - points) ** 2).sum(axis=(1, 2))


def _refine(head: np.ndarray, points: np.ndarray, model: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return heads (T, 6) of least cost near the given ones; each frame has its own damping."""
    head, damping = head.copy(), np.full(len(head), 1e-2)
    cost = _measure_cost(head, points, model, weights)
    for _ in range(_ROUNDS):
        residual = points - _place(head, model)
        jacobian = np.stack(
            [(_place(head + step, model) - _place(head - step, model)) / (2 * step.sum()) for step in np.diag(_STEPS)],
            axis=-1,
        )
        pull = np.einsum("tkca,tk,tkc->ta", jacobian, weights, residual)
        hessian = np.einsum("tkca,tk,tkcb->tab", jacobian, weights, jacobian)
        diagonal = np.einsum("taa->ta", hessian)
        diagonal += damping[:, None] * diagonal + 1e-9
        wanted = head + np.linalg.solve(hessian, pull[..., None])[..., 0]
        wanted[:, :3] = np.clip(wanted[:, :3], -_LIMITS, _LIMITS)
        wanted[:, 5] = np.maximum(wanted[:, 5], 1e-3)
        new_cost = _measure_cost(wanted, points, model, weights)
        is_better = new_cost < cost
        head[is_better], cost[is_better] = wanted[is_better], new_cost[is_better]
        damping = np.where(is_better, damping * 0.3, damping * 4.0)
    return head
