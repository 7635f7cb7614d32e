"""Trains a character's LoRA: a small change of the base's UNet that makes it draw one character from every angle.

In: a CharacterPack with drawings and landmarks. Out: lora/ENGINE.safetensors in the pack, its manifest stamped.

    drawings --place--> pictures --encode--> latents ----------------.
                    `-> controls --ControlNet--> residuals --.        |
    trigger + caption --text encoder--> text ----------------+--> UNet + LoRA --> nano_model.flow_loss

All but the UNet is frozen and runs once, before the first step. Batches, noise and times of step n are drawn from a
generator keyed by (seed, n), so a resumed training is the same training, bit for bit.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from perfkit.errors import PackError, SettingsError, WeightsError
from perfkit.files import write_aside
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import CANVAS_WH, WEIGHTS_DIR, NanoEngine, digest_weights
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, LoraItem, load_pack, write_manifest
from perfkit.training.dataset import CharacterSet, make_character_set
from perfkit.training.optimise.schedule import cosine_scale

ENGINE = NanoEngine.name
ADAPTER = "character"
_ENCODE_BATCH = 16
_WARMUP_STEPS = 10
# Attention, feed-forward and the residual blocks' convolutions, by the names that diffusers gives them.
_TARGETS = r".*\.(to_q|to_k|to_v|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|proj_out|conv1|conv2|conv_shortcut)"


@dataclass(frozen=True)
class LoraSettings:
    """How an adapter is trained; all of it enters the identity of a resumable training.

    Attributes:
        steps: Optimiser steps.
        rank: Rank of the adapter's matrices.
        batch_size: Pictures a step.
        learning_rate: At the start; falls to a twentieth along a cosine.
        num_placements: Rows per drawing: as drawn, and placed otherwise.
        time_shift: > 1 draws more times near pure noise, where shape and colour are decided.
        full_noise_share: Part of the rows at pure noise, where every render begins and a one-step render ends.
        ema_decay: Average of the weights that is saved instead of the last; 0 = none.
        seed: Key of all randomness.
    """

    steps: int = 300
    rank: int = 16
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    num_placements: int = 4
    time_shift: float = 1.5
    full_noise_share: float = 0.2
    ema_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {"steps": (1, 10**6), "rank": (1, 256)}
        limits |= {"batch_size": (1, 1024), "num_placements": (1, 64)}
        limits |= {"learning_rate": (0.0, 1.0), "time_shift": (0.1, 10.0), "ema_decay": (0.0, 0.9999)}
        limits |= {"full_noise_share": (0.0, 1.0)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"LoRA {name} = {getattr(self, name)}, expected {low} to {high}")


@dataclass(frozen=True, eq=False)
class ConditionedSet:
    """What a step needs, in the base's own terms. M rows.

    Attributes:
        latents: (M, C, h, w) clean latents.
        residuals: The ControlNet's outputs, each (M, ...): those of the down blocks, then the middle's.
        text: (M, L, D) the prompt in the drawing's light.
    """

    latents: Tensor
    residuals: tuple[Tensor, ...]
    text: Tensor


def train_character(
    pack: CharacterPack | str | Path,
    settings: LoraSettings | None = None,
    *,
    base_folder: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    checkpoint_every: int = 50,
) -> Path:
    """Train a pack's adapter, put it into the pack and stamp the manifest.

    A training that was broken off goes on where its last checkpoint stands, if pack, base and settings are the same.

    Args:
        pack: The pack, its name or its folder.
        settings: None = the recipe.
        base_folder: The base in diffusers' layout; None = the embedded one.
        on_progress: Called with (steps done, steps in all).
        checkpoint_every: Steps between checkpoints.

    Returns:
        The adapter's path.

    Raises:
        PackError, WeightsError, SettingsError: What cannot be trained, in one line.
    """
    pack = pack if isinstance(pack, CharacterPack) else load_pack(pack)
    settings = settings or LoraSettings()
    folder = WEIGHTS_DIR if base_folder is None else base_folder
    models = nano_model.load_nano(folder)
    conditioned = condition_character_set(models, pack, settings)
    base_digest = digest_weights(folder)
    identity = _identify(pack, base_digest, settings)
    path = pack.folder / "lora" / f"{ENGINE}.safetensors"
    checkpoint = path.with_name(f"{ENGINE}-{identity[:12]}.checkpoint")
    training = LoraTraining(models, conditioned, settings)
    if checkpoint.is_file():
        training.load_checkpoint(checkpoint)
    for step in training.iterate_steps():
        if on_progress is not None:
            on_progress(step, settings.steps)
        if step % checkpoint_every == 0 and step < settings.steps:
            training.save_checkpoint(checkpoint)
    save_adapter(path, training.adapter_weights(), base_sha256=base_digest)
    item = LoraItem(f"lora/{path.name}", digest_file(path), base_digest, settings.rank, settings.steps)
    write_manifest(replace(pack, loras={**pack.loras, ENGINE: item}))
    for stale in path.parent.glob(f"{ENGINE}-*.checkpoint"):
        stale.unlink()
    return path


def condition_character_set(models: NanoModels, pack: CharacterPack, settings: LoraSettings) -> ConditionedSet:
    """Encode a pack's drawings, control pictures and prompt once.

    Raises:
        PackError: The pack has no drawings or landmarks, or its prompt is too long for the base.
    """
    rows = make_character_set(
        pack,
        image_wh=CANVAS_WH,
        style=NanoEngine.control_style,
        num_placements=settings.num_placements,
        seed=settings.seed,
    )
    prompts = [_check_prompt(models, pack, pack.art[index].light) for index in rows.drawing_index]
    parts = [slice(start, start + _ENCODE_BATCH) for start in range(0, len(rows), _ENCODE_BATCH)]
    batches = [_condition(models, rows, part, prompts[part]) for part in parts]
    latents, text, *residuals = (torch.cat(column) for column in zip(*batches, strict=True))
    return ConditionedSet(latents, tuple(residuals), text)


class LoraTraining:
    """One training: the UNet with its adapter, the optimiser, the step reached.

    The UNet's own weights are frozen and never written. `num_steps_done` and `losses` tell where it stands.

    Args:
        models: The base; its UNet gets an adapter named `ADAPTER`.
        conditioned: The encoded training set.
        settings: The recipe.
    """

    def __init__(self, models: NanoModels, conditioned: ConditionedSet, settings: LoraSettings) -> None:
        self.models, self.conditioned, self.settings = models, conditioned, settings
        add_adapter(models.unet, rank=settings.rank, seed=settings.seed)
        self.weights = {name: weight for name, weight in models.unet.named_parameters() if weight.requires_grad}
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=settings.learning_rate, weight_decay=0.0)
        self.average = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.num_steps_done = 0
        self.losses: list[float] = []

    def iterate_steps(self) -> Iterator[int]:
        """Train to the end of the recipe; yield the number of steps done after each."""
        self.models.unet.train()
        while self.num_steps_done < self.settings.steps:
            self.losses.append(self._take_step())
            self.num_steps_done += 1
            yield self.num_steps_done
        self.models.unet.eval()

    def adapter_weights(self) -> dict[str, Tensor]:
        """Return the adapter in peft's names, float32: the average if there is one, else the last."""
        last = {name: weight.detach().clone() for name, weight in self.weights.items()}
        if self.settings.ema_decay:
            self._set_weights(self.average)
        named = get_peft_model_state_dict(self.models.unet, adapter_name=ADAPTER)
        saved = {name: weight.detach().clone() for name, weight in named.items()}
        self._set_weights(last)
        return saved

    def save_checkpoint(self, path: Path) -> None:
        """Write all that a resume needs, beside its place and renamed."""
        tensors: dict[str, Tensor] = {"losses": torch.tensor(self.losses, dtype=torch.float64)}
        for name, weight in self.weights.items():
            state = self.optimiser.state[weight]
            tensors[f"weight/{name}"] = weight.detach()
            tensors[f"average/{name}"] = self.average[name]
            tensors[f"first/{name}"] = state["exp_avg"]
            tensors[f"second/{name}"] = state["exp_avg_sq"]
        _save_aside(path, tensors, {"steps": str(self.num_steps_done)})

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
        parts = {part: {name: tensors[f"{part}/{name}"] for name in self.weights} for part in
                 ("weight", "average", "first", "second")}  # fmt: skip
        for part in parts.values():
            for name, tensor in part.items():
                if tensor.shape != self.weights[name].shape:
                    raise ValueError(f"{name} has shape {tuple(tensor.shape)}")
        self._set_weights(parts["weight"])
        self.average = parts["average"]
        for name, weight in self.weights.items():
            self.optimiser.state[weight] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": parts["first"][name],
                "exp_avg_sq": parts["second"][name],
            }
        self.num_steps_done, self.losses = steps, tensors["losses"].tolist()

    def _set_weights(self, source: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(source[name])

    def _take_step(self) -> float:
        settings, step = self.settings, self.num_steps_done
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        rows = torch.randint(len(self.conditioned.latents), (settings.batch_size,), generator=generator)
        clean = self.conditioned.latents[rows]
        noise = torch.randn(clean.shape, generator=generator)
        even = torch.sigmoid(torch.randn((settings.batch_size,), generator=generator))
        time = settings.time_shift * even / (1 + (settings.time_shift - 1) * even)
        time[torch.rand(time.shape, generator=generator) < settings.full_noise_share] = 1.0
        *down, middle = (residual[rows] for residual in self.conditioned.residuals)
        text = self.conditioned.text[rows]
        loss = nano_model.flow_loss(self.models, clean, noise, time, text, (down, middle))
        scale = cosine_scale(step, num_steps=settings.steps, warmup_steps=_WARMUP_STEPS, final_scale=0.05)
        self.optimiser.param_groups[0]["lr"] = settings.learning_rate * scale
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self.optimiser.step()
        self._update_average()
        return float(loss.detach())

    def _update_average(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.num_steps_done) / (10 + self.num_steps_done))
        with torch.no_grad():
            for name, weight in self.weights.items():
                self.average[name].lerp_(weight, 1 - decay)


