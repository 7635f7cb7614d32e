"""Steadies the character's pictures along its motion: what the network drew anew in every frame settles.

In: StylizedFrames with the control points that they were drawn from. Out: the same, each averaged with its neighbours.

    neighbour --carried by the motion of the control points--> where its pixels are now --as far as it agrees--> mean

The motion is known, not guessed: face and body points of both frames, spread over the picture. Where a carried
neighbour disagrees with the picture (a lid, a hand in front, a tail that has no point) it has no say: acting stays as
it is. A frame depends on the neighbours within its reach and on nothing else.
Legend: H W picture, G cells of the motion's grid, P points.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import cv2
import numpy as np

from perfkit.composite import StylizedFrame
from perfkit.inference.point_motion import estimate_motion, measure_nearness
from perfkit.inference.windows import iterate_windows
from perfkit.metrics.flow import make_grid

AGREEMENT_LEVELS = 12.75
"""Mean difference around a pixel, in grey levels, at which a carried neighbour's say falls to 1/e."""
_AROUND_PX = 7
_SAY_OF_DIFFERENCE = np.exp(-np.square(np.arange(256) / AGREEMENT_LEVELS)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A frame, its picture premultiplied by alpha, and how near its points are to every cell of the grid."""

    frame: StylizedFrame
    premultiplied_HW4: np.ndarray
    nearness_GP: np.ndarray | None


def steady_along_motion(
    frames: Iterable[StylizedFrame], *, reach: int, window_frames: int, pool: Executor
) -> Iterator[StylizedFrame]:
    """Yield every frame averaged with its neighbours.

    Args:
        frames: In order; those without points count as standing still.
        reach: Neighbours on each side.
        window_frames: Frames worked on at a time. It changes no pixel.
        pool: Who does the work.
    """
    for window in iterate_windows(frames, size=window_frames, context=reach):
        prepared = list(pool.map(_prepare, window.items))
        rows = range(window.core.start, window.core.stop)
        yield from pool.map(partial(_steady, prepared, reach), rows)


def _prepare(frame: StylizedFrame) -> _Prepared:
    alpha_HW = frame.image_rgba[..., 3]
    premultiplied_HW4 = cv2.multiply(frame.image_rgba, _fourfold(alpha_HW), scale=1 / 255)
    premultiplied_HW4[..., 3] = alpha_HW
    if frame.points is None:
        return _Prepared(frame, premultiplied_HW4, None)
    nearness_GP = measure_nearness(frame.points, (alpha_HW.shape[1], alpha_HW.shape[0]))
    return _Prepared(frame, premultiplied_HW4, nearness_GP)


def _steady(prepared: list[_Prepared], reach: int, row: int) -> StylizedFrame:
    own = prepared[row]
    total_HW4 = own.premultiplied_HW4.astype(np.float32)
    weight_HW = np.ones(total_HW4.shape[:2], np.float32)
    for other in prepared[max(0, row - reach) : row] + prepared[row + 1 : row + 1 + reach]:
        carried_HW4 = _carry(other, own)
        apart_HW = cv2.transform(cv2.absdiff(carried_HW4, own.premultiplied_HW4), np.full((1, 4), 0.25))
        say_HW = cv2.LUT(cv2.blur(apart_HW, (_AROUND_PX, _AROUND_PX)), _SAY_OF_DIFFERENCE)
        cv2.add(total_HW4, cv2.multiply(_fourfold(say_HW), carried_HW4, dtype=cv2.CV_32F), dst=total_HW4)
        cv2.add(weight_HW, say_HW, dst=weight_HW)
    alpha_HW = total_HW4[..., 3]
    image_rgba = cv2.divide(total_HW4, _fourfold(np.maximum(alpha_HW, 1e-3)), scale=255, dtype=cv2.CV_8U)
    image_rgba[..., 3] = cv2.divide(alpha_HW, weight_HW, dtype=cv2.CV_8U)
    return replace(own.frame, image_rgba=image_rgba)


def _carry(other: _Prepared, own: _Prepared) -> np.ndarray:
    """Return the other's picture with its pixels where the points say that they are in one's own."""
    height, width = own.premultiplied_HW4.shape[:2]
    points, goals, nearness_GP = own.frame.points, other.frame.points, own.nearness_GP
    if points is None or goals is None or nearness_GP is None:
        return other.premultiplied_HW4
    motion = estimate_motion(points, goals, nearness_GP)
    motion_HW2 = cv2.resize(motion, (width, height), interpolation=cv2.INTER_LINEAR)
    goal_x, goal_y = cv2.split(cv2.add(motion_HW2, _remember_grid(height, width)))
    return cv2.remap(other.premultiplied_HW4, goal_x, goal_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=1)
def _remember_grid(height: int, width: int) -> np.ndarray:
    return make_grid(height, width)


def _fourfold(plane_HW: np.ndarray) -> np.ndarray:
    return cv2.merge([plane_HW] * 4)
