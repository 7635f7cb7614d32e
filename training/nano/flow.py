"""Train nano's UNet, ControlNet and text encoder together, from scratch, as a rectified flow over cached latents.

In: latents.ShardStore. Out: a checkpoint folder that resumes exactly, and `NanoModels` with averaged weights.
Source: Liu et al. 2022 (arXiv:2209.03003); logit-normal times after Esser et al. 2024 (arXiv:2403.03206), with most of
the batch at t = 1: there the first and, in one-step use, only network evaluation happens, and there alone caption and
control must be read, for at smaller t the noisy latents still show colours and shapes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import NanoModels, control_residuals
from perfkit.training.flow_loss import FlowRows, flow_loss, roll_out
from perfkit.training.nano.batches import BatchMaker, FlowBatch
from perfkit.training.nano.flow_settings import FlowSettings
from perfkit.training.nano.latents import ShardStore
from perfkit.training.nano.resident import open_resident_batches
from perfkit.training.optimise.checkpoint import TrainingState, use_averages
from perfkit.training.optimise.descent import descend, make_state
from perfkit.training.optimise.loop import DEFAULT_PACE, Pace, run_steps
from perfkit.training.optimise.precision import low_precision
from perfkit.training.picture_loss import measure_picture_loss

TRAINED = ("unet", "controlnet", "text_encoder")
RESIDENT_BYTES = 24 * 2**30
"""Memory of a GPU from which on the drawings are held there."""


@contextmanager
def open_batches(store: ShardStore, settings: FlowSettings) -> Iterator[Callable[[int], FlowBatch]]:
    """Yield what makes the batch of a step: in a large GPU's memory, else on the processor."""
    device = store.vae.device
    if device.type != "cuda" or torch.cuda.get_device_properties(device).total_memory < RESIDENT_BYTES:
        yield BatchMaker(store, settings).make_batch
        return
    with open_resident_batches(store, settings, num_drawers=max(1, (os.cpu_count() or 1) - 1)) as batches:
        yield batches.make_batch


def measure_loss(models: NanoModels, batch: FlowBatch, settings: FlowSettings) -> Tensor:
    """Return the flow's loss over the batch, and that of the pictures that the answers are."""
    device = models.unet.device
    with low_precision(device):
        text = models.text_encoder(batch.tokens_BL.to(device)).last_hidden_state
        residuals = control_residuals(models, batch.control_BCHW.to(device), text)
        latents, noise, t, is_rolled_out = (
            x.to(device) for x in (batch.latents_BChw, batch.noise_BChw, batch.t_B, batch.is_rolled_out_B)
        )
        rows = roll_out(models, FlowRows(latents, noise, t, latents), is_rolled_out, text, residuals)
        loss, answer = flow_loss(models, rows, text, residuals)
    look = (..., *batch.window)
    return loss + settings.picture_weight * measure_picture_loss(models.vae, answer[look], latents[look])


def train_flow(
    models: NanoModels, store: ShardStore, folder: Path, settings: FlowSettings, pace: Pace = DEFAULT_PACE
) -> NanoModels:
    """Train to the end of the schedule or of the pace's time, resuming what `folder` holds; return averaged weights."""
    state = make_flow_state(models, settings)
    models.vae.requires_grad_(False)
    with open_batches(store, settings) as make_batch:

        def take_step(step: int) -> Tensor:
            loss = measure_loss(models, make_batch(step), settings)
            scale = settings.scale_at(step)
            return descend(state, loss, step, average_decay=settings.rates.average_decay, scale=scale)

        run_steps(state, folder, take_step, num_steps=(settings.steps, settings.batch), pace=pace)
    use_averages(state)
    return models


def make_flow_state(models: NanoModels, settings: FlowSettings) -> TrainingState:
    """Return the state of the networks' training as it begins from the weights that they have."""
    networks = {name: getattr(models, name).train() for name in TRAINED}
    for network in networks.values():
        network.to(memory_format=torch.channels_last)
    return make_state(networks, settings.rates)
