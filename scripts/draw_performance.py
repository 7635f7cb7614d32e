"""Draw README.md's pictures of performances: what the engine is shown, and what it makes of it.

python scripts/draw_performance.py renders the sample take as every sample character, or as the packs that are named,
and keeps seven moments; with --with-art, seven of the character's drawings stand above them. The performer is not in
the picture: their footage is not ours to publish.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from perfkit.art import read_art
from perfkit.composite import StylizedFrame, composite
from perfkit.control import ControlFrame
from perfkit.inference.render import render_take
from perfkit.inference.settings import RuntimeSettings
from perfkit.pack import CharacterPack, list_character_names, load_pack

ROOT = Path(__file__).resolve().parent.parent
TAKE = ROOT / "samples" / "takes" / "WolfgangLanger_Pexels.mp4"
PICTURE = ROOT / "docs" / "performance.png"
MOMENTS_SECONDS = (1.2, 4.2, 7.0, 9.2, 11.5, 14.5, 18.6)
CELL_PX, GAP_PX = 220, 8
GROUND = (247, 246, 243)


class MomentKeeper:
    """Keeps the frames at the moments, as they go by."""

    def __init__(self) -> None:
        self.controls: list[np.ndarray] = []
        self.characters: list[np.ndarray] = []

    def see_control(self, frame: ControlFrame) -> None:
        """Keep a control picture if its moment has come."""
        self._keep(self.controls, frame.seconds, frame.image_rgb)

    def see_character(self, frame: StylizedFrame) -> None:
        """Keep the character over the picture's ground, likewise."""
        self._keep(
            self.characters, frame.seconds, composite(frame.image_rgba, np.full((256, 256, 3), GROUND, np.uint8))
        )

    def _keep(self, kept: list[np.ndarray], seconds: float, image_rgb: np.ndarray) -> None:
        if len(kept) < len(MOMENTS_SECONDS) and seconds >= MOMENTS_SECONDS[len(kept)]:
            kept.append(cv2.resize(image_rgb, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA))


def pick_art(pack: CharacterPack) -> list[np.ndarray]:
    """Return drawings of a pack, spread evenly over those that face the camera to 45 degrees."""
    facing = [item for item in pack.art if abs(item.yaw_deg or 0.0) <= 45]
    rows = np.linspace(0, len(facing) - 1, len(MOMENTS_SECONDS)).round().astype(int)
    pictures = [read_art(pack.folder / facing[row].file) for row in rows]
    laid = [composite(picture, np.full((*picture.shape[:2], 3), GROUND, np.uint8)) for picture in pictures]
    return [cv2.resize(picture, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA) for picture in laid]


def main() -> None:
    """Render, lay out, write."""
    parser = argparse.ArgumentParser(description="Draw what characters make of the sample take.")
    parser.add_argument("packs", nargs="*", default=list_character_names(), metavar="PACK")
    parser.add_argument("-o", "--out", type=Path, default=PICTURE)
    parser.add_argument("--with-art", action="store_true", help="a row of the character's drawings above")
    options = parser.parse_args()
    rows: list[list[np.ndarray]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.packs:
            keeper, pack = MomentKeeper(), load_pack(name)
            render_take(TAKE, pack, Path(folder) / f"{pack.name}.mp4", runtime=RuntimeSettings(witness=keeper))
            rows += [pick_art(pack)] if options.with_art else []
            rows += [keeper.controls, keeper.characters]
    height, width = (count * (CELL_PX + GAP_PX) + GAP_PX for count in (len(rows), len(MOMENTS_SECONDS)))
    sheet = np.full((height, width, 3), GROUND, np.uint8)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            top, left = (GAP_PX + index * (CELL_PX + GAP_PX) for index in (row, column))
            sheet[top : top + CELL_PX, left : left + CELL_PX] = cell
    Image.fromarray(sheet).save(options.out, optimize=True)
    print(options.out)


if __name__ == "__main__":
    main()
