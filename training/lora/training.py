"""The steps of a LoRA training: the UNet with its adapter, the optimiser, the best weights so far, checkpoints.

Batches, noise and times of step n are drawn from a generator keyed by (seed, n), so a resumed training is the same
training, bit for bit. So is one in two processes: a step's rows are learned from in two shares either way, on one
thread, for torch answers otherwise on two. The adapter's matrices are moved by Muon, as those of the base: against
AdamW it gained half as much again on held-out drawings in the same steps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from perfkit.cores import count_cores
from perfkit.errors import WeightsError
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.training.flow_loss import FlowRows, flow_loss
from perfkit.training.lora.adapter import ADAPTER, add_adapter, save_tensors
from perfkit.training.lora.conditioning import ConditionedSet, TrainingRows
from perfkit.training.lora.held_out import HeldOutResult
from perfkit.training.lora.recipes import LoraSettings
from perfkit.training.lora.steps import Carried, StepPlan, carry_nothing, plan_step
from perfkit.training.optimise.muon import Muon
from perfkit.training.optimise.parallel import sum_over_workers, worker_count, worker_index
from perfkit.training.optimise.precision import low_precision
from perfkit.training.optimise.schedule import cosine_scale
from perfkit.training.picture_loss import compare_pictures, decode_pictures

_WARMUP_STEPS = 10
_FINAL_SCALE = 0.05
_NUM_SHARES = 2
"""Parts in which a step's rows are computed: by as many workers, or one after the other."""
_Answer = TypeVar("_Answer")
_PARTS = ("weight", "average", "best", "momentum")


def count_useful_workers() -> int:
    """Return how many processes a training makes use of on this machine."""
    return min(_NUM_SHARES, count_cores())


def rate_at(step: int, settings: LoraSettings) -> float:
    """Return the learning rate of a step, counted from 0."""
    scale = cosine_scale(step, num_steps=settings.steps, warmup_steps=_WARMUP_STEPS, final_scale=_FINAL_SCALE)
    return settings.learning_rate * scale


def weigh_features(features_B1hw: Tensor, weight: float) -> Tensor:
    """Return how much each cell counts, mean 1 in every picture: `weight` times more where a feature fills it."""
    weight_B1hw = 1 + weight * features_B1hw
    return weight_B1hw / weight_B1hw.mean(dim=(1, 2, 3), keepdim=True)


def find_window(features_hw: Tensor, side: int) -> tuple[slice, slice]:
    """Return the rows and columns of the square of cells around the middle of the features, or of the picture."""
    weights = features_hw if features_hw.any() else torch.ones_like(features_hw)
    cuts = []
    for axis, size in enumerate(features_hw.shape):
        middle = (weights.sum(dim=1 - axis) * (torch.arange(size) + 0.5)).sum() / weights.sum()
        start = min(max(round(float(middle) - side / 2), 0), size - side)
        cuts.append(slice(start, start + side))
    return cuts[0], cuts[1]


def _cut_faces(x_BChw: Tensor, features_B1hw: Tensor, side: int) -> Tensor:
    windows = [find_window(each, side) for each in features_B1hw[:, 0]]
    return torch.stack([x_Chw[..., *window] for x_Chw, window in zip(x_BChw, windows, strict=True)])


@torch.no_grad()
def _decode_faces(models: NanoModels, drawings: ConditionedSet, side: int) -> Tensor:
    """Return the faces of drawings as the autoencoder shows them, (M, 4, H, W): once for all steps."""
    faces = _cut_faces(drawings.latents, drawings.features, side)
    return torch.cat([decode_pictures(models.vae, part) for part in faces.split(nano_model.RENDER_BATCH)])


