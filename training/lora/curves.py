"""The curves of a training: loss of every step, score on the held-out drawings; as a picture and for TensorBoard.

In: losses and scores. Out: train.png and, where the `tensorboard` package is installed, an event file, in one folder.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from perfkit.files import write_aside

_SMOOTH = 0.06
"""Share of the steps over which the drawn loss is averaged: single losses differ by their noise and times."""


def write_curves(
    folder: Path, *, title: str, losses: Sequence[float], scores: Sequence[tuple[int, float]], best_step: int
) -> Path:
    """Draw losses and scores to FOLDER/train.png; return its path.

    Args:
        folder: Made if it is not there.
        title: Heading.
        losses: One a step.
        scores: (steps done, PSNR in dB); may be empty.
        best_step: The step whose weights are kept.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title, fontsize=11)
    steps = np.arange(1, len(losses) + 1)
    above.plot(steps, losses, color="#b8c4d0", linewidth=0.8, label="each step")
    above.plot(steps, smooth(np.array(losses)), color="#1f5f8b", linewidth=1.8, label="smoothed")
    above.set_ylabel("loss")
    above.legend(frameon=False, fontsize=8)
    if scores:
        below.plot(*zip(*scores, strict=True), color="#c2571a", marker="o", markersize=4)
        below.axvline(best_step, color="#888888", linestyle=":", linewidth=1)
        below.set_title(f"kept: step {best_step}", loc="right", fontsize=8, color="#888888")
    else:
        below.text(0.5, 0.5, "too few drawings to hold any out", transform=below.transAxes, ha="center")
    below.set_ylabel("held-out PSNR, dB")
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    path = folder / "train.png"
    with write_aside(path) as aside:
        figure.savefig(aside, dpi=110)
    return path


def smooth(losses: np.ndarray) -> np.ndarray:
    """Return the mean over a window around each step; at both ends the window is cut, not filled."""
    reach = max(1, round(len(losses) * _SMOOTH / 2))
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    index = np.arange(len(losses))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(losses))
    return (sums[high] - sums[low]) / (high - low)


def write_events(folder: Path, *, losses: Sequence[float], scores: Sequence[tuple[int, float]]) -> bool:
    """Write the same numbers for TensorBoard, in place of older ones; False where its package is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from torch.utils.tensorboard import SummaryWriter

    for stale in folder.glob("events.out.tfevents.*"):
        stale.unlink()
    with SummaryWriter(str(folder)) as writer:
        for step, loss in enumerate(losses, start=1):
            writer.add_scalar("train/loss", loss, step)
        for step, score in scores:
            writer.add_scalar("held_out/psnr_db", score, step)
    return True
