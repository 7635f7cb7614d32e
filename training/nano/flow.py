"""Train nano's UNet, ControlNet and text encoder together, from scratch, as a rectified flow over cached latents.

In: latents.ShardStore. Out: a checkpoint folder that resumes exactly, and `NanoModels` with averaged weights.
Source: Liu et al. 2022 (arXiv:2209.03003); logit-normal times after Esser et al. 2024 (arXiv:2403.03206), with most of
the batch at t = 1: there the first and, in one-step use, only network evaluation happens, and there alone caption and
control must be read, for at smaller t the noisy latents still show colours and shapes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import (
    LATENT_CHANNELS,
    LATENT_PX,
    NanoModels,
    control_residuals,
    control_tensor,
    flow_loss,
)
from perfkit.training.nano.latents import SHARD_SIZE, Shard, ShardStore
from perfkit.training.optimise.checkpoint import TrainingState
from perfkit.training.optimise.descent import Rates, descend, make_state
from perfkit.training.optimise.loop import DEFAULT_PACE, Pace, run_steps
from perfkit.training.optimise.parallel import agree, worker_count, worker_index, worker_rows
from perfkit.training.optimise.precision import low_precision
from perfkit.training.optimise.schedule import trapezoid_scale

RATES = Rates(matrices=0.015, embeddings=1e-2, others=1e-3, average_decay=0.997)
TRAINED = ("unet", "controlnet", "text_encoder")


@dataclass(frozen=True)
class FlowSettings:
    """Everything that changes the trained networks."""

    images: int = 300_000
    batch: int = 64
    rates: Rates = RATES
    cooldown: float = 0.3
    final_scale: float = 0.02
    warmup_steps: int = 100
    caption_drop: float = 0.05
    control_drop: float = 0.05
    full_noise_share: float = 0.6
    reuse: int = 4
    pool_shards: int = 64
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.images // self.batch


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """One step's inputs: latents, tokens and control pictures, with captions and controls dropped already."""

    latents_BChw: Tensor
    tokens_BL: Tensor
    control_BCHW: Tensor
    noise_BChw: Tensor
    t_B: Tensor


def scale_at(step: int, settings: FlowSettings) -> float:
    """Return the part of the full rates at a step."""
    return trapezoid_scale(
        step,
        num_steps=settings.steps,
        warmup_steps=settings.warmup_steps,
        cooldown=settings.cooldown,
        final_scale=settings.final_scale,
    )


class BatchMaker:
    """Assembles the batch of any step; holds the shards of that step's pool.

    The pool of drawings moves on with the steps, two shards at a time, so that each is seen about `reuse` times; a
    step always sees the same batch.
    """

    def __init__(self, store: ShardStore, settings: FlowSettings) -> None:
        self.store, self.settings = store, settings
        self.shards: dict[int, Shard] = {}
        self.pool = range(0)

    def make_batch(self, step: int) -> FlowBatch:
        """Return this worker's rows of step's batch, on the CPU."""
        settings = self.settings
        rng = np.random.default_rng([settings.seed, step, 3])
        last = 2 + 2 * (step * settings.batch // (2 * settings.reuse * SHARD_SIZE))
        self._move_pool(range(max(0, last - settings.pool_shards), last))
        picks = [
            (int(rng.integers(self.pool.start, self.pool.stop)), int(rng.integers(SHARD_SIZE)))
            for _ in range(settings.batch)
        ]
        times = 1 / (1 + np.exp(-rng.standard_normal(settings.batch)))
        times[rng.random(settings.batch) < settings.full_noise_share] = 1.0
        drops = rng.random((2, settings.batch)) < np.array([[settings.caption_drop], [settings.control_drop]])
        noise = rng.standard_normal((settings.batch, LATENT_CHANNELS, LATENT_PX, LATENT_PX), dtype=np.float32)
        mine = worker_rows(settings.batch)
        rows = [(self._shard(number), index) for number, index in picks[mine]]
        latents = torch.from_numpy(np.stack([shard.latents[index] for shard, index in rows]).astype(np.float32))
        tokens = np.stack([shard.tokens[index] for shard, index in rows])
        control = control_tensor(np.stack([shard.control_rgb(index) for shard, index in rows]))
        tokens[drops[0, mine]] = 0
        control[torch.from_numpy(drops[1, mine])] = 0
        return FlowBatch(
            latents,
            torch.from_numpy(tokens),
            control,
            torch.from_numpy(noise[mine]),
            torch.from_numpy(times[mine].astype(np.float32)),
        )

    def _move_pool(self, pool: range) -> None:
        """Make the shards that the pool gains, each by one of the workers; forget those that it leaves behind."""
        if pool == self.pool:
            return
        for number in pool[worker_index() :: worker_count()]:
            self.store.make(number)
        agree(True)
        self.pool = pool
        self.shards = {number: shard for number, shard in self.shards.items() if number in pool}

    def _shard(self, number: int) -> Shard:
        if number not in self.shards:
            self.shards[number] = self.store.read(number)
        return self.shards[number]


def measure_loss(models: NanoModels, batch: FlowBatch) -> Tensor:
    """Return the flow's loss over the batch."""
    device = models.unet.device
    with low_precision(device):
        text = models.text_encoder(batch.tokens_BL.to(device)).last_hidden_state
        residuals = control_residuals(models, batch.control_BCHW.to(device), text)
        clean, noise, t_B = (x.to(device) for x in (batch.latents_BChw, batch.noise_BChw, batch.t_B))
        return flow_loss(models, clean, noise, t_B, text, residuals)


def train_flow(
    models: NanoModels, store: ShardStore, folder: Path, settings: FlowSettings, pace: Pace = DEFAULT_PACE
) -> NanoModels:
    """Train to the end of the schedule or of the pace's time, resuming what `folder` holds; return averaged weights."""
    state, maker = make_flow_state(models, settings), BatchMaker(store, settings)

    def take_step(step: int) -> float:
        loss = measure_loss(models, maker.make_batch(step))
        return descend(state, loss, step, average_decay=settings.rates.average_decay, scale=scale_at(step, settings))

    run_steps(state, folder, take_step, num_steps=(settings.steps, settings.batch), pace=pace)
    for name, network in state.networks.items():
        network.load_state_dict(state.averages[name], strict=False)
        network.eval()
    return models


def make_flow_state(models: NanoModels, settings: FlowSettings) -> TrainingState:
    """Return the state of the networks' training as it begins from the weights that they have."""
    networks = {name: getattr(models, name).train() for name in TRAINED}
    for network in networks.values():
        network.to(memory_format=torch.channels_last)
    return make_state(networks, settings.rates)