class LoraTraining:
    """One training. The UNet's own weights are frozen and never written.

    Args:
        models: The base; its UNet gets an adapter named `ADAPTER`.
        rows: What the steps choose from.
        settings: The recipe.
        measure: Scores the weights that would be saved; None: the last ones are saved.

    Attributes:
        num_steps_done: Where it stands.
        losses: Of every step.
        scores: (steps done, score in dB), every `score_every` steps and at the end.
        samples: (S, 128, 128, 3) uint8 held-out renders of each score.
    """

    def __init__(
        self,
        models: NanoModels,
        rows: TrainingRows,
        settings: LoraSettings,
        measure: Callable[[NanoModels], HeldOutResult] | None = None,
    ) -> None:
        self.models, self.rows, self.settings, self._measure = models, rows, settings, measure
        add_adapter(models.unet, rank=settings.rank, seed=settings.seed)
        models.vae.requires_grad_(False)
        sets = [rows.character, rows.priors] if settings.picture_weight else []
        self._faces = [_decode_faces(models, each, settings.window_cells) for each in sets if each is not None]
        self.weights = {name: weight for name, weight in models.unet.named_parameters() if weight.requires_grad}
        self.optimiser = Muon(list(self.weights.values()), lr=settings.learning_rate)
        self.average = self._copy_weights()
        self.best = self._copy_weights()
        self._carried = carry_nothing(settings.batch_size)
        self.num_steps_done = 0
        self.losses: list[float] = []
        self.scores: list[tuple[int, float]] = []
        self.samples: list[np.ndarray] = []

    def iterate_steps(self) -> Iterator[int]:
        """Train to the end of the recipe; yield the number of steps done after each."""
        self.models.unet.train()
        while self.num_steps_done < self.settings.steps:
            self.losses.append(self._take_step())
            self.num_steps_done += 1
            if self.num_steps_done % self.settings.score_every == 0 or self.num_steps_done == self.settings.steps:
                self._score()
            yield self.num_steps_done
        self.models.unet.eval()

    @property
    def best_step(self) -> int:
        """After how many steps the weights stood that are saved."""
        if self._measure is None or not self.scores:
            return self.num_steps_done
        return max(self.scores, key=lambda score: score[1])[0]

    def adapter_weights(self) -> dict[str, Tensor]:
        """Return the adapter in peft's names, float32: the best, or the last where nothing is measured."""
        return self._with_weights(self.best if self.scores else self._offered_weights(), self._named_weights)

    def save_checkpoint(self, path: Path) -> None:
        """Write all that a resume needs, beside its place and renamed."""
        tensors: dict[str, Tensor] = {
            "losses": torch.tensor(self.losses, dtype=torch.float64),
            "scores": torch.tensor(self.scores, dtype=torch.float64).reshape(-1, 2),
            **{f"carried/{field.name}": getattr(self._carried, field.name) for field in fields(Carried)},
        }
        if self.samples:
            tensors["samples"] = torch.from_numpy(np.stack(self.samples))
        for name, weight in self.weights.items():
            momentum = self.optimiser.state[weight]["momentum"]
            columns = (weight.detach(), self.average[name], self.best[name], momentum)
            tensors |= {f"{part}/{name}": column for part, column in zip(_PARTS, columns, strict=True)}
        save_tensors(path, tensors, {"steps": str(self.num_steps_done)})

    def load_checkpoint(self, path: Path) -> None:
        """Go on from a checkpoint of the same training.

        Raises:
            WeightsError: Damaged, or of another training.
        """
        try:
            with safe_open(path, framework="pt") as stored:
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
                steps = int(stored.metadata()["steps"])
            self._restore(tensors, steps)
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise WeightsError(f"{path}: no checkpoint of this training ({error}); delete it to begin anew") from error

    def _restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        parts = {part: {name: tensors[f"{part}/{name}"] for name in self.weights} for part in _PARTS}
        for part in parts.values():
            for name, tensor in part.items():
                if tensor.shape != self.weights[name].shape:
                    raise ValueError(f"{name} has shape {tuple(tensor.shape)}")
        self._set_weights(parts["weight"])
        self.average, self.best = parts["average"], parts["best"]
        for name, weight in self.weights.items():
            self.optimiser.state[weight] = {"momentum": parts["momentum"][name]}
        self._carried = Carried(**{field.name: tensors[f"carried/{field.name}"] for field in fields(Carried)})
        self.num_steps_done, self.losses = steps, tensors["losses"].tolist()
        self.scores = [(int(step), score) for step, score in tensors["scores"].tolist()]
        self.samples = list(tensors["samples"].numpy()) if "samples" in tensors else []

    def _take_step(self) -> float:
        settings, step = self.settings, self.num_steps_done
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        plan = plan_step(generator, settings, self.rows.num_choices, self._carried)
        self.optimiser.param_groups[0]["lr"] = rate_at(step, settings)
        for weight in self.weights.values():
            weight.grad = torch.zeros_like(weight)
        loss, answer = torch.zeros(()), torch.zeros_like(plan.noise_BChw)
        for share in torch.arange(settings.batch_size).chunk(_NUM_SHARES)[worker_index() :: worker_count()]:
            share_loss, answer[share] = self._learn_from(plan, share)
            loss += share_loss
        sum_over_workers([*(weight.grad for weight in self.weights.values() if weight.grad is not None), loss, answer])
        nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimiser.step()
        self._carried = plan.carry(answer)
        self._update_average()
        return float(loss)

    def _learn_from(self, plan: StepPlan, share: Tensor) -> tuple[Tensor, Tensor]:
        """Add the gradient of some rows' part in the step's mean loss; return that part, and the network's answers."""
        shown = self.rows.pick(plan, share)
        goes_on = plan.goes_on_B[share].view(-1, 1, 1, 1)
        rows = FlowRows(
            shown.latents,
            plan.noise_BChw[share],
            plan.t_B[share],
            start_BChw=torch.where(goes_on, self._carried.answer_BChw[share], shown.latents),
            weight_B1hw=weigh_features(shown.features, self.settings.feature_weight),
        )
        *down, middle = shown.residuals
        with low_precision(shown.latents.device):
            loss, answer = flow_loss(self.models, rows, shown.text, (down, middle))
        if self.settings.picture_weight:
            seen = decode_pictures(self.models.vae, _cut_faces(answer, shown.features, self.settings.window_cells))
            rows_shown = zip(plan.is_prior_B[share].tolist(), plan.index_B[share].tolist(), strict=True)
            drawn = torch.stack([self._faces[is_prior][index] for is_prior, index in rows_shown])
            loss = loss + self.settings.picture_weight * compare_pictures(seen, drawn)
        loss *= len(share) / len(plan.t_B)
        loss.backward()
        return loss.detach(), answer.detach()

    def _score(self) -> None:
        if self._measure is None:
            return
        measure = self._measure
        self.models.unet.eval()
        result = self._with_weights(self._offered_weights(), lambda: measure(self.models))
        score = result.psnr_db
        self.models.unet.train()
        if not self.scores or score > max(value for _, value in self.scores):
            self.best = {name: weight.clone() for name, weight in self._offered_weights().items()}
        self.scores.append((self.num_steps_done, score))
        self.samples.append(result.samples)

    def _update_average(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.num_steps_done) / (10 + self.num_steps_done))
        with torch.no_grad():
            for name, weight in self.weights.items():
                self.average[name].lerp_(weight, 1 - decay)

    def _offered_weights(self) -> dict[str, Tensor]:
        """Return what would be saved now: the average if there is one, else the last weights."""
        return self.average if self.settings.ema_decay else self._copy_weights()

    def _named_weights(self) -> dict[str, Tensor]:
        named = get_peft_model_state_dict(self.models.unet, adapter_name=ADAPTER)
        return {name: weight.detach().clone() for name, weight in named.items()}

    def _with_weights(self, weights: Mapping[str, Tensor], ask: Callable[[], _Answer]) -> _Answer:
        """Return what `ask` answers while the adapter holds other weights."""
        last = self._copy_weights()
        self._set_weights(weights)
        answer = ask()
        self._set_weights(last)
        return answer

    def _copy_weights(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    def _set_weights(self, source: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(source[name])
