"""Turning a stored picture upright, as its container's display matrix says. NumPy only.

In: the nine numbers of a display matrix, images (H, W, C). Out: an `Orientation`, upright images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes upright: transpose, then flip. One of the eight symmetries of the rectangle.

    Attributes:
        is_transposed: Whether rows and columns change places first.
        is_flipped_x: Whether left and right change places then.
        is_flipped_y: Whether top and bottom change places then.
    """

    is_transposed: bool = False
    is_flipped_x: bool = False
    is_flipped_y: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether the upright picture is a mirror image of the stored one."""
        return self.is_transposed ^ self.is_flipped_x ^ self.is_flipped_y

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn in 0, 90, 180, 270, to be done after the mirror (left-right) where there is one."""
        if not self.is_transposed:
            return 180 if self.is_flipped_y else 0
        return 90 if self.is_flipped_x else 270

    def upright_wh(self, stored_wh: tuple[int, int]) -> tuple[int, int]:
        """Return the size of the upright picture."""
        width, height = stored_wh
        return (height, width) if self.is_transposed else (width, height)

    def turn_upright(self, image: np.ndarray) -> np.ndarray:
        """Return the upright image (H', W', C), contiguous; the same array where nothing is to be done."""
        if self.is_transposed:
            image = image.swapaxes(0, 1)
        if self.is_flipped_x:
            image = image[:, ::-1]
        if self.is_flipped_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


def orientation_from_matrix(matrix: Sequence[float]) -> Orientation:
    """Return the orientation nearest to a display matrix.

    Args:
        matrix: a, b, u, c, d, v, x, y, w, where (x', y') = (a x + c y, b x + d y), x right, y down.

    Source: ISO/IEC 14496-12, 6.2.2 (track header matrix).
    """
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(is_transposed=True, is_flipped_x=c < 0, is_flipped_y=b < 0)
    return Orientation(is_flipped_x=a < 0, is_flipped_y=d < 0)


def is_quarter_turn(matrix: Sequence[float]) -> bool:
    """Return whether a display matrix turns by a multiple of 90 degrees, without scaling or shear."""
    a, b, _, c, d = matrix[:5]
    straight = math.isclose(abs(a), 1) and math.isclose(abs(d), 1) and b == c == 0
    turned = math.isclose(abs(b), 1) and math.isclose(abs(c), 1) and a == d == 0
    return straight or turned
