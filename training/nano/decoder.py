"""Teach nano's decoder what the flow answers: latents softer than those of drawings, on which alone it was trained.

In: a trained flow with its autoencoder. Out: a checkpoint folder, and that autoencoder with another decoder; latents,
and so what the flow has learned, stay as they are.
Each step renders drawings from their captions and control pictures, in 1 and in 4 steps by turns, and compares what is
decoded with the drawings themselves. Crops of the autoencoder's own pictures hold what it must carry besides: other
people's art. Units that the autoencoder's training has silenced begin anew.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from perfkit.inference.engines.nano_autoencoder import NanoAutoencoder, ResidualBlock
from perfkit.inference.engines.nano_model import (
    LATENT_CHANNELS,
    LATENT_PX,
    NanoModels,
    control_residuals,
    control_tensor,
    encode_text,
    sample_latents,
    tensor_from_rgba,
)
from perfkit.training.nano.autoencoder import RATES as AUTOENCODER_RATES
from perfkit.training.nano.autoencoder import measure_reconstruction
from perfkit.training.nano.pictures import make_crops, make_example, make_picture
from perfkit.training.optimise.checkpoint import TrainingState, read_counters, use_averages
from perfkit.training.optimise.descent import Rates, descend, make_state
from perfkit.training.optimise.loop import DEFAULT_PACE, Pace, run_steps
from perfkit.training.optimise.parallel import worker_numbers, worker_rows
from perfkit.training.optimise.precision import low_precision
from perfkit.training.optimise.schedule import cosine_scale
from perfkit.training.picture_loss import compare_pictures

RENDER_STEPS = (1, 4)
NUM_LISTENED = 32
RATES = AUTOENCODER_RATES.scaled(0.5)


@dataclass(frozen=True)
class DecoderSettings:
    """Everything that changes the trained decoder.

    Attributes:
        images: Length of the schedule, in drawings.
        batch: Drawings a step.
        crops: Crops a step beside them.
        crop_px: Their side.
        crop_weight: Of their loss.
        rates: At the height of the schedule.
        warmup_steps: Length of the rates' rise.
        final_scale: Where they end.
        seed: Key of all randomness.
    """

    images: int = 40_000
    batch: int = 8
    crops: int = 8
    crop_px: int = 128
    crop_weight: float = 1.0
    rates: Rates = RATES
    warmup_steps: int = 50
    final_scale: float = 0.02
    seed: int = 1

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.images // self.batch


def train_decoder(models: NanoModels, folder: Path, settings: DecoderSettings, pace: Pace = DEFAULT_PACE) -> None:
    """Train to the end of the schedule or of the pace's time, resuming what `folder` holds.

    The averaged weights become those of `models.vae`'s decoder.
    """
    if not read_counters(folder).step:
        revive_units(models.vae, settings.seed)
    state = make_decoder_state(models.vae, settings)
    run_steps(
        state,
        folder,
        lambda step: _take_step(models, state, step, settings),
        num_steps=(settings.steps, settings.batch),
        pace=pace,
    )
    use_averages(state)


def make_decoder_state(vae: NanoAutoencoder, settings: DecoderSettings) -> TrainingState:
    """Return the state of the decoder's training as it begins from the weights that it has."""
    return make_state({"decoder": vae.decoder.train()}, settings.rates)


@torch.no_grad()
def revive_units(vae: NanoAutoencoder, seed: int) -> int:
    """Give units of the decoder that never fire new weights before them, and zeros behind: no picture changes by it.

    Returns:
        How many they were.
    """
    pictures = np.stack([make_picture(index, seed) for index in range(NUM_LISTENED)])
    num_revived = 0
    generator = torch.Generator().manual_seed(seed)
    x_BChw = vae.to_raw(vae.encode(tensor_from_rgba(pictures).to(vae.device)).latents)
    for layer in vae.decoder:
        if isinstance(layer, ResidualBlock):
            is_silent = (layer.conv1(torch.relu(x_BChw)) <= 0).all(dim=(0, 2, 3))
            layer.revive(is_silent, generator)
            num_revived += int(is_silent.sum())
        x_BChw = layer(x_BChw)
    return num_revived


def _take_step(models: NanoModels, state: TrainingState, step: int, settings: DecoderSettings) -> Tensor:
    loss = _measure_renders(models, step, settings) + settings.crop_weight * _measure_crops(models, step, settings)
    scale = cosine_scale(
        step, num_steps=settings.steps, warmup_steps=settings.warmup_steps, final_scale=settings.final_scale
    )
    return descend(state, loss, step, average_decay=settings.rates.average_decay, scale=scale)


def _measure_renders(models: NanoModels, step: int, settings: DecoderSettings) -> Tensor:
    """Return how far the step's renders are from the drawings, in colour and in alpha."""
    device = models.vae.device
    shape = (settings.batch, LATENT_CHANNELS, LATENT_PX, LATENT_PX)
    noise = np.random.default_rng([settings.seed, step, 3]).standard_normal(shape, dtype=np.float32)
    noise = noise[worker_rows(settings.batch)]
    examples = [make_example(index, settings.seed) for index in worker_numbers(step, settings.batch)]
    controls = np.stack([example.control_rgb() for example in examples])
    with low_precision(device):
        with torch.no_grad():
            text = encode_text(models, [example.caption for example in examples])
            residuals = control_residuals(models, control_tensor(controls).to(device), text)
            num_steps = RENDER_STEPS[step % len(RENDER_STEPS)]
            answers = sample_latents(models, torch.from_numpy(noise).to(device), text, residuals, num_steps=num_steps)
        pictures = models.vae.decode(answers).sample.float()
    drawings = tensor_from_rgba(np.stack([example.drawing.rgba for example in examples])).to(device)
    return compare_pictures(pictures, drawings) + (pictures - drawings)[:, 3].abs().mean()


def _measure_crops(models: NanoModels, step: int, settings: DecoderSettings) -> Tensor:
    """Return the autoencoder's loss over the step's crops."""
    numbers = worker_numbers(step, settings.crops)
    crops = make_crops(numbers.start, numbers.stop, seed=settings.seed, size=settings.crop_px)
    target = tensor_from_rgba(crops).to(models.vae.device, memory_format=torch.channels_last)
    with low_precision(models.vae.device):
        with torch.no_grad():
            latents = models.vae.encode(target).latents
        output = models.vae.decode(latents).sample.float()
    return measure_reconstruction(output, target)
