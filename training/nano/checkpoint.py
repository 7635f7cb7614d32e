"""Checkpoints that resume exactly: safetensors for tensors, JSON for counters, written aside and renamed.

Randomness is not stored: every step draws from a generator keyed by (seed, step).
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@dataclass(frozen=True)
class TrainingState:
    """All that an interrupted training needs: networks and optimisers by name, and the networks' moving averages."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    averages: dict[str, dict[str, Tensor]]


def make_averages(networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    """Start exponential moving averages at the networks' present weights."""
    return {name: {k: v.detach().clone() for k, v in net.named_parameters()} for name, net in networks.items()}


@torch.no_grad()
def update_averages(state: TrainingState, decay: float) -> None:
    """Move every average towards its weight: a <- decay a + (1 - decay) w."""
    for name, network in state.networks.items():
        weights = dict(network.named_parameters())
        keys = list(weights)
        torch._foreach_lerp_([state.averages[name][k] for k in keys], [weights[k].detach() for k in keys], 1 - decay)


def save_checkpoint(state: TrainingState, folder: Path, *, step: int, log: dict[str, list[float]]) -> None:
    """Write the state beside `folder`, then put it in its place."""
    aside = folder.with_name(folder.name + ".aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, network in state.networks.items():
        save_file({k: v.contiguous() for k, v in network.named_parameters()}, aside / f"{name}.safetensors")
        save_file({k: v.contiguous() for k, v in state.averages[name].items()}, aside / f"{name}_average.safetensors")
    for name, optimizer in state.optimizers.items():
        moments = {
            f"{index}.{key}": value.contiguous()
            for index, entry in optimizer.state_dict()["state"].items()
            for key, value in entry.items()
        }
        save_file(moments, aside / f"{name}.safetensors")
    (aside / "state.json").write_text(json.dumps({"step": step, "log": log}))
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(state: TrainingState, folder: Path) -> tuple[int, dict[str, list[float]]]:
    """Put a checkpoint's tensors into `state`; return (step, log). An absent folder is step 0 with an empty log."""
    source = folder if folder.exists() else folder.with_name(folder.name + ".old")
    if not (source / "state.json").exists():
        return 0, {}
    for name, network in state.networks.items():
        _copy_into(dict(network.named_parameters()), load_file(source / f"{name}.safetensors"))
        _copy_into(state.averages[name], load_file(source / f"{name}_average.safetensors"))
    for name, optimizer in state.optimizers.items():
        _load_moments(optimizer, load_file(source / f"{name}.safetensors"))
    counters = json.loads((source / "state.json").read_text())
    return counters["step"], counters["log"]


def read_step(folder: Path) -> int:
    """Return the step of the checkpoint in `folder`; 0 where there is none."""
    path = folder / "state.json"
    return int(json.loads(path.read_text())["step"]) if path.exists() else 0


@torch.no_grad()
def _copy_into(targets: dict[str, Tensor], sources: dict[str, Tensor]) -> None:
    assert targets.keys() == sources.keys()
    for key, target in targets.items():
        target.copy_(sources[key])


def _load_moments(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
