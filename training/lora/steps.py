"""What the steps of a LoRA training show: which drawings, how noisy, and which go on from the network's own answer.

In: a generator keyed by (seed, step), the step before. Out: `StepPlan`.

    step n       row 3: a drawing at pure noise (t = 1)  --network--> an answer
    step n + 1   row 3: the same drawing and noise at t < 1, mixed with that answer instead of the drawing

Row 3 of the second step is what the second step of a render is, and its start has cost nothing: what the network
answered in the first was trained on there.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import LATENT_CHANNELS, LATENT_PX
from perfkit.training.lora.recipes import LoraSettings


@dataclass(frozen=True, eq=False)
class Carried:
    """What a step hands to the next, for each of B rows.

    Attributes:
        goes_on_B: bool, rows that were at pure noise.
        index_B: Which drawing.
        drops_caption_B: bool, told the trigger word alone.
        noise_BChw: Their noise.
        answer_BChw: Clean latents, as the network expected them.
    """

    goes_on_B: Tensor
    index_B: Tensor
    drops_caption_B: Tensor
    noise_BChw: Tensor
    answer_BChw: Tensor


def carry_nothing(batch_size: int) -> Carried:
    """Return what the first step is handed."""
    nothing = torch.zeros(batch_size, dtype=torch.bool)
    latents = torch.zeros(batch_size, LATENT_CHANNELS, LATENT_PX, LATENT_PX)
    return Carried(nothing, torch.zeros(batch_size, dtype=torch.int64), nothing, latents, latents)


@dataclass(frozen=True, eq=False)
class StepPlan:
    """What a step shows, B rows: of the character's set, then of the priors'.

    Attributes:
        is_prior_B: bool, of the priors' set.
        goes_on_B: bool, rows that start from the answer of the step before.
        index_B: Which drawing of its set.
        drops_caption_B: bool, told the trigger word alone.
        noise_BChw: Standard normal.
        t_B: In (0, 1].
    """

    is_prior_B: Tensor
    goes_on_B: Tensor
    index_B: Tensor
    drops_caption_B: Tensor
    noise_BChw: Tensor
    t_B: Tensor

    def carry(self, answer_BChw: Tensor) -> Carried:
        """Return what the next step is handed."""
        return Carried(self.t_B == 1, self.index_B, self.drops_caption_B, self.noise_BChw, answer_BChw)


def plan_step(
    generator: torch.Generator, settings: LoraSettings, num_choices: tuple[int, int], carried: Carried
) -> StepPlan:
    """Draw a step.

    Args:
        generator: Keyed by the step.
        settings: The recipe.
        num_choices: How many drawings there are: the character's, priors.
        carried: Of the step before.
    """
    batch = settings.batch_size

    def draw() -> Tensor:
        return torch.rand((batch,), generator=generator)

    is_prior = torch.arange(batch) >= batch - settings.num_prior_rows
    index = (draw() * torch.tensor(num_choices)[is_prior.long()]).long()
    drops_caption = (draw() < settings.caption_drop) & ~is_prior
    noise = torch.randn(carried.noise_BChw.shape, generator=generator)
    even = torch.sigmoid(torch.randn((batch,), generator=generator))
    time = settings.time_shift * even / (1 + (settings.time_shift - 1) * even)
    goes_on = carried.goes_on_B
    begins = (draw() < settings.full_noise_share) & ~goes_on
    return StepPlan(
        is_prior,
        goes_on,
        torch.where(goes_on, carried.index_B, index),
        torch.where(goes_on, carried.drops_caption_B, drops_caption),
        torch.where(goes_on.view(-1, 1, 1, 1), carried.noise_BChw, noise),
        torch.where(begins, torch.ones(()), time),
    )
