"""Draw other people's cartoon faces with DiceBear, to measure on art that perfkit never saw; nothing of it is kept.

    python scripts/draw_dicebear.py out/dicebear lorelei notionists --count 24
    python -m perfkit.training.nano evaluate --art out/dicebear/lorelei out/dicebear/notionists

In: names of styles (PyPI dicebear-styles; lorelei, notionists, open-peeps and pixel-art are CC0, others CC BY 4.0).
Out: FOLDER/STYLE/NN.png, 512 x 512 RGBA; the same for the same versions.
"""

import argparse
import json
from importlib.resources import files
from pathlib import Path

import resvg_py
from dicebear import Avatar, Style

SIZE_PX = 512


def draw_faces(style: str, folder: Path, count: int) -> None:
    """Write `count` faces of one style into a folder."""
    look = Style(json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        svg = Avatar(look, {"seed": f"perfkit {number}", "size": SIZE_PX}).to_string()
        (folder / f"{number:02d}.png").write_bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))


def main() -> int:
    """Draw the styles named on the command line and print their folders."""
    parser = argparse.ArgumentParser(description="Draw DiceBear faces as PNG.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("styles", nargs="+", metavar="STYLE")
    parser.add_argument("--count", type=int, default=24)
    options = parser.parse_args()
    for style in options.styles:
        draw_faces(style, options.folder / style, options.count)
        print(options.folder / style)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
