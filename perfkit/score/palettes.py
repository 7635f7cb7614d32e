"""The colours that a character has in its own art: what its parts look like in the light that it is rendered in.

In: a pack. Out: `ArtPalette`.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.art import read_art
from perfkit.metrics.identity import PALETTE_PARTS, measure_palette_distance, read_palette
from perfkit.pack import CharacterPack
from perfkit.score.figure import median_of_known
from perfkit.score.matte import GREY, lay_over_grey


@dataclass(frozen=True, eq=False)
class ArtPalette:
    """Colours of the character's parts.

    Attributes:
        palette: (5, 3) Lab, rows as `identity.PALETTE_PARTS`: median over the drawings; NaN = seldom seen.
        spread: Mean distance of single drawings from it: what pose and expression alone do; NaN without drawings.
        num_drawings: Drawings that were read.
    """

    palette: np.ndarray
    spread: float
    num_drawings: int


def read_art_palette(pack: CharacterPack) -> ArtPalette:
    """Read the colours off the drawings in the pack's own light, off all where none is in it.

    Raises:
        PackError: A drawing cannot be read.
    """
    if pack.landmarks is None or not pack.art:
        return ArtPalette(np.full((len(PALETTE_PARTS), 3), np.nan), float("nan"), 0)
    landmarks = pack.load_landmarks()
    palettes = np.array(
        [
            read_palette(
                lay_over_grey(image), landmarks.face[index], landmarks.visibility[index], region=image[..., 3] >= GREY
            )
            for index, image in enumerate(map(read_art, pack.art_paths()))
        ]
    )
    is_lit = np.array([item.light == pack.light for item in pack.art])
    lit = palettes[is_lit] if is_lit.any() else palettes
    median = median_of_known(lit)
    distance = measure_palette_distance(lit, median)
    return ArtPalette(median, float(distance[np.isfinite(distance)].mean()), len(lit))
