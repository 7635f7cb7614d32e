"""What a training leaves to look at: loss and rate of every step, score and renders of the held-out drawings.

In: `Curves`. Out: train.png and, where the `tensorboard` package is installed, an event file, in one folder.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from perfkit.files import write_aside

_SMOOTH = 0.06
"""Share of the steps over which the drawn loss is averaged: single losses differ by their noise and times."""


@dataclass(frozen=True, eq=False)
class Curves:
    """A training's numbers and pictures.

    Attributes:
        losses: One a step.
        rates: Learning rate of each step.
        best_step: The step whose weights are kept.
        scores: (steps done, PSNR in dB); may be empty.
        samples: (S, H, W, 3) uint8 renders of held-out drawings, at each score.
        drawings: (S, H, W, 3) uint8: what they should be; None where none are held out.
    """

    losses: Sequence[float]
    rates: Sequence[float]
    best_step: int
    scores: Sequence[tuple[int, float]] = ()
    samples: Sequence[np.ndarray] = field(default_factory=list)
    drawings: np.ndarray | None = None


def write_curves(folder: Path, curves: Curves, *, title: str) -> Path:
    """Draw curves and sample pictures to FOLDER/train.png; return its path.

    Args:
        folder: Made if it is not there.
        curves: What happened.
        title: Heading.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    has_samples = curves.drawings is not None and len(curves.samples) > 0
    figure: Any = Figure(figsize=(9, 9.4 if has_samples else 5.2), layout="constrained", facecolor="#f7f6f3")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12, x=0.02, ha="left", color="#26282c")
    plots = figure
    if has_samples:
        plots, pictures = figure.subfigures(2, 1, height_ratios=(5.2, 4.2))
        pictures.set_facecolor("#f7f6f3")
        _draw_samples(pictures, curves)
    plots.set_facecolor("#f7f6f3")
    above, below = plots.subplots(2, 1, sharex=True)
    _draw_loss(above, curves)
    _draw_scores(below, curves)
    for axes in (above, below):
        axes.set_facecolor("#f7f6f3")
        axes.grid(color="#e2e0da", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    path = folder / "train.png"
    with write_aside(path) as aside:
        figure.savefig(aside, dpi=110)
    return path


def _draw_loss(axes: Any, curves: Curves) -> None:
    steps = np.arange(1, len(curves.losses) + 1)
    axes.plot(steps, curves.losses, color="#c3cdd6", linewidth=0.8, label="loss of each step")
    axes.plot(steps, smooth(np.array(curves.losses)), color="#1f5f8b", linewidth=1.8, label="smoothed")
    axes.set_ylabel("loss")
    rate = axes.twinx()
    rate.plot(steps, curves.rates, color="#8a8b8f", linewidth=1, linestyle="--", label="learning rate (right)")
    rate.set_ylim(bottom=0)
    rate.tick_params(labelsize=7, colors="#8a8b8f")
    rate.spines[["top", "right", "left"]].set_visible(False)
    lines = [*axes.get_legend_handles_labels()[0], *rate.get_legend_handles_labels()[0]]
    axes.legend(handles=lines, frameon=False, fontsize=8, loc="upper right")


def _draw_scores(axes: Any, curves: Curves) -> None:
    if curves.scores:
        axes.plot(*zip(*curves.scores, strict=True), color="#c2571a", marker="o", markersize=4)
        axes.axvline(curves.best_step, color="#888888", linestyle=":", linewidth=1)
        axes.set_title(f"kept: step {curves.best_step}", loc="right", fontsize=8, color="#888888")
    else:
        axes.text(0.5, 0.5, "too few drawings to hold any out", transform=axes.transAxes, ha="center")
    axes.set_ylabel("held-out PSNR, dB")
    axes.set_xlabel("step")


def _draw_samples(figure: Any, curves: Curves) -> None:
    """Draw rows: the held-out drawings, their first renders, those of the weights that are kept."""
    assert curves.drawings is not None
    steps = [step for step, _ in curves.scores]
    rows = [("drawing", curves.drawings)]
    for step in sorted({steps[0], curves.best_step}):
        rows.append((f"step {step}", curves.samples[steps.index(step)]))
    for axes, (label, pictures) in zip(figure.subplots(len(rows), 1), rows, strict=True):
        axes.imshow(np.concatenate(list(pictures), axis=1), interpolation="lanczos")
        axes.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)


def smooth(losses: np.ndarray) -> np.ndarray:
    """Return the mean over a window around each step; at both ends the window is cut, not filled."""
    reach = max(1, round(len(losses) * _SMOOTH / 2))
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    index = np.arange(len(losses))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(losses))
    return (sums[high] - sums[low]) / (high - low)


def write_events(folder: Path, curves: Curves) -> bool:
    """Write the same for TensorBoard, in place of older events; False where its package is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from torch.utils.tensorboard import SummaryWriter

    for stale in folder.glob("events.out.tfevents.*"):
        stale.unlink()
    with SummaryWriter(str(folder)) as writer:
        for step, (loss, rate) in enumerate(zip(curves.losses, curves.rates, strict=True), start=1):
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("train/rate", rate, step)
        if curves.drawings is not None:
            writer.add_image("held_out/drawings", _strip(curves.drawings), 0, dataformats="HWC")
        for (step, score), samples in zip(curves.scores, curves.samples, strict=True):
            writer.add_scalar("held_out/psnr_db", score, step)
            writer.add_image("held_out/renders", _strip(samples), step, dataformats="HWC")
    return True


def _strip(pictures: np.ndarray) -> np.ndarray:
    return np.concatenate(list(pictures), axis=1)
