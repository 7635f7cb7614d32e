"""Checkpoints that resume exactly: safetensors for tensors, JSON for counters, written aside and renamed.

Randomness is not stored: every step draws from a generator keyed by (seed, step).
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from perfkit.errors import WeightsError


@dataclass(frozen=True)
class TrainingState:
    """All that an interrupted training needs: networks and optimisers by name, and the networks' moving averages."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    averages: dict[str, dict[str, Tensor]]


def make_averages(networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    """Start exponential moving averages at the networks' present weights."""
    return {name: {k: v.detach().clone() for k, v in net.state_dict().items()} for name, net in networks.items()}


@torch.no_grad()
def update_averages(state: TrainingState, decay: float) -> None:
    """Move every average towards its weight: a <- decay a + (1 - decay) w; counters are copied."""
    for name, network in state.networks.items():
        weights, averages = network.state_dict(), state.averages[name]
        moving = [key for key, weight in weights.items() if weight.is_floating_point()]
        torch._foreach_lerp_([averages[key] for key in moving], [weights[key] for key in moving], 1 - decay)
        for key in weights.keys() - set(moving):
            averages[key].copy_(weights[key])


def use_averages(state: TrainingState) -> None:
    """Give the networks their averaged weights, in evaluation mode: what a training is for."""
    for name, network in state.networks.items():
        network.load_state_dict(state.averages[name])
        network.eval()


def save_checkpoint(state: TrainingState, folder: Path, *, step: int, batch: int, log: dict[str, list[float]]) -> None:
    """Write the state after `step` steps of `batch` examples beside `folder`, then put it in its place."""
    aside = folder.with_name(folder.name + ".aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, network in state.networks.items():
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, aside / f"{name}.safetensors")
        save_file({k: v.contiguous() for k, v in state.averages[name].items()}, aside / f"{name}_average.safetensors")
    for name, optimizer in state.optimizers.items():
        moments = {
            f"{index}.{key}": value.contiguous()
            for index, entry in optimizer.state_dict()["state"].items()
            for key, value in entry.items()
        }
        save_file(moments, aside / f"{name}.safetensors")
    (aside / "state.json").write_text(json.dumps({"step": step, "batch": batch, "log": log}))
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(state: TrainingState, folder: Path) -> tuple[int, dict[str, list[float]]]:
    """Put a checkpoint's tensors into `state`; return (step, log). An absent folder is step 0 with an empty log.

    Raises:
        WeightsError: The checkpoint is damaged, or of other networks.
    """
    source = _find_checkpoint(folder)
    if not (source / "state.json").exists():
        return 0, {}
    try:
        for name, network in state.networks.items():
            _copy_into(network.state_dict(), load_file(source / f"{name}.safetensors"))
            _copy_into(state.averages[name], load_file(source / f"{name}_average.safetensors"))
        for name, optimizer in state.optimizers.items():
            _load_moments(optimizer, load_file(source / f"{name}.safetensors"))
        counters = json.loads((source / "state.json").read_text())
        return counters["step"], counters["log"]
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{source}: no checkpoint of this training ({reason}); delete it to begin anew") from error


@dataclass(frozen=True)
class Counters:
    """How far a training has come: its steps, and the examples of each."""

    step: int = 0
    batch: int = 0

    @property
    def examples(self) -> int:
        """Number of examples seen, were all steps of this size."""
        return self.step * self.batch


def read_counters(folder: Path) -> Counters:
    """Return how far the training behind the checkpoint in `folder` has come; zeros where there is none.

    Raises:
        WeightsError: Its counters cannot be read.
    """
    path = _find_checkpoint(folder) / "state.json"
    if not path.exists():
        return Counters()
    try:
        saved = json.loads(path.read_text())
        return Counters(saved["step"], saved["batch"])
    except (ValueError, KeyError) as error:
        raise WeightsError(f"{path}: lacks 'step' or 'batch'; delete {folder} to begin anew") from error


def _find_checkpoint(folder: Path) -> Path:
    """Return where the newest whole checkpoint lies: a save that was broken off may have moved the old one only."""
    return folder if folder.exists() else folder.with_name(folder.name + ".old")


def check_batch(folder: Path, batch: int) -> None:
    """Refuse to go on with a checkpoint in steps of another size: its step counter would mean something else.

    Raises:
        WeightsError: The checkpoint's steps have another batch.
    """
    trained = read_counters(folder).batch
    if trained not in (0, batch):
        raise WeightsError(f"{folder}: trained in batches of {trained}, got {batch}; go on with --batch {trained}")


@torch.no_grad()
def _copy_into(targets: dict[str, Tensor], sources: dict[str, Tensor]) -> None:
    if targets.keys() != sources.keys():
        raise ValueError(f"{len(sources)} tensors where the networks have {len(targets)}")
    for key, target in targets.items():
        target.copy_(sources[key])


def _load_moments(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
