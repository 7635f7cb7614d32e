"""Draw other people's cartoon faces with DiceBear, to measure on art that perfkit never saw; nothing of it is kept.

    python scripts/draw_dicebear.py out/dicebear lorelei notionists --count 24
    python -m perfkit.training.nano evaluate --art out/dicebear/lorelei out/dicebear/notionists
    python scripts/draw_dicebear.py out/peep-art --peep              # one character of Open Peeps, with labels.csv

In: names of styles (PyPI dicebear-styles; lorelei, notionists, open-peeps and pixel-art are CC0, others CC BY 4.0).
Out: FOLDER/STYLE/NN.png, 512 x 512 RGBA; the same for the same versions. The peep: FOLDER/EXPRESSION_SIDE.png.
"""

import argparse
import csv
import json
from importlib.resources import files
from pathlib import Path

import resvg_py
from dicebear import Avatar, Style

SIZE_PX = 512
PEEP = {"seed": "perfkit 10", "headVariant": "pomp", "accessoriesProbability": 0, "maskProbability": 0,
        "facialHairProbability": 0}  # fmt: skip
PEEP_YAW_DEG = 30
"""Open Peeps are drawn in three-quarter view, looking right; flipped they look left."""

PEEP_FACES: dict[str, dict[str, float]] = {
    "blank": {},
    "serious": {"browDown": 0.5},
    "driven": {"browDown": 0.7, "mouthSmile": 0.3},
    "angryWithFang": {"browDown": 0.9},
    "veryAngry": {"browDown": 1.0, "mouthFrown": 0.8},
    "rage": {"browDown": 1.0, "jawOpen": 0.7},
    "smile": {"mouthSmile": 0.6},
    "smileTeethGap": {"mouthSmile": 0.5, "jawOpen": 0.7},
    "smileBig": {"mouthSmile": 0.8, "jawOpen": 0.35, "eyeBlink": 1.0},
    "smileLOL": {"mouthSmile": 0.9, "jawOpen": 0.7, "eyeBlink": 1.0},
    "explaining": {"jawOpen": 0.6},
    "concerned": {"browInnerUp": 0.7, "jawOpen": 0.5},
    "concernedFear": {"browInnerUp": 0.7, "jawOpen": 0.5, "eyeBlink": 0.6},
    "hectic": {"eyeWide": 1.0, "jawOpen": 0.25, "mouthStretch": 0.4},
    "solemn": {"browInnerUp": 0.8, "mouthFrown": 0.8},
    "tired": {"eyeBlink": 0.5, "browInnerUp": 0.4, "mouthFrown": 0.2},
    "contempt": {"eyeBlink": 1.0},
    "eyesClosed": {"eyeBlink": 1.0, "browDown": 0.3},
    "calm": {"eyeBlink": 1.0, "mouthSmile": 0.5},
    "cute": {"eyeBlink": 1.0, "mouthSmile": 0.4, "browInnerUp": 0.3},
}
"""Expression of Open Peeps -> what its face does, as its drawings show it, both sides alike."""

_MIDDLE = ("jawOpen", "browInnerUp")


def draw_faces(style: str, folder: Path, count: int) -> None:
    """Write `count` faces of one style into a folder."""
    look = read_style(style)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        draw(look, folder / f"{number:02d}.png", {"seed": f"perfkit {number}"})


def draw_peep(folder: Path) -> None:
    """Write one character of Open Peeps: every expression from both sides, and labels.csv that says what each shows."""
    look = read_style("open-peeps")
    folder.mkdir(parents=True, exist_ok=True)
    channels = sorted({channel for face in PEEP_FACES.values() for name in face for channel in _channels_of(name)})
    rows = []
    for face, weights in PEEP_FACES.items():
        told = {channel: weight for name, weight in weights.items() for channel in _channels_of(name)}
        for side, flip, yaw in (("right", "none", PEEP_YAW_DEG), ("left", "horizontal", -PEEP_YAW_DEG)):
            file = f"{face}_{side}.png"
            draw(look, folder / file, {**PEEP, "expressionVariant": face, "flip": flip})
            rows.append({"file": file, "yaw": yaw, "licence": "CC0-1.0", "owner": "Pablo Stanley (Open Peeps)",
                         **dict.fromkeys(channels, 0), **told})  # fmt: skip
    with (folder / "labels.csv").open("w", newline="") as sidecar:
        table = csv.DictWriter(sidecar, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def draw(look: Style, path: Path, options: dict[str, object]) -> None:
    """Write one drawing."""
    svg = Avatar(look, {**options, "size": SIZE_PX}).to_string()
    path.write_bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))


def read_style(style: str) -> Style:
    """Read a style that the package brings."""
    return Style(json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8")))


def _channels_of(name: str) -> list[str]:
    return [name] if name in _MIDDLE else [f"{name}Left", f"{name}Right"]


def main() -> int:
    """Draw the styles named on the command line, or the peep, and print their folders."""
    parser = argparse.ArgumentParser(description="Draw DiceBear faces as PNG.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("styles", nargs="*", metavar="STYLE")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--peep", action="store_true", help="one character of Open Peeps in all its expressions")
    options = parser.parse_args()
    for style in options.styles:
        draw_faces(style, options.folder / style, options.count)
        print(options.folder / style)
    if options.peep:
        draw_peep(options.folder)
        print(options.folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
