"""The decoder's training on the flow's answers: latents stay as they are, and a broken run goes on as if unbroken."""

import functools
import json
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from perfkit.errors import WeightsError
from perfkit.inference.engines.nano_autoencoder import NanoAutoencoder, ResidualBlock
from perfkit.inference.engines.nano_model import BASE_FOLDER, load_nano
from perfkit.training.nano import runs
from perfkit.training.nano.decoder import DecoderSettings, revive_units, train_decoder
from perfkit.training.optimise.loop import Pace

TINY = DecoderSettings(images=6, batch=2, crops=4, crop_px=32, warmup_steps=1)


def stop_at_two(step: int, loss: float, images_per_second: float) -> None:
    """Stop as Ctrl-C would, one step after the checkpoint of step 1."""
    if step == 2:
        raise KeyboardInterrupt


def test_resumed_equals_unbroken_bit_for_bit(tmp_path: Path) -> None:
    whole, broken, resumed = (load_nano(BASE_FOLDER) for _ in range(3))
    train_decoder(whole, tmp_path / "whole", TINY)
    with pytest.raises(KeyboardInterrupt):
        train_decoder(broken, tmp_path / "broken", TINY, Pace(on_progress=stop_at_two, progress_steps=1, save_steps=1))
    train_decoder(resumed, tmp_path / "broken", TINY)
    expected, got = whole.vae.state_dict(), resumed.vae.state_dict()
    assert all(torch.equal(expected[name], got[name]) for name in expected)


def test_the_command_changes_the_decoder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    batch = json.loads((BASE_FOLDER / "training.json").read_text())["last_batch"]
    runs.run_restore(Namespace(run=run, base=BASE_FOLDER, batch=batch))
    shutil.rmtree(run / "decoder", ignore_errors=True)
    before = runs._make_models(run)
    tiny = {field: value for field, value in vars(TINY).items() if field != "images"}
    monkeypatch.setattr(runs, "DecoderSettings", functools.partial(DecoderSettings, **tiny))
    runs.run_decoder(Namespace(run=run, images=6, minutes=float("inf"), workers=1))
    after = runs._make_models(run)
    old, new = before.vae.state_dict(), after.vae.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed == {name for name in old if name.startswith("decoder.")}
    assert runs._make_store(run, after).folder == runs._make_store(run, before).folder


def test_a_run_without_a_trained_flow_is_refused(tmp_path: Path) -> None:
    NanoAutoencoder().save_pretrained(tmp_path / "vae")
    with pytest.raises(WeightsError, match="no trained flow here"):
        runs.run_decoder(Namespace(run=tmp_path, images=6, minutes=1, workers=1))


def test_silent_units_are_revived_and_change_no_picture() -> None:
    torch.manual_seed(0)
    vae = NanoAutoencoder().eval()
    first = next(layer for layer in vae.decoder if isinstance(layer, ResidualBlock))
    with torch.no_grad():
        first.conv2.weight.normal_(std=0.1)
        first.conv1.bias[:5] = -1e4
    latents = torch.randn(1, 48, 16, 16)
    before = vae.decode(latents).sample
    assert revive_units(vae, 0) == 5
    assert torch.equal(vae.decode(latents).sample, before)
    assert (first.conv1.bias[:5] == 0).all() and (first.conv1.weight[:5] != 0).all()
    assert revive_units(vae, 0) == 0
