"""What an adapter must never do, and what a training must do again: HOUSE rules for LoRA, on a very small base."""

import multiprocessing
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionControlNetPipeline
from safetensors import safe_open
from safetensors.torch import load_file

from perfkit.errors import PackError, SettingsError, WeightsError, WorkerError
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import digest_weights
from perfkit.pack import load_pack
from perfkit.training.lora import ADAPTER, LoraSettings, TrainOptions, add_adapter, load_adapter, train_character
from perfkit.training.lora.conditioning import condition_training_rows
from perfkit.training.lora.held_out import HeldOutResult
from perfkit.training.lora.training import LoraTraining, find_window, weigh_features

SETTINGS = LoraSettings(
    steps=6, rank=2, batch_size=2, num_placements=2, learning_rate=1e-2, prior_share=0.5, num_priors=2, score_every=2
)
ALL_DRAWINGS = [0, 1, 2]


@pytest.fixture
def models(tiny_base):
    return nano_model.load_nano(tiny_base)


def predict(models) -> torch.Tensor:
    """Return the UNet's answer to a fixed question."""
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, nano_model.LATENT_CHANNELS, 16, 16, generator=generator)
    text = torch.randn(2, nano_model.MAX_TOKENS, nano_model.TEXT_WIDTH, generator=generator)
    with torch.no_grad():
        return models.unet(latents, torch.tensor([900.0, 300.0]), text, return_dict=False)[0]


def base_weights(unet) -> dict[str, torch.Tensor]:
    """Return copies of all weights that are not the adapter's, by the name they have without one."""
    return {
        name.replace(".base_layer", ""): weight.detach().clone()
        for name, weight in unet.state_dict().items()
        if "lora_" not in name
    }


def make_training(models, pack, settings=SETTINGS, measure=None) -> LoraTraining:
    """Return a training at its beginning."""
    rows = condition_training_rows(models, pack, settings, drawings=ALL_DRAWINGS)
    return LoraTraining(models, rows, settings, measure)


def train(models, pack, settings=SETTINGS) -> LoraTraining:
    """Train to the end."""
    training = make_training(models, pack, settings)
    for _ in training.iterate_steps():
        pass
    return training


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Tell whether two sets of weights are equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_features_count_more_and_every_picture_counts_the_same():
    features = torch.zeros(2, 1, 2, 2)
    features[1, 0, 0, 0] = 0.5
    weight = weigh_features(features, 4.0)
    assert weight[0].flatten().tolist() == [1, 1, 1, 1]
    assert torch.allclose(weight[1].flatten(), torch.tensor([3, 1, 1, 1]) / 1.5)


def test_the_window_lies_around_the_features_inside_the_picture():
    features = torch.zeros(16, 16)
    assert find_window(features, 8) == (slice(4, 12), slice(4, 12))
    features[5:7, 9:13] = 0.5
    assert find_window(features, 8) == (slice(2, 10), slice(7, 15))
    assert find_window(features.T, 8) == (slice(7, 15), slice(2, 10))
    features[:] = 0
    features[0, 15] = 1
    assert find_window(features, 8) == (slice(0, 8), slice(8, 16))


def test_an_untrained_adapter_changes_nothing_bit_for_bit(models):
    before = predict(models)
    add_adapter(models.unet, rank=4, seed=0)
    assert torch.equal(predict(models), before)


def test_adapter_reaches_attention_feed_forward_and_residual_blocks(models):
    add_adapter(models.unet, rank=2, seed=0)
    names = {name.split(".lora_A")[0] for name in models.unet.state_dict() if ".lora_A" in name}
    for part in ("to_q", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "conv1", "conv2"):
        assert any(name.endswith(part) for name in names), part


def test_training_leaves_the_base_untouched(models, tiny_pack):
    before = base_weights(models.unet)
    answer = predict(models)
    training = train(models, tiny_pack)
    assert same(base_weights(models.unet), before)
    assert not torch.equal(predict(models), answer)
    assert all(not weight.requires_grad for name, weight in models.unet.named_parameters() if "lora_" not in name)
    assert training.num_steps_done == len(training.losses) == SETTINGS.steps


def test_training_lowers_the_loss(models, tiny_pack):
    losses = train(models, tiny_pack, replace(SETTINGS, steps=40, batch_size=8)).losses
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])


def test_same_seed_same_losses_and_weights_another_seed_others(tiny_base, tiny_pack):
    runs = [train(nano_model.load_nano(tiny_base), tiny_pack, replace(SETTINGS, seed=seed)) for seed in (0, 0, 1)]
    assert runs[0].losses == runs[1].losses != runs[2].losses
    assert same(runs[0].adapter_weights(), runs[1].adapter_weights())


def test_training_does_not_disturb_the_random_state(models, tiny_pack):
    state = torch.get_rng_state()
    train(models, tiny_pack, replace(SETTINGS, steps=1))
    assert torch.equal(torch.get_rng_state(), state)


class BrokenOffError(RuntimeError):
    """Someone pulled the plug."""


