"""What `python -m perfkit.training.nano` does: puts folders, networks and settings together, and prints progress."""

import hashlib
import json
import shutil
from argparse import Namespace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from perfkit.errors import WeightsError
from perfkit.inference.engines.nano_model import (
    BASE_FOLDER,
    NanoAutoencoder,
    NanoModels,
    build_controlnet,
    build_scheduler,
    build_text_encoder,
    build_tokenizer,
    build_unet,
    load_nano,
    save_nano,
)
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.nano.autoencoder import AutoencoderSettings, fit_latent_basis, train_autoencoder
from perfkit.training.nano.card import write_card
from perfkit.training.nano.decoder import DecoderSettings, make_decoder_state, train_decoder
from perfkit.training.nano.evaluate import (
    draw_sheet,
    measure_autoencoder,
    measure_foreign_art,
    measure_landmarks,
    measure_renders,
)
from perfkit.training.nano.figures import Figure
from perfkit.training.nano.flow import make_flow_state, train_flow
from perfkit.training.nano.flow_settings import FlowSettings
from perfkit.training.nano.latents import ShardStore
from perfkit.training.optimise.checkpoint import (
    TrainingState,
    load_checkpoint,
    read_counters,
    save_checkpoint,
    use_averages,
)
from perfkit.training.optimise.loop import Pace
from perfkit.training.optimise.parallel import open_workers, worker_index
from perfkit.training.puppet.caption import WORDS

console = Console(stderr=True)


def run_autoencoder(options: Namespace) -> None:
    """Train the autoencoder and write it, with its latents' statistics, to RUN/vae."""
    settings = AutoencoderSettings(steps=options.steps)
    arguments = (options.run, settings, options.minutes * 60)
    with open_workers(options.workers, _train_autoencoder, arguments):
        _train_autoencoder(*arguments)


def _train_autoencoder(run: Path, settings: AutoencoderSettings, seconds: float) -> None:
    network = train_autoencoder(run / "autoencoder", settings, Pace(seconds=seconds, on_progress=_print_progress))
    if worker_index() == 0:
        fit_latent_basis(network)
        network.save_pretrained(run / "vae")


def run_latents(options: Namespace) -> None:
    """Make the shards FIRST ... LAST - 1, one thread, ahead of the training."""
    torch.set_num_threads(1)
    store = _make_store(options.run, _make_models(options.run))
    for number in range(*options.shards):
        store.make(number)
        console.print(f"shard {number}")


def run_flow(options: Namespace) -> None:
    """Train UNet, ControlNet and text encoder on RUN/vae's latents."""
    settings = FlowSettings(images=options.images, batch=options.batch, cooldown=options.cooldown)
    workers = 1 if torch.cuda.is_available() else options.workers
    arguments = (options.run, settings, options.minutes * 60)
    with open_workers(workers, _train_flow, arguments):
        _train_flow(*arguments)


def _train_flow(run: Path, settings: FlowSettings, seconds: float) -> None:
    models = _make_models(run)
    store = _make_store(run, models)
    train_flow(models, store, run / "flow", settings, Pace(seconds=seconds, on_progress=_print_progress))


def run_decoder(options: Namespace) -> None:
    """Train the decoder of RUN/vae on what the flow answers; RUN/vae stays as it is."""
    arguments = (options.run, DecoderSettings(images=options.images), options.minutes * 60)
    with open_workers(options.workers, _train_decoder, arguments):
        _train_decoder(*arguments)


def _train_decoder(run: Path, settings: DecoderSettings, seconds: float) -> None:
    pace = Pace(seconds=seconds, on_progress=_print_progress)
    train_decoder(_load_trained(run), run / "decoder", settings, pace)


