"""Train nano's autoencoder on crops of drawings, then measure the latents' mean and deviation.

In: pictures.make_crops. Out: a checkpoint folder, and the vae/ folder of the base.
Loss: L1 + 4 MSE on premultiplied RGBA, L1 on its gradients (lines), a weak pull of the latents to unit size; noise of
`latent_noise` deviations on the latents makes the decoder forgiving of what the diffusion will be unsure of.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import NanoAutoencoder, tensor_from_rgba
from perfkit.training.nano.pictures import make_crops, make_picture
from perfkit.training.optimise.checkpoint import TrainingState, use_averages
from perfkit.training.optimise.descent import Rates, descend, make_state
from perfkit.training.optimise.loop import DEFAULT_PACE, Pace, run_steps
from perfkit.training.optimise.parallel import worker_numbers, worker_rows
from perfkit.training.optimise.schedule import cosine_scale

RATES = Rates(matrices=0.015, others=1e-3, average_decay=0.995)
NUM_SENSED = 6


@dataclass(frozen=True)
class AutoencoderSettings:
    """Everything that changes the trained autoencoder."""

    steps: int = 3_600
    batch: int = 16
    crop_px: int = 128
    rates: Rates = RATES
    final_scale: float = 0.02
    warmup_steps: int = 50
    latent_noise: float = 0.05
    seed: int = 0


def measure_reconstruction(output: Tensor, target: Tensor) -> Tensor:
    """Return the part of the module's loss that compares pictures, a scalar."""
    difference = output - target
    rows = (difference[:, :, 1:] - difference[:, :, :-1]).abs().mean()
    columns = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    return difference.abs().mean() + 4 * difference.square().mean() + rows + columns


def _measure_size(latents: Tensor) -> Tensor:
    """Return how far the channels' sizes are from one, a scalar."""
    return latents.square().mean(dim=(0, 2, 3)).clamp_min(1e-6).log().square().mean()


def train_autoencoder(folder: Path, settings: AutoencoderSettings, pace: Pace = DEFAULT_PACE) -> NanoAutoencoder:
    """Train to the end of the schedule or of the pace's time, resuming what `folder` holds; return averaged weights."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(settings.seed)
    network = NanoAutoencoder().to(device, memory_format=torch.channels_last).train()
    state = make_state({"vae": network}, settings.rates)
    run_steps(
        state,
        folder,
        lambda step: _take_step(state, step, settings),
        num_steps=(settings.steps, settings.batch),
        pace=pace,
    )
    use_averages(state)
    return network


def _take_step(state: TrainingState, step: int, settings: AutoencoderSettings) -> Tensor:
    network = state.networks["vae"]
    assert isinstance(network, NanoAutoencoder)
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    rows, numbers = worker_rows(settings.batch), worker_numbers(step, settings.batch)
    crops = make_crops(numbers.start, numbers.stop, seed=settings.seed, size=settings.crop_px)
    target = tensor_from_rgba(crops).to(network.device, memory_format=torch.channels_last)
    latents = network.encoder(target)
    noise = torch.randn((settings.batch, *latents.shape[1:]), generator=generator)[rows].to(latents.device)
    output = network.decoder(latents + settings.latent_noise * latents.detach().std() * noise)
    loss = measure_reconstruction(output, target) + 1e-3 * _measure_size(latents)
    scale = cosine_scale(
        step, num_steps=settings.steps, warmup_steps=settings.warmup_steps, final_scale=settings.final_scale
    )
    return descend(state, loss, step, average_decay=settings.rates.average_decay, scale=scale)


@torch.no_grad()
def fit_latent_basis(network: NanoAutoencoder, num_pictures: int = 256) -> None:
    """Set the network's mean and basis from `num_pictures` drawings; its pictures stay as they are.

    With S the decoder's sensitivity, the basis is S^(1/4): halfway, in the logarithm, between latents as they come and
    latents whose differences are differences of the picture.
    """
    raw = torch.cat(
        [
            network.encoder(tensor_from_rgba(make_picture(index, seed=77)[None]).to(network.device))
            for index in range(num_pictures)
        ]
    )
    mean = raw.mean(dim=(0, 2, 3))
    shares, directions = torch.linalg.eigh(measure_sensitivity(network, raw[:NUM_SENSED]))
    basis = (directions * shares.clamp_min(1e-6) ** 0.25) @ directions.T
    variance = torch.einsum("ij,bjhw->bihw", basis, raw - mean.view(1, -1, 1, 1)).var(dim=(0, 2, 3)).mean()
    basis = basis / variance.sqrt()
    network.mean.copy_(mean)
    network.basis.copy_(basis)
    network.inverse_basis.copy_(torch.linalg.inv(basis))


@torch.no_grad()
def measure_sensitivity(network: NanoAutoencoder, raw_BChw: Tensor, *, step: float = 0.1) -> Tensor:
    """Return the (48, 48) mean of J^T J at one place, J the decoder's derivative of the picture by the raw latents.

    By differences: every channel is moved at every fourth place at once, far enough apart that answers hardly overlap.
    """
    places = torch.zeros_like(raw_BChw[:1, :1])
    places[..., 1::4, 1::4] = 1
    before = network.decoder(raw_BChw)
    answers = []
    for channel in range(raw_BChw.shape[1]):
        moved = raw_BChw.clone()
        moved[:, channel : channel + 1] += step * places
        answers.append(((network.decoder(moved) - before) / step).flatten())
    columns = torch.stack(answers)
    return columns @ columns.T / (places.sum() * len(raw_BChw))
