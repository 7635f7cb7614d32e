"""The verb `character train`: condition, train, keep the best, write the adapter and stamp the pack."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

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
from perfkit.training.optimise.parallel import open_workers

ENGINE = NanoEngine.name


@dataclass(frozen=True)
class TrainOptions:
    """What changes no weight.

    Attributes:
        base_folder: The base in diffusers' layout.
        curves_folder: Where train.png and TensorBoard's events go; None: nowhere.
        resume: True: an unfinished training must be there and goes on; False: begin anew; None: go on if there is one.
        checkpoint_every: Steps between checkpoints.
        num_workers: 1, or 2 processes for two cores; the program that starts them must be importable, as for every
            process that Python spawns.
        on_progress: Called with (pictures seen, pictures in all).
    """

    base_folder: Path = WEIGHTS_DIR
    curves_folder: Path | None = None
    resume: bool | None = None
    checkpoint_every: int = 50
    num_workers: int = 1
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
        WorkerError: A process of the training was killed.
    """
    pack = pack if isinstance(pack, CharacterPack) else load_pack(pack)
    pack.require_right("train")
    settings, options = settings or LoraSettings(), options or TrainOptions()
    base_digest = digest_weights(options.base_folder)
    path = pack.folder / "lora" / f"{ENGINE}.safetensors"
    checkpoint = path.with_name(f"{ENGINE}-{_identify(pack, base_digest, settings)[:12]}.checkpoint")
    _prepare(checkpoint, resume=options.resume)
    left_out = choose_left_out(pack.art, settings.leave_out)
    held_out = [index for index in choose_held_out(pack.art, settings.held_out_every) if index not in left_out]
    unseen = sorted({*held_out, *left_out})
    errand = _Errand(pack, settings, options.base_folder, checkpoint, unseen)
    with open_workers(options.num_workers, _help_training, (errand,)):
        models = nano_model.load_nano(options.base_folder)
        score = _make_score(models, pack, held_out) if held_out else None
        training = _open_training(errand, models, score)
        for step in training.iterate_steps():
            if options.on_progress is not None:
                options.on_progress(step * settings.batch_size, settings.steps * settings.batch_size)
            if step % options.checkpoint_every == 0 and step < settings.steps:
                training.save_checkpoint(checkpoint)
    _put_into_pack(training, errand, path, base_digest)
    for stale in [*path.parent.glob(f"{ENGINE}-*.checkpoint"), *path.parent.glob(f".{ENGINE}-*.checkpoint")]:
        remove(stale)
    if options.curves_folder is not None:
        _write_curves(options.curves_folder, pack, training, score)
    return path


@dataclass(frozen=True)
class _Errand:
    """What every worker of a training needs to know.

    Attributes:
        unseen: Indices of the drawings that are not trained on.
    """

    pack: CharacterPack
    settings: LoraSettings
    base_folder: Path
    checkpoint: Path
    unseen: list[int]


def _help_training(errand: _Errand) -> None:
    """Take part in all steps of a training; worker 0 measures and saves."""
    for _ in _open_training(errand, nano_model.load_nano(errand.base_folder), None).iterate_steps():
        pass


def _open_training(errand: _Errand, models: NanoModels, score: HeldOutScore | None) -> LoraTraining:
    """Return the training where it stands."""
    drawings = [index for index in range(len(errand.pack.art)) if index not in errand.unseen]
    rows = condition_training_rows(models, errand.pack, errand.settings, drawings=drawings)
    training = LoraTraining(models, rows, errand.settings, score.measure if score else None)
    if errand.checkpoint.is_file():
        training.load_checkpoint(errand.checkpoint)
    return training


def _make_score(models: NanoModels, pack: CharacterPack, held_out: list[int]) -> HeldOutScore:
    pictures = read_pictures(pack, held_out, image_wh=CANVAS_WH)
    return HeldOutScore(condition_drawings(models, pack, held_out), pictures)


def _prepare(checkpoint: Path, *, resume: bool | None) -> None:
    if resume and not checkpoint.is_file():
        raise SettingsError(
            f"{checkpoint.parent}: holds no unfinished training of this pack, base and recipe; leave --resume out"
        )
    if resume is False:
        remove(checkpoint)


def _put_into_pack(training: LoraTraining, errand: _Errand, path: Path, base_digest: str) -> None:
    """Replace the pack's adapter; broken off between, the pack has none, and is whole."""
    pack = errand.pack
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
        held_out=tuple(pack.art[index].file for index in errand.unseen),
    )
    write_manifest(replace(pack, loras={**others, ENGINE: item}))


def _write_curves(folder: Path, pack: CharacterPack, training: LoraTraining, score: HeldOutScore | None) -> None:
    settings = training.settings
    title = f"{pack.name}: LoRA for {ENGINE}, {len(training.losses)} steps of {settings.batch_size} pictures"
    rates = [rate_at(step, settings) for step in range(len(training.losses))]
    drawings = shrink_samples(score.pictures) if score else None
    curves = Curves(training.losses, rates, training.best_step, training.scores, training.samples, drawings)
    write_curves(folder, curves, title=title)
    write_events(folder, curves)


def _identify(pack: CharacterPack, base_digest: str, settings: LoraSettings) -> str:
    described = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(f"{pack.source_digest} {base_digest} {described}".encode()).hexdigest()
