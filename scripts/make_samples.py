"""Draw, train and measure the sample characters.

python scripts/make_samples.py draw | train | evaluate [NAME ...]      without a name: all of them
"""

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress

from perfkit.pack import load_pack
from perfkit.training.evaluate import UNSEEN_SEED, evaluate_character, write_sheet
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.landmark_net.net import WEIGHTS_PATH
from perfkit.training.lora import LoraSettings, TrainOptions, train_character
from perfkit.training.sample_characters import SAMPLE_CHARACTERS, draw_pack, iterate_takes

PACKS = Path(__file__).resolve().parent.parent / "samples" / "characters"


def main() -> None:
    """Parse and act."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("draw", "train", "evaluate"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SAMPLE_CHARACTERS))
    parser.add_argument("--steps", type=int, default=LoraSettings.steps)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=24, help="unseen performances to measure")
    parser.add_argument("--sheets", type=Path, default=Path("out"), help="folder for evaluation sheets")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(SAMPLE_CHARACTERS))
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; known: {', '.join(SAMPLE_CHARACTERS)}")
    torch.set_num_threads(options.threads)
    for name in options.names or SAMPLE_CHARACTERS:
        {"draw": run_draw, "train": run_train, "evaluate": run_evaluate}[options.verb](name, options)


def run_draw(name: str, _: argparse.Namespace) -> None:
    """Draw a pack anew."""
    print(draw_pack(name, PACKS / name).folder)


def run_train(name: str, options: argparse.Namespace) -> None:
    """Train a pack's adapter on the embedded base."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=options.steps)
        print(
            train_character(
                PACKS / name,
                LoraSettings(steps=options.steps),
                TrainOptions(on_progress=lambda done, total: progress.update(task, completed=done, total=total)),
            )
        )


def run_evaluate(name: str, options: argparse.Namespace) -> None:
    """Measure a pack's adapter and draw a sheet."""
    takes = list(iterate_takes(SAMPLE_CHARACTERS[name], count=options.count, seed=UNSEEN_SEED))
    net = LandmarkNet.load() if WEIGHTS_PATH.is_file() else None
    evaluation = evaluate_character(load_pack(PACKS / name), takes, net=net)
    for column, figures in evaluation.figures.items():
        print(
            f"{name:8} {column:20} PSNR {figures.psnr_db:6.2f} dB   SSIM {figures.ssim:.3f}   "
            f"landmarks {figures.landmark_error:.1%} of the eye distance"
        )
    write_sheet(evaluation, options.sheets / f"{name}.png")
    print(options.sheets / f"{name}.png")


if __name__ == "__main__":
    main()
