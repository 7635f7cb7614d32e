"""Draw, train and measure the sample characters.

python scripts/make_samples.py draw | train | evaluate [NAME ...]      without a name: all of them
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from perfkit.training.acceptance import evaluate_character
from perfkit.training.lora import TrainOptions, count_useful_workers, make_recipe, train_character
from perfkit.training.sample_characters import SAMPLE_CHARACTERS, draw_pack

PACKS = Path(__file__).resolve().parent.parent / "samples" / "characters"


def main() -> None:
    """Parse and act."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("draw", "train", "evaluate"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SAMPLE_CHARACTERS))
    parser.add_argument("--recipe", default="thorough", help="of training")
    parser.add_argument("-o", "--output", type=Path, default=Path("out"), help="folder for curves and reports")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(SAMPLE_CHARACTERS))
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; known: {', '.join(SAMPLE_CHARACTERS)}")
    for name in options.names or SAMPLE_CHARACTERS:
        {"draw": run_draw, "train": run_train, "evaluate": run_evaluate}[options.verb](name, options)


def run_draw(name: str, _: argparse.Namespace) -> None:
    """Draw a pack anew."""
    print(draw_pack(name, PACKS / name).folder)


def run_train(name: str, options: argparse.Namespace) -> None:
    """Train a pack's adapter on the embedded base."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None)
        train_options = TrainOptions(
            curves_folder=options.output / "training" / name,
            num_workers=count_useful_workers(),
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        print(train_character(PACKS / name, make_recipe(options.recipe), train_options))


def run_evaluate(name: str, options: argparse.Namespace) -> None:
    """Judge a pack's adapter by the drawings that it was not trained on."""
    verdict, page = evaluate_character(PACKS / name, options.output / "acceptance" / name)
    print(f"{name}: {verdict.word}, {verdict.psnr_db:.1f} dB, gap closed {verdict.gap_closed:.0%}")
    print(page)


if __name__ == "__main__":
    main()