def add_adapter(unet: Any, *, rank: int, seed: int) -> None:
    """Freeze a UNet and give it an untrained adapter, which changes nothing: the second matrices are zero.

    Same seed, same adapter; torch's own random state stays as it was.
    """
    unet.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights=True, target_modules=_TARGETS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet.add_adapter(config, adapter_name=ADAPTER)


def load_adapter(unet: Any, path: Path) -> None:
    """Put a saved adapter into a UNet that has none, through diffusers' own door."""
    unet.load_lora_adapter(
        path.parent, prefix="unet", weight_name=path.name, adapter_name=ADAPTER, local_files_only=True
    )


def save_adapter(path: Path, weights: Mapping[str, Tensor], *, base_sha256: str) -> None:
    """Write an adapter in diffusers' key format, float16, beside its place and renamed.

    Args:
        path: Target, .safetensors.
        weights: From `LoraTraining.adapter_weights`.
        base_sha256: The base that it fits, for the header; its only entry, as several are written in random order.
    """
    _save_aside(path, {f"unet.{name}": weight.half() for name, weight in weights.items()}, {"base_sha256": base_sha256})


def _save_aside(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path) as aside:
        aside.write_bytes(
            save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata=dict(metadata))
        )


def _describe(settings: LoraSettings) -> str:
    return json.dumps(asdict(settings), sort_keys=True)


def _identify(pack: CharacterPack, base_digest: str, settings: LoraSettings) -> str:
    return hashlib.sha256(f"{pack.source_digest} {base_digest} {_describe(settings)}".encode()).hexdigest()


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
def _condition(models: NanoModels, rows: CharacterSet, part: slice, prompts: list[str]) -> tuple[Tensor, ...]:
    """Return latents, text and all residuals of some rows."""
    pictures = torch.from_numpy(rows.pictures[part]).permute(0, 3, 1, 2).float() / 127.5 - 1
    latents = models.vae.encode(pictures).latents.contiguous()
    text = nano_model.encode_text(models, prompts)
    down, middle = nano_model.control_residuals(models, nano_model.control_tensor(rows.controls[part]), text)
    return latents, text, *down, middle