def break_off_at(broken_step: int):
    """Return a progress callback that raises at a step."""

    def pull_the_plug(pictures: int, _: int) -> None:
        if pictures == broken_step * SETTINGS.batch_size:
            raise BrokenOffError

    return pull_the_plug


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_resumed_training_gives_the_same_bytes(tiny_base, tiny_pack, ema_decay):
    settings, options = replace(SETTINGS, ema_decay=ema_decay), TrainOptions(base_folder=tiny_base, checkpoint_every=2)
    whole = train_character(tiny_pack, settings, options).read_bytes()
    with pytest.raises(BrokenOffError):
        train_character(tiny_pack, settings, replace(options, on_progress=break_off_at(5)))
    assert len(list((tiny_pack.folder / "lora").glob("*.checkpoint"))) == 1
    seen: list[int] = []
    path = train_character(
        tiny_pack, settings, replace(options, resume=True, on_progress=lambda done, _: seen.append(done // 2))
    )
    assert seen == [5, 6]
    assert path.read_bytes() == whole
    assert [file.name for file in path.parent.iterdir()] == ["nano.safetensors"]


KILLED = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
from perfkit.training.lora import LoraSettings, TrainOptions, train_character
settings = LoraSettings(**{settings})
def kill(done, _):
    if done == {kill_at}:
        os.kill(os.getpid(), signal.SIGKILL)
train_character({folder!r}, settings, TrainOptions(base_folder=Path({base!r}), checkpoint_every=2, on_progress=kill))
"""


def test_a_training_killed_without_a_warning_goes_on_to_the_same_bytes(tiny_base, tiny_pack):
    options = TrainOptions(base_folder=tiny_base, checkpoint_every=2)
    whole = train_character(tiny_pack, SETTINGS, options).read_bytes()
    code = KILLED.format(
        settings=asdict(SETTINGS),
        kill_at=4 * SETTINGS.batch_size,
        folder=str(tiny_pack.folder),
        base=str(tiny_base),
    )
    killed = subprocess.run([sys.executable, "-c", code], timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert train_character(tiny_pack.folder, SETTINGS, replace(options, resume=True)).read_bytes() == whole


def test_two_processes_train_the_bytes_of_one_and_either_goes_on_with_the_others_checkpoint(tiny_base, tiny_pack):
    options = TrainOptions(base_folder=tiny_base, checkpoint_every=2)
    alone = train_character(tiny_pack, SETTINGS, options).read_bytes()
    together = replace(options, num_workers=2)
    with pytest.raises(BrokenOffError):
        train_character(tiny_pack, SETTINGS, replace(together, on_progress=break_off_at(3)))
    assert multiprocessing.active_children() == []
    assert train_character(tiny_pack, SETTINGS, replace(options, resume=True)).read_bytes() == alone
    with pytest.raises(BrokenOffError):
        train_character(tiny_pack, SETTINGS, replace(options, on_progress=break_off_at(3)))
    assert train_character(tiny_pack, SETTINGS, replace(together, resume=True)).read_bytes() == alone


def test_a_process_of_the_training_that_is_killed_ends_it_in_one_line_and_it_goes_on(tiny_base, tiny_pack):
    def kill_the_other(pictures: int, _: int) -> None:
        if pictures == 3 * SETTINGS.batch_size:
            multiprocessing.active_children()[0].kill()

    options = TrainOptions(base_folder=tiny_base, checkpoint_every=2, num_workers=2)
    with pytest.raises(WorkerError, match="ended with -9; free memory") as caught:
        train_character(tiny_pack, SETTINGS, replace(options, on_progress=kill_the_other))
    assert "\n" not in str(caught.value)
    assert torch.get_num_threads() == 1
    train_character(tiny_pack, SETTINGS, replace(options, resume=True, num_workers=1))


def test_there_must_be_something_to_resume(tiny_base, tiny_pack):
    with pytest.raises(SettingsError, match="no unfinished training"):
        train_character(tiny_pack, SETTINGS, TrainOptions(base_folder=tiny_base, resume=True))


@pytest.mark.parametrize("resume", [None, False])
def test_a_checkpoint_of_other_settings_or_an_unwanted_one_is_not_resumed(tiny_base, tiny_pack, resume):
    options = TrainOptions(base_folder=tiny_base, checkpoint_every=2)
    with pytest.raises(BrokenOffError):
        train_character(tiny_pack, SETTINGS, replace(options, on_progress=break_off_at(3)))
    seen: list[int] = []
    again = SETTINGS if resume is False else replace(SETTINGS, learning_rate=2e-2)
    options = replace(options, resume=resume, on_progress=lambda done, _: seen.append(done // 2))
    train_character(tiny_pack, again, options)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_pack_broken_off_between_adapter_and_manifest_is_whole(tiny_base, tiny_pack, monkeypatch):
    options = TrainOptions(base_folder=tiny_base)
    train_character(tiny_pack, SETTINGS, options)

    def pull_the_plug(*_: object, **__: object) -> None:
        raise BrokenOffError

    monkeypatch.setattr("perfkit.training.lora.train.digest_file", pull_the_plug)
    with pytest.raises(BrokenOffError):
        train_character(tiny_pack.folder, replace(SETTINGS, seed=5), options)
    assert load_pack(tiny_pack.folder).loras == {}


def test_the_best_step_is_kept_and_the_scores_are_of_what_would_be_saved(models, tiny_pack):
    scores = iter([1.0, 3.0, 2.0])
    offered = []

    def measure(asked) -> HeldOutResult:
        offered.append(predict(asked))
        return HeldOutResult(next(scores), np.zeros((1, 128, 128, 3), np.uint8))

    training = make_training(models, tiny_pack, measure=measure)
    for _ in training.iterate_steps():
        pass
    assert training.scores == [(2, 1.0), (4, 3.0), (6, 2.0)]
    assert training.best_step == 4
    named = training.adapter_weights()
    last = predict(models)
    with torch.no_grad():
        for name, weight in models.unet.named_parameters():
            if weight.requires_grad:
                weight.copy_(named[name.replace(f".{ADAPTER}.", ".")])
    assert torch.equal(predict(models), offered[1])
    assert not torch.equal(last, offered[1])


def test_rows_of_the_base_own_family_stand_beside_the_characters(models, tiny_pack):
    rows = condition_training_rows(models, tiny_pack, SETTINGS, drawings=[0, 2])
    assert len(rows.character) == 2 * SETTINGS.num_placements
    assert rows.priors is not None and len(rows.priors) == SETTINGS.num_priors
    assert condition_training_rows(models, tiny_pack, replace(SETTINGS, prior_share=0.0), drawings=[0]).priors is None


def test_a_damaged_checkpoint_is_refused_in_one_line(models, tiny_pack, tmp_path):
    training = make_training(models, tiny_pack)
    (tmp_path / "x").write_bytes(b"\x08" * 64)
    with pytest.raises(WeightsError, match="delete it") as caught:
        training.load_checkpoint(tmp_path / "x")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def trained_path(tiny_base, lasting_pack) -> Path:
    """The adapter of a trained pack."""
    return train_character(lasting_pack, SETTINGS, TrainOptions(base_folder=tiny_base))


def test_the_pack_names_the_adapter_and_its_base(tiny_base, tiny_pack, trained_path):
    pack = load_pack(trained_path.parent.parent)
    assert pack.lora_path("nano") == trained_path
    assert trained_path.stat().st_mode == (pack.folder / "character.toml").stat().st_mode
    assert pack.loras["nano"].base_sha256 == digest_weights(tiny_base)
    with safe_open(trained_path, framework="pt") as stored:
        assert stored.metadata() == {"base_sha256": digest_weights(tiny_base)}
    assert (pack.loras["nano"].rank, pack.loras["nano"].steps) == (2, 6)
    assert pack.source_digest == tiny_pack.source_digest


def test_diffusers_loads_the_adapter_into_a_model_and_into_a_pipeline(tiny_base, trained_path):
    trained, by_pipeline = nano_model.load_nano(tiny_base), nano_model.load_nano(tiny_base)
    bare = predict(trained)
    load_adapter(trained.unet, trained_path)
    answer = predict(trained)
    assert not torch.allclose(answer, bare)
    pipeline = StableDiffusionControlNetPipeline(
        vae=by_pipeline.vae,
        text_encoder=by_pipeline.text_encoder,
        tokenizer=by_pipeline.tokenizer,
        unet=by_pipeline.unet,
        controlnet=by_pipeline.controlnet,
        scheduler=by_pipeline.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.load_lora_weights(trained_path.parent, weight_name=trained_path.name, adapter_name=ADAPTER)
    assert torch.equal(predict(by_pipeline), answer)
    pipeline.unload_lora_weights()
    assert torch.equal(predict(by_pipeline), bare)


def test_the_file_holds_the_trained_adapter_in_half_precision(models, tiny_pack, trained_path):
    training = train(models, tiny_pack)
    stored = load_file(trained_path)
    assert all(name.startswith("unet.") for name in stored)
    for name, weight in training.adapter_weights().items():
        assert torch.equal(stored[f"unet.{name}"], weight.half())


def test_merged_equals_unmerged(models, trained_path):
    load_adapter(models.unet, trained_path)
    apart = predict(models)
    models.unet.fuse_lora()
    models.unet.unload_lora()
    assert torch.allclose(predict(models), apart, atol=2e-5)


def test_a_trigger_too_long_for_the_base_is_refused(models, tiny_pack):
    with pytest.raises(PackError, match="tokens"):
        make_training(models, replace(tiny_pack, trigger="q" * 24))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"rank": 0}, {"ema_decay": 1.0}, {"time_shift": 0.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        LoraSettings(**wrong)


def test_a_base_that_is_not_there_is_refused(tiny_pack):
    with pytest.raises(WeightsError):
        train_character(tiny_pack, SETTINGS, TrainOptions(base_folder=Path("nowhere")))
