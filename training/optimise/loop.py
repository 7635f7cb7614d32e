"""The loop around a training step: resume, progress, checkpoints, a stop after a given time, workers in step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from perfkit.training.optimise.checkpoint import TrainingState, check_batch, load_checkpoint, save_checkpoint
from perfkit.training.optimise.parallel import agree, worker_index


@dataclass(frozen=True)
class Pace:
    """When to stop, to tell and to save; nothing here changes a weight.

    Attributes:
        seconds: Stop after the step in which this time is up.
        on_progress: Called with (step, mean loss since the last call, examples per second).
        progress_steps: Steps between two calls.
        save_steps: Steps between two checkpoints.
    """

    seconds: float = float("inf")
    on_progress: Callable[[int, float, float], None] | None = None
    progress_steps: int = 50
    save_steps: int = 250


DEFAULT_PACE = Pace()


def run_steps(
    state: TrainingState, folder: Path, take_step: Callable[[int], Tensor], *, num_steps: tuple[int, int], pace: Pace
) -> None:
    """Take steps until the last one or until time is up, from where the checkpoint in `folder` stopped.

    Args:
        state: Networks, optimiser and averages; the checkpoint's values are put into it.
        folder: Checkpoint folder.
        take_step: Trains step number n and returns its loss, a scalar; must depend on n and the state alone.
        num_steps: Number of steps in all, and examples per step.
        pace: When to stop, tell and save.
    """
    last, batch = num_steps
    check_batch(folder, batch)
    first, log = load_checkpoint(state, folder)
    step, started, losses = first, time.monotonic(), []
    while step < last and agree(time.monotonic() - started < pace.seconds):
        losses.append(take_step(step))
        step += 1
        if step % pace.progress_steps == 0:
            log.setdefault("loss", []).append(float(torch.stack(losses).mean()))
            losses.clear()
            if pace.on_progress and worker_index() == 0:
                pace.on_progress(step, log["loss"][-1], (step - first) * batch / (time.monotonic() - started))
        if (step % pace.save_steps == 0 or step == last) and worker_index() == 0:
            save_checkpoint(state, folder, step=step, batch=batch, log=log)
    if step % pace.save_steps and step < last and worker_index() == 0:
        save_checkpoint(state, folder, step=step, batch=batch, log=log)
