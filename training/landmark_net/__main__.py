"""python -m perfkit.training.landmark_net train | evaluate | sheet: see --help."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console

from perfkit.capture.mediapipe import StillFaces
from perfkit.control import draw_control_frame
from perfkit.errors import PackError
from perfkit.metrics import composite_over_grey
from perfkit.training.landmark_net.marks import measure_art, read_marks
from perfkit.training.landmark_net.net import WEIGHTS_PATH, LandmarkNet
from perfkit.training.landmark_net.train import (
    RATES,
    LandmarkSettings,
    measure_landmark_net,
    save_weights,
    train_landmark_net,
)
from perfkit.training.optimise.loop import Pace


def main() -> None:
    """Train or measure the landmark network."""
    parser = argparse.ArgumentParser(prog="python -m perfkit.training.landmark_net")
    verbs = parser.add_subparsers(required=True)
    train = verbs.add_parser("train", help="train, or go on training; writes the packaged weights at the end")
    train.add_argument("--run", type=Path, default=Path("runs/landmark_net"))
    train.add_argument("--steps", type=int, default=LandmarkSettings.steps)
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop after this time")
    train.add_argument("--start", type=Path, help="weights to begin from; random ones by default")
    train.add_argument("--rate-scale", type=float, default=1.0, help="part of the learning rates")
    train.add_argument("-o", "--out", type=Path, default=WEIGHTS_PATH)
    train.set_defaults(act=run_train)
    evaluate = verbs.add_parser("evaluate", help="print the error on held-out puppets, or on marked drawings")
    evaluate.add_argument("--count", type=int, default=300, help="how many puppets")
    evaluate.add_argument(
        "--art", type=Path, nargs="+", metavar="FOLDER", help="folders of marked drawings, each named like its style"
    )
    evaluate.set_defaults(act=run_evaluate)
    sheet = verbs.add_parser("sheet", help="draw what the network finds in pictures")
    sheet.add_argument("pictures", type=Path, nargs="+")
    sheet.add_argument("-o", "--out", type=Path, required=True)
    sheet.set_defaults(act=run_sheet)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.act(options)


def run_train(options: argparse.Namespace) -> None:
    """Train to the end of the recipe or of the time."""
    console = Console(stderr=True)

    def show(step: int, loss: float, drawings_per_second: float) -> None:
        console.print(f"step {step}  loss {loss:.4f}  {drawings_per_second:.1f} drawings/s", highlight=False)

    pace = Pace(seconds=options.minutes * 60, on_progress=show)
    settings = LandmarkSettings(steps=options.steps, start=options.start, rates=RATES.scaled(options.rate_scale))
    save_weights(train_landmark_net(options.run, settings, pace), options.out)
    print(options.out)


def run_evaluate(options: argparse.Namespace) -> None:
    """Print the error on held-out puppets, or on drawings that were marked by hand."""
    if options.art:
        print_art_figures(options.art)
        return
    figures = measure_landmark_net(LandmarkNet.load(), options.count)
    print(f"landmark net on {options.count} held-out puppets, in eye distances")
    print(f"  {'all':12} {figures.error:.2%}, median {figures.median:.2%}")
    print(f"  {'inner':12} {figures.inner_error:.2%}: without the face's edge, which hair hides")
    for label, value in (figures.by_contour | figures.by_yaw).items():
        print(f"  {label:12} {value:.2%}")


def print_art_figures(folders: list[Path]) -> None:
    """Print a row for each style and reader: the network, and MediaPipe, which knows people."""
    sets, people = read_marks(), StillFaces()
    try:
        rows = [
            (folder.resolve().name, name, measure_art(folder, reader, sets))
            for folder in folders
            for name, reader in (("landmark net", LandmarkNet.load()), ("mediapipe", people))
        ]
    except PackError as error:
        raise SystemExit(f"evaluate: {error}") from error
    finally:
        people.close()
    parts = list(rows[0][2].by_part)
    print("| style | reader | found | error | median | " + " | ".join(parts) + " |")
    print("|---|---|---|---|---|" + "---|" * len(parts))
    for style, reader, figures in rows:
        shares = [figures.error, figures.median, *figures.by_part.values()]
        cells = " | ".join("-" if np.isnan(share) else f"{share:.1%}" for share in shares)
        print(f"| {style} | {reader} | {figures.num_found} of {figures.num_drawings} | {cells} |")


def run_sheet(options: argparse.Namespace) -> None:
    """Draw the found points over pictures, on grey, scaled to 256 px."""
    pictures = [_read_on_grey(path) for path in options.pictures]
    found = LandmarkNet.load().predict(np.stack(pictures))
    rows = []
    for picture, points, visibility in zip(pictures, found.points, found.visibility, strict=True):
        drawn = draw_control_frame(points, visibility)
        rows.append(np.concatenate([picture, np.where(drawn.any(axis=-1, keepdims=True), drawn, picture // 2)], axis=0))
    cv2.imwrite(str(options.out), np.concatenate(rows, axis=1)[..., ::-1])
    print(options.out)


def _read_on_grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3:
        raise SystemExit(f"{path}: no colour picture")
    size = 256 / max(picture.shape[:2])
    rgb = composite_over_grey(
        cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    )
    out = np.full((256, 256, 3), 0.5)
    small = cv2.resize(rgb, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)[:256, :256]
    out[: small.shape[0], : small.shape[1]] = small
    return np.rint(out * 255).astype(np.uint8)


if __name__ == "__main__":
    main()