def run_restore(options: Namespace) -> None:
    """Make a run folder's checkpoint from a base folder, to go on with its training elsewhere or in other batches.

    Weights come back in float16 and moments at zero: the training goes on, not bit for bit as it would have.
    """
    base, flow = options.base or BASE_FOLDER, options.run / "flow"
    if flow.exists():
        raise WeightsError(f"{flow}: holds a checkpoint already; move it away, or go on with it")
    shutil.copytree(base / "vae", options.run / "vae", dirs_exist_ok=True)
    record = json.loads((base / "training.json").read_text())
    models = load_nano(base)
    state = make_flow_state(models, FlowSettings())
    save_checkpoint(state, flow, step=record["images"] // options.batch, batch=options.batch, log={})
    if num_steps := record["decoder_images"] // DecoderSettings.batch:
        state = make_decoder_state(models.vae, DecoderSettings())
        save_checkpoint(state, options.run / "decoder", step=num_steps, batch=DecoderSettings.batch, log={})
    print(flow)


def run_publish(options: Namespace) -> None:
    """Write the averaged weights of the newest checkpoint to the base folder."""
    base = options.base or BASE_FOLDER
    save_nano(_load_trained(options.run), base)
    counters = read_counters(options.run / "flow")
    record = {
        "autoencoder_crops": read_counters(options.run / "autoencoder").examples or _recorded_crops(base),
        "images": counters.examples,
        "decoder_images": read_counters(options.run / "decoder").examples,
        "last_batch": counters.batch,
        "seed": FlowSettings.seed,
    }
    (base / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    print(base)


def _recorded_crops(base: Path) -> int:
    """Return how many crops a base's autoencoder has seen, for a run that took it over."""
    record = base / "training.json"
    return int(json.loads(record.read_text())["autoencoder_crops"]) if record.exists() else 0


def run_evaluate(options: Namespace) -> None:
    """Print the figures of a base and draw its sheet."""
    torch.set_num_threads(2)
    base = options.base or BASE_FOLDER
    models = load_nano(base, device="cuda" if torch.cuda.is_available() else "cpu")
    landmark_net = LandmarkNet.load()
    figures = measure_autoencoder(models, options.count)
    for folder in options.art:
        figures += measure_foreign_art(models, folder, folder.name)
    figures += measure_renders(models, options.count)
    figures += measure_landmarks(models, landmark_net, options.count)
    _print_figures(figures)
    if options.card:
        names = ("unet", "controlnet", "vae", "text_encoder")
        parameters = {name: sum(p.numel() for p in getattr(models, name).parameters()) for name in names}
        print(write_card(base, figures, parameters=parameters, count=options.count))
    draw_sheet(models, options.sheet)
    print(options.sheet)


def _print_figures(figures: list[Figure]) -> None:
    table = Table("figure", "value", "bar", "reached")
    for figure in figures:
        table.add_row(*figure.cells())
    Console(width=110).print(table)


def _print_progress(step: int, loss: float, images_per_second: float) -> None:
    console.print(f"step {step}  loss {loss:.4f}  {images_per_second:.1f} images/s")


def _make_models(run: Path) -> NanoModels:
    """Make untrained networks around RUN/vae with RUN/decoder's weights, the same for the same seed."""
    if not (run / "vae").is_dir():
        raise WeightsError(
            f"{run / 'vae'}: no autoencoder here; run `python -m perfkit.training.nano autoencoder` first"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(FlowSettings().seed)
    unet = build_unet()
    tokenizer = build_tokenizer(WORDS)
    models = NanoModels(
        unet=unet,
        controlnet=build_controlnet(unet),
        vae=NanoAutoencoder.from_pretrained(run / "vae", local_files_only=True),
        text_encoder=build_text_encoder(len(tokenizer)),
        tokenizer=tokenizer,
        scheduler=build_scheduler(),
    )
    for name in ("unet", "controlnet", "vae", "text_encoder"):
        getattr(models, name).to(device).eval()
    _load_averages(make_decoder_state(models.vae, DecoderSettings()), run / "decoder")
    return models


def _load_trained(run: Path) -> NanoModels:
    """Load RUN/vae with RUN/decoder's weights, and the averaged weights of RUN/flow's checkpoint."""
    if not read_counters(run / "flow").step:
        raise WeightsError(f"{run / 'flow'}: no trained flow here; run `python -m perfkit.training.nano flow` first")
    models = _make_models(run)
    _load_averages(make_flow_state(models, FlowSettings()), run / "flow")
    return models


def _load_averages(state: TrainingState, folder: Path) -> None:
    """Give the networks the averaged weights of a checkpoint; without one they stay as they are."""
    load_checkpoint(state, folder)
    use_averages(state)


def _make_store(run: Path, models: NanoModels) -> ShardStore:
    """Shards of another encoder or of other words lie in another folder."""
    digest = hashlib.sha256(json.dumps(models.tokenizer.get_vocab(), sort_keys=True).encode())
    for weight in (*models.vae.encoder.state_dict().values(), models.vae.mean, models.vae.basis):
        digest.update(weight.float().cpu().numpy().tobytes())
    return ShardStore(run / f"latents-{digest.hexdigest()[:8]}", models.vae, models.tokenizer, FlowSettings().seed)
