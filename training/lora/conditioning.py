"""What a training step needs, encoded once before the first step: latents, the ControlNet's residuals, text.

In: a pack, the base. Out: `TrainingRows`: the character's drawings, some of the base's own family, the bare trigger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from perfkit.errors import PackError
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import CANVAS_WH, NanoEngine
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.pack import CharacterPack
from perfkit.training.dataset import Placing, iterate_placed, premultiply
from perfkit.training.lora.recipes import LoraSettings
from perfkit.training.lora.steps import StepPlan
from perfkit.training.nano.pictures import Example, make_example

_BATCH = 16
_PRIOR_SEED = 4711


@dataclass(frozen=True, eq=False)
class ConditionedSet:
    """M pictures in the base's own terms.

    Attributes:
        latents: (M, C, h, w) clean latents.
        text: (M, L, D) the prompt of each.
        residuals: The ControlNet's outputs, each (M, ...): those of the down blocks, then the middle's.
        features: (M, 1, h, w) share of each cell that eyes, brows and lips fill, 0..1.
    """

    latents: Tensor
    text: Tensor
    residuals: tuple[Tensor, ...]
    features: Tensor

    def __len__(self) -> int:
        return len(self.latents)

    def pick(self, index: Tensor) -> "ConditionedSet":
        """Return some of the pictures."""
        residuals = tuple(residual[index] for residual in self.residuals)
        return ConditionedSet(self.latents[index], self.text[index], residuals, self.features[index])


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """All that the steps of a training choose from.

    Attributes:
        character: The character's drawings, placed; in their own light.
        priors: Drawings of the base's family with their own captions; None: not asked for.
        trigger_text: (1, L, D) the trigger word alone.
    """

    character: ConditionedSet
    priors: ConditionedSet | None
    trigger_text: Tensor

    @property
    def num_choices(self) -> tuple[int, int]:
        """How many pictures there are: the character's, priors."""
        return len(self.character), len(self.priors or ())

    def pick(self, plan: StepPlan, rows_R: Tensor) -> ConditionedSet:
        """Return what some rows of a step show; it has the character's rows before the priors'."""
        is_prior, index = plan.is_prior_B[rows_R], plan.index_B[rows_R]
        picked = self.character.pick(index[~is_prior])
        picked.text[plan.drops_caption_B[rows_R][~is_prior]] = self.trigger_text
        if self.priors is None:
            return picked
        priors = self.priors.pick(index[is_prior])
        return ConditionedSet(
            torch.cat([picked.latents, priors.latents]),
            torch.cat([picked.text, priors.text]),
            tuple(torch.cat(pair) for pair in zip(picked.residuals, priors.residuals, strict=True)),
            torch.cat([picked.features, priors.features]),
        )


@dataclass(frozen=True, eq=False)
class _Shown:
    """A picture (H, W, 4) uint8, premultiplied, with its control picture, its prompt and where its features are."""

    premultiplied: np.ndarray
    control: np.ndarray
    prompt: str
    features: np.ndarray


def condition_training_rows(
    models: NanoModels, pack: CharacterPack, settings: LoraSettings, *, drawings: list[int]
) -> TrainingRows:
    """Encode the drawings that are trained on, and what keeps the base as it is.

    Raises:
        PackError: The pack has no drawings or landmarks, or its prompt is too long for the base.
    """
    character = condition_drawings(models, pack, drawings, num_placements=settings.num_placements, seed=settings.seed)
    priors = _condition_priors(models, settings.num_priors) if settings.num_prior_rows else None
    with torch.no_grad():
        trigger_text = nano_model.encode_text(models, [pack.trigger])
    return TrainingRows(character, priors, trigger_text)


def condition_drawings(
    models: NanoModels, pack: CharacterPack, drawings: list[int], *, num_placements: int = 1, seed: int = 0
) -> ConditionedSet:
    """Encode some of a pack's drawings, each as drawn and `num_placements` - 1 times placed otherwise.

    Raises:
        PackError: The pack has no drawings or landmarks, or its prompt is too long for the base.
    """
    placing = Placing(CANVAS_WH, NanoEngine.control_style, num_placements, seed)
    prompts = {index: _check_prompt(models, pack, pack.art[index].light) for index in drawings}
    shown = (
        _Shown(placed.picture, placed.control, prompts[placed.drawing], placed.features)
        for placed in iterate_placed(pack, placing, drawings)
    )
    return _condition(models, shown)


def _condition_priors(models: NanoModels, count: int) -> ConditionedSet:
    return _condition(models, (_show_prior(make_example(index, _PRIOR_SEED)) for index in range(count)))


def _show_prior(example: Example) -> _Shown:
    rgba = example.drawing.rgba
    return _Shown(premultiply(rgba), example.control_rgb(), example.caption, np.zeros(rgba.shape[:2], bool))


def _check_prompt(models: NanoModels, pack: CharacterPack, light: str) -> str:
    prompt = pack.prompt_in_light(light)
    num_tokens = len(models.tokenizer.tokenize(prompt))
    if num_tokens > nano_model.MAX_TOKENS:
        raise PackError(
            f"{pack.folder}: caption, light and trigger make {num_tokens} tokens, at most {nano_model.MAX_TOKENS} fit; "
            "shorten the trigger (each letter is a token) or the caption"
        )
    return prompt


@torch.no_grad()
def _condition(models: NanoModels, shown: Iterable[_Shown]) -> ConditionedSet:
    """Encode pictures, a few at a time: as pictures they would take ten times the memory."""
    columns = []
    shown = iter(shown)
    while part := list(islice(shown, _BATCH)):
        pictures = torch.from_numpy(np.stack([each.premultiplied for each in part])).permute(0, 3, 1, 2).float()
        controls = nano_model.control_tensor(np.stack([each.control for each in part]))
        text = nano_model.encode_text(models, [each.prompt for each in part])
        down, middle = nano_model.control_residuals(models, controls, text)
        features = torch.from_numpy(np.stack([each.features for each in part]))[:, None].float()
        shares = nn.functional.adaptive_avg_pool2d(features, nano_model.LATENT_PX)
        columns.append((models.vae.encode(pictures / 127.5 - 1).latents, text, shares, *down, middle))
    latents, text, shares, *residuals = (torch.cat(column) for column in zip(*columns, strict=True))
    return ConditionedSet(latents.contiguous(), text, tuple(residuals), shares)
