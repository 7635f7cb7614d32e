"""The verb `character train`: condition, train, keep the best, write the adapter and stamp the pack."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from perfkit.errors import SettingsError
from perfkit.files import remove
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import CANVAS_WH, WEIGHTS_DIR, NanoEngine, digest_weights
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, LoraItem, load_pack, write_manifest
from perfkit.training.dataset import read_pictures
from perfkit.training.lora.adapter import save_adapter
from perfkit.training.lora.conditioning import condition_drawings, condition_training_rows
from perfkit.training.lora.curves import Curves, write_curves, write_events
from perfkit.training.lora.held_out import HeldOutScore, choose_held_out, choose_left_out, shrink_samples
from perfkit.training.lora.recipes import LoraSettings
from perfkit.training.lora.training import LoraTraining, rate_at

ENGINE = NanoEngine.name


@dataclass(frozen=True)
class TrainOptions:
    """What changes no weight.

    Attributes:
        base_folder: The base in diffusers' layout.
        curves_folder: Where train.png and TensorBoard's events go; None: nowhere.
        resume: True: an unfinished training must be there and goes on; False: begin anew; None: go on if there is one.
        checkpoint_every: Steps between checkpoints.
        on_progress: Called with (pictures seen, pictures in all).
    """

    base_folder: Path = WEIGHTS_DIR
    curves_folder: Path | None = None
    resume: bool | None = None
    checkpoint_every: int = 50
    on_progress: Callable[[int, int], None] | None = None


def train_character(
    pack: CharacterPack | str | Path, settings: LoraSettings | None = None, options: TrainOptions | None = None
) -> Path:
    """Train a pack's adapter, put it into the pack and stamp the manifest.

    A training that was broken off goes on where its last checkpoint stands, if pack, base and settings are the same.

    Args:
        pack: The pack, its name or its folder.
        settings: None = the standard recipe.
        options: What changes no weight; None = as they stand.

    Returns:
        The adapter's path.

    Raises:
        PackError, RightsError, WeightsError, SettingsError: What cannot be trained, in one line.
    """
    pack = pack if isinstance(pack, CharacterPack) else load_pack(pack)
    pack.require_right("train")
    settings, options = settings or LoraSettings(), options or TrainOptions()
    models = nano_model.load_nano(options.base_folder)
    base_digest = digest_weights(options.base_folder)
    path = pack.folder / "lora" / f"{ENGINE}.safetensors"
    checkpoint = path.with_name(f"{ENGINE}-{_identify(pack, base_digest, settings)[:12]}.checkpoint")
    _prepare(checkpoint, resume=options.resume)
    left_out = choose_left_out(pack.art, settings.leave_out)
    held_out = [index for index in choose_held_out(pack.art, settings.held_out_every) if index not in left_out]
    training, drawings = _make_training(models, pack, settings, unseen=(held_out, left_out))
    if checkpoint.is_file():
        training.load_checkpoint(checkpoint)
    for step in training.iterate_steps():
        if options.on_progress is not None:
            options.on_progress(step * settings.batch_size, settings.steps * settings.batch_size)
        if step % options.checkpoint_every == 0 and step < settings.steps:
            training.save_checkpoint(checkpoint)
    _put_into_pack(pack, training, path, base_digest=base_digest, held_out=sorted({*held_out, *left_out}))
    for stale in [*path.parent.glob(f"{ENGINE}-*.checkpoint"), *path.parent.glob(f".{ENGINE}-*.checkpoint")]:
        remove(stale)
    if options.curves_folder is not None:
        _write_curves(options.curves_folder, pack, training, drawings)
    return path


def _prepare(checkpoint: Path, *, resume: bool | None) -> None:
    if resume and not checkpoint.is_file():
        raise SettingsError(
            f"{checkpoint.parent}: holds no unfinished training of this pack, base and recipe; leave --resume out"
        )
    if resume is False:
        remove(checkpoint)


def _make_training(
    models: NanoModels, pack: CharacterPack, settings: LoraSettings, *, unseen: tuple[list[int], list[int]]
) -> tuple[LoraTraining, np.ndarray | None]:
    """Return the training, and the drawings that its samples should look like, small; None: none are held out."""
    held_out, left_out = unseen
    drawings = [index for index in range(len(pack.art)) if index not in held_out and index not in left_out]
    rows = condition_training_rows(models, pack, settings, drawings=drawings)
    if not held_out:
        return LoraTraining(models, rows, settings), None
    pictures = read_pictures(pack, held_out, image_wh=CANVAS_WH)
    score = HeldOutScore(condition_drawings(models, pack, held_out), pictures)
    return LoraTraining(models, rows, settings, score.measure), shrink_samples(pictures)


def _put_into_pack(
    pack: CharacterPack, training: LoraTraining, path: Path, *, base_digest: str, held_out: list[int]
) -> None:
    """Replace the pack's adapter; broken off between, the pack has none, and is whole."""
    others = {engine: item for engine, item in pack.loras.items() if engine != ENGINE}
    if others != pack.loras:
        write_manifest(replace(pack, loras=others))
    save_adapter(path, training.adapter_weights(), base_sha256=base_digest)
    item = LoraItem(
        f"lora/{path.name}",
        digest_file(path),
        base_digest,
        rank=training.settings.rank,
        steps=training.best_step,
        held_out=tuple(pack.art[index].file for index in held_out),
    )
    write_manifest(replace(pack, loras={**others, ENGINE: item}))


def _write_curves(folder: Path, pack: CharacterPack, training: LoraTraining, drawings: np.ndarray | None) -> None:
    settings = training.settings
    title = f"{pack.name}: LoRA for {ENGINE}, {len(training.losses)} steps of {settings.batch_size} pictures"
    rates = [rate_at(step, settings) for step in range(len(training.losses))]
    curves = Curves(training.losses, rates, training.best_step, training.scores, training.samples, drawings)
    write_curves(folder, curves, title=title)
    write_events(folder, curves)


def _identify(pack: CharacterPack, base_digest: str, settings: LoraSettings) -> str:
    described = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(f"{pack.source_digest} {base_digest} {described}".encode()).hexdigest()
