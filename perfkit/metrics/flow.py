"""Warp error: what is left when a frame is carried onto the one before along the motion of the input video.

In: neighbouring frames, uint8 or float in 0..1, and a flow between them. Out: floats. All arithmetic is in float: uint8
differences wrap, and a still with a grain of one grey level then scores as if it were snow.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.metrics.pictures import unit_from_picture


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the pixels of a frame go in the next one.

    Attributes:
        flow: (H, W, 2) float32 px: pixel (x, y) of the first frame is at (x, y) + flow in the second.
        is_known: (H, W) bool: False where it is covered or uncovered, at the edges of moving things, and outside.
    """

    flow: np.ndarray
    is_known: np.ndarray


class FlowMeter:
    """Measures the motion between frames by dense inverse search; holds the search's buffers."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def measure(self, before_rgb: np.ndarray, after_rgb: np.ndarray) -> Motion:
        """Measure the motion from one frame to the next.

        Args:
            before_rgb: (H, W, 3) uint8.
            after_rgb: (H, W, 3) uint8.

        Source: Kroeger et al., "Fast optical flow using dense inverse search", 2016.
        """
        before, after = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before_rgb, after_rgb))
        still = np.zeros((*before.shape, 2), np.float32)
        forward = self._search.calc(before, after, still.copy())
        backward = self._search.calc(after, before, still.copy())
        return Motion(forward, find_known(forward, backward))


def find_known(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Return (H, W) bool: where a flow is neither occluded, nor at a motion boundary, nor leaves the picture.

    Args:
        forward: (H, W, 2) px, first frame to second.
        backward: (H, W, 2) px, second frame to first.

    Source: Lai et al., "Learning blind video temporal consistency", 2018, with the masks of Ruder et al., "Artistic
    style transfer for videos", 2016, eq. 5 and 6: |f + b|^2 > 0.01 (|f|^2 + |b|^2) + 0.5 is occluded,
    |grad f|^2 > 0.01 |f|^2 + 0.002 is a boundary; b is read where f leads.
    """
    returned = warp(backward, forward)
    forward_square, returned_square = _square_length(forward), _square_length(returned)
    is_occluded = _square_length(forward + returned) > 0.01 * (forward_square + returned_square) + 0.5
    across = np.diff(forward, axis=1, append=forward[:, -1:])
    down = np.diff(forward, axis=0, append=forward[-1:])
    is_boundary = _square_length(across) + _square_length(down) > 0.01 * forward_square + 0.002
    return ~is_occluded & ~is_boundary & find_inside(forward)


def find_inside(flow: np.ndarray) -> np.ndarray:
    """Return (H, W) bool: where a flow leads to a place inside the picture."""
    height, width = flow.shape[:2]
    goal = make_grid(height, width) + flow
    x, y = goal[..., 0], goal[..., 1]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, C) read, between its pixels, where a flow (h, w, 2) leads; as float32.

    The flow's own size decides the result's. Outside the picture its edge is read.
    """
    height, width = flow.shape[:2]
    goal = (make_grid(height, width) + flow).astype(np.float32)
    return cv2.remap(
        picture.astype(np.float32), goal[..., 0], goal[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def make_grid(height: int, width: int) -> np.ndarray:
    """Return (H, W, 2) float32: x and y of every pixel."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), axis=-1)


def measure_warp_error(
    before: np.ndarray, after: np.ndarray, motion: Motion, *, region: np.ndarray | None = None
) -> float:
    """Measure the warp error of one pair of frames.

    E = sum M (warp(after) - before)^2 / sum M, with M the known pixels and the three colours.

    Args:
        before: (H, W, 3), uint8 or float in 0..1.
        after: Same size.
        motion: Of the input video, from `before` to `after`.
        region: (H, W) bool, where to look; everywhere by default.

    Returns:
        0..1 (the square of a difference of colours in 0..1); NaN where nothing is known. A video's is the mean over
        its pairs.

    Source: Lai et al. 2018, section 4.2.
    """
    counted = motion.is_known if region is None else motion.is_known & region
    if not counted.any():
        return float("nan")
    difference = warp(unit_from_picture(after), motion.flow) - unit_from_picture(before)
    return float((difference[counted] ** 2).mean())


def _square_length(flow: np.ndarray) -> np.ndarray:
    """Return (H, W): written out, which is several times faster than a sum over an axis of two."""
    return flow[..., 0] * flow[..., 0] + flow[..., 1] * flow[..., 1]
