"""nano's training: the same step sees the same batch, a resumed run equals an unbroken one, held-out stays held out."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from perfkit.captions import COLOUR_WORDS
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
)
from perfkit.training.nano import batches, latents, pictures
from perfkit.training.nano.autoencoder import (
    AutoencoderSettings,
    fit_latent_basis,
    measure_sensitivity,
    train_autoencoder,
)
from perfkit.training.nano.batches import BatchMaker
from perfkit.training.nano.flow import train_flow
from perfkit.training.nano.flow_settings import FlowSettings
from perfkit.training.nano.latents import ShardStore
from perfkit.training.nano.resident import open_resident_batches
from perfkit.training.nano.runs import run_publish, run_restore
from perfkit.training.optimise.checkpoint import Counters, read_counters
from perfkit.training.optimise.loop import Pace
from perfkit.training.optimise.muon import Muon, orthogonalise, split_weights
from perfkit.training.optimise.parallel import open_workers, worker_index, worker_rows
from perfkit.training.optimise.precision import has_fast_bfloat16, low_precision
from perfkit.training.optimise.schedule import cosine_scale, trapezoid_scale
from perfkit.training.puppet import Puppet, caption, sample_character, sample_light
from perfkit.training.puppet.caption import WORDS

TINY = AutoencoderSettings(steps=4, batch=4, crop_px=32, warmup_steps=2)
TINY_FLOW = FlowSettings(images=8, batch=2, warmup_steps=2, reuse=1)


def interrupt_at_three(step: int, loss: float, images_per_second: float) -> None:
    """Stop as Ctrl-C would, one step after the checkpoint of step 2."""
    if step == 3:
        raise KeyboardInterrupt


BROKEN = Pace(on_progress=interrupt_at_three, progress_steps=1, save_steps=2)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def make_models() -> NanoModels:
    torch.manual_seed(3)
    unet = build_unet()
    tokenizer = build_tokenizer(WORDS)
    text_encoder = build_text_encoder(len(tokenizer))
    vae = NanoAutoencoder().eval()
    return NanoModels(unet, build_controlnet(unet), vae, text_encoder, tokenizer, build_scheduler())


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "SHARD_SIZE", 4)
    monkeypatch.setattr("perfkit.training.nano.batches.SHARD_SIZE", 4)
    monkeypatch.setattr("perfkit.training.nano.resident.SHARD_SIZE", 4)


def test_autoencoder_resumed_equals_unbroken_bit_for_bit(tmp_path: Path) -> None:
    unbroken = weights_of(train_autoencoder(tmp_path / "whole", TINY))
    with pytest.raises(KeyboardInterrupt):
        train_autoencoder(tmp_path / "broken", TINY, BROKEN)
    resumed = weights_of(train_autoencoder(tmp_path / "broken", TINY))
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)


def test_flow_resumed_equals_unbroken_bit_for_bit(tmp_path: Path, small_shards: None) -> None:
    def store() -> ShardStore:
        models = make_models()
        return ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)

    whole = train_flow(make_models(), store(), tmp_path / "whole", TINY_FLOW)
    with pytest.raises(KeyboardInterrupt):
        train_flow(make_models(), store(), tmp_path / "broken", TINY_FLOW, BROKEN)
    resumed = train_flow(make_models(), store(), tmp_path / "broken", TINY_FLOW)
    for name in ("unet", "controlnet", "text_encoder"):
        expected, got = weights_of(getattr(whole, name)), weights_of(getattr(resumed, name))
        assert all(torch.equal(expected[key], got[key]) for key in expected), name


def test_training_leaves_the_controlnet_blind_to_noise_and_time(tmp_path: Path, small_shards: None) -> None:
    models = make_models()
    store = ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)
    controlnet = train_flow(models, store, tmp_path / "run", TINY_FLOW).controlnet
    text, control = torch.randn(1, 24, 128), torch.rand(1, 12, 128, 128)
    with torch.no_grad():
        one = controlnet(torch.randn(1, 48, 16, 16), torch.tensor([900.0]), text, control, return_dict=False)
        other = controlnet(torch.randn(1, 48, 16, 16), torch.tensor([5.0]), text, control, return_dict=False)
    assert all(torch.equal(a, b) for a, b in zip([*one[0], one[1]], [*other[0], other[1]], strict=True))


def test_a_step_sees_the_same_batch_whatever_came_before(tmp_path: Path, small_shards: None) -> None:
    models = make_models()
    store = ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)
    walked = BatchMaker(store, TINY_FLOW)
    walked.make_batch(0)
    one, other = walked.make_batch(3), BatchMaker(store, TINY_FLOW).make_batch(3)
    for field in ("latents_BChw", "tokens_BL", "control_BCHW", "noise_BChw", "t_B", "is_rolled_out_B"):
        assert torch.equal(getattr(one, field), getattr(other, field)), field
    assert one.window == other.window


def test_the_pool_of_drawings_moves_on_and_forgets(tmp_path: Path, small_shards: None) -> None:
    models = make_models()
    store = ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)
    settings = FlowSettings(images=64, batch=2, reuse=1, pool_shards=2)
    maker = BatchMaker(store, settings)
    for step in (0, 5, 12):
        batch = maker.make_batch(step)
        assert len(maker.pool) == 2 and set(maker.shards) <= set(maker.pool)
    assert maker.pool == range(6, 8)
    assert torch.equal(batch.latents_BChw, BatchMaker(store, settings).make_batch(12).latents_BChw)
    assert sorted(path.stem for path in (tmp_path / "latents").iterdir()) == [f"{n:05d}" for n in (0, 1, 2, 3, 6, 7)]


def test_drawings_held_in_a_devices_memory_make_the_same_batches(tmp_path: Path, small_shards: None) -> None:
    models = make_models()
    store = ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)
    settings = FlowSettings(images=64, batch=2, reuse=1, pool_shards=2)
    by_hand = BatchMaker(store, settings)
    with open_resident_batches(store, settings, num_drawers=1) as batches:
        for step in (2, 3, 20):
            expected, got = by_hand.make_batch(step), batches.make_batch(step)
            for field in ("latents_BChw", "tokens_BL", "control_BCHW", "t_B"):
                assert torch.equal(getattr(expected, field), getattr(got, field)), (step, field)
            assert expected.window == got.window
            assert not torch.equal(got.noise_BChw[0], got.noise_BChw[1])
    with open_resident_batches(store, settings, num_drawers=1) as again:
        assert torch.equal(again.make_batch(20).noise_BChw, got.noise_BChw)


def test_a_run_goes_on_in_its_own_batches_alone(tmp_path: Path, small_shards: None) -> None:
    models = make_models()
    store = ShardStore(tmp_path / "latents", models.vae, models.tokenizer, seed=0)
    train_flow(models, store, tmp_path / "run", replace(TINY_FLOW, images=4))
    assert read_counters(tmp_path / "run") == Counters(step=2, batch=2)
    (tmp_path / "run").rename(tmp_path / "run.old")  # as a save leaves it that is killed between its two renames
    assert read_counters(tmp_path / "run") == Counters(step=2, batch=2)
    (tmp_path / "run.old").rename(tmp_path / "run")
    with pytest.raises(WeightsError, match=r"batches of 2, got 4; go on with --batch 2"):
        train_flow(models, store, tmp_path / "run", replace(TINY_FLOW, batch=4))
    (tmp_path / "run" / "state.json").write_text('{"step": 2, "log": {}}')
    with pytest.raises(WeightsError, match="lacks 'step' or 'batch'"):
        train_flow(models, store, tmp_path / "run", TINY_FLOW)


def test_a_picture_is_a_function_of_seed_and_index() -> None:
    for make in (pictures.make_picture, lambda index: pictures.make_example(index).drawing.rgba):
        assert np.array_equal(make(5), make(5))
        assert not np.array_equal(make(5), make(6))


def test_held_out_characters_are_never_drawn_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    real = pictures.sample_character

    def sample(seed: int) -> Puppet:
        seeds.append(seed)
        return real(seed)

    monkeypatch.setattr(pictures, "sample_character", sample)
    for index in range(20):
        pictures.make_example(index)
        pictures.make_picture(index)
    assert max(seeds) < pictures.HELD_OUT_SEED
    pictures.make_example(pictures.HELD_OUT_SEED + 1)
    assert seeds[-1] == pictures.HELD_OUT_SEED + 1


def test_rate_warms_up_and_falls_to_its_end() -> None:
    cosine = [cosine_scale(step, num_steps=1000, warmup_steps=100, final_scale=0.02) for step in range(1000)]
    trapezoid = [
        trapezoid_scale(step, num_steps=1000, warmup_steps=100, cooldown=0.3, final_scale=0.02) for step in range(1000)
    ]
    for scales in (cosine, trapezoid):
        assert scales[0] == pytest.approx(1 / 100)
        assert max(scales) == pytest.approx(1)
        assert scales[-1] == pytest.approx(0.02, rel=0.2)
        assert (np.diff(scales[:100]) > 0).all() and (np.diff(scales[100:]) <= 0).all()
    assert cosine[550] == pytest.approx(0.51, abs=0.001)
    assert trapezoid[699] == 1 and trapezoid[850] == pytest.approx(0.51, abs=0.001)


def test_a_colour_is_a_word_of_its_own_for_each_part_that_it_colours() -> None:
    tokenizer = build_tokenizer(WORDS)
    assert tokenizer.tokenize("brown wavy amber void eyes Brown skin zib") == [
        "brownhair", "wavy", "ambereyes", "void", "eyes", "brownskin", "skin", "z", "##i", "##b"
    ]  # fmt: skip
    rng = np.random.default_rng(5)
    captions = [caption(sample_character(seed), sample_light(rng)) for seed in range(300)]
    assert not {token for text in captions for token in tokenizer.tokenize(text)} & {*COLOUR_WORDS, "[UNK]"}


def test_orthogonalised_matrices_keep_their_directions_and_lose_their_sizes() -> None:
    generator = torch.Generator().manual_seed(1)
    matrices = [torch.randn(shape, generator=generator) for shape in ((8, 40), (40, 8), (8, 8), (3, 40))]
    for matrix, turned in zip(matrices, orthogonalise(matrices), strict=True):
        assert turned.shape == matrix.shape
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        inside = left.T @ turned @ right.T
        assert (inside - torch.diag(inside.diagonal())).abs().max() < 1e-4
        assert inside.diagonal().min() > 0.5 and inside.diagonal().max() < 1.3


def test_only_linear_maps_and_full_convolutions_are_matrices() -> None:
    network = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.Embedding(5, 6), nn.Linear(6, 7), nn.LayerNorm(7)])
    split = split_weights([network])
    assert [weight.shape for weight in split.matrices] == [(4, 3, 3, 3), (7, 6)]
    assert [weight.shape for weight in split.embeddings] == [(5, 6)]
    assert len(split.others) == 4


def test_the_basis_centres_the_latents_and_changes_no_picture() -> None:
    torch.manual_seed(0)
    network = NanoAutoencoder().eval()
    batch = np.stack([pictures.make_picture(index, seed=77) for index in range(8)])
    from perfkit.inference.engines.nano_model import tensor_from_rgba

    with torch.no_grad():
        before = network(tensor_from_rgba(batch))
        fit_latent_basis(network, num_pictures=8)
        z = network.encode(tensor_from_rgba(batch)).latents
        after = network(tensor_from_rgba(batch))
    assert z.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert z.var(dim=(0, 2, 3)).mean() == pytest.approx(1, abs=1e-3)
    assert torch.allclose(before, after, atol=1e-3)


def test_the_basis_enlarges_what_the_picture_shows_most() -> None:
    """Of two directions that the latents use alike, the one that the decoder shows twice as strongly grows by more."""
    torch.manual_seed(0)
    network = NanoAutoencoder().eval()
    raw = torch.randn(4, 48, 16, 16)
    sensitivity = measure_sensitivity(network, raw)
    with torch.no_grad():
        network.decoder[1].weight.mul_(2)
    assert torch.allclose(sensitivity, sensitivity.T)
    assert measure_sensitivity(network, raw).trace() > 2 * sensitivity.trace()


def _write_step(folder: Path) -> None:
    """Worker: one step of Muon on two matrices, of which each worker turns one; worker 0 writes the weights."""
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.randn(5, 2, 3, 3))]
    for weight in weights:
        weight.grad = torch.randn(weight.shape)
    Muon(weights, lr=0.1).step()
    if worker_index() == 0:
        np.savez(folder / "weights.npz", *[weight.detach().numpy() for weight in weights])


@pytest.mark.slow
def test_two_workers_take_the_step_of_one(tmp_path: Path) -> None:
    both, alone = tmp_path / "both", tmp_path / "alone"
    for folder, num_workers in ((both, 2), (alone, 1)):
        folder.mkdir()
        with open_workers(num_workers, _write_step, (folder,)):
            _write_step(folder)
    one, other = np.load(both / "weights.npz"), np.load(alone / "weights.npz")
    assert all(np.array_equal(one[name], other[name]) for name in one.files)


def _write_gradient(folder: Path) -> None:
    """Worker: the loss of its rows of a batch; worker 0 writes the shared gradient."""
    from perfkit.training.optimise.parallel import average_gradients

    weight = nn.Parameter(torch.tensor([2.0]))
    batch = torch.arange(4.0)
    loss = (weight * batch[worker_rows(4)]).square().mean()
    loss.backward()
    mean = average_gradients([weight], loss)
    if worker_index() == 0:
        assert weight.grad is not None
        (folder / "gradient").write_text(f"{mean} {weight.grad.item()}")


@pytest.mark.slow
def test_two_workers_share_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    with open_workers(2, _write_gradient, (tmp_path,)):
        _write_gradient(tmp_path)
    mean, gradient = map(float, (tmp_path / "gradient").read_text().split())
    assert mean == pytest.approx(4 * (0 + 1 + 4 + 9) / 4)
    assert gradient == pytest.approx(2 * 2 * (0 + 1 + 4 + 9) / 4)


def _write_batch(folder: Path) -> None:
    """Worker: its rows of a batch whose pool has grown, from shards that the workers make between them."""
    latents.SHARD_SIZE = batches.SHARD_SIZE = 4
    models = make_models()
    store = ShardStore(folder / "latents", models.vae, models.tokenizer, seed=0)
    batch = BatchMaker(store, FlowSettings(images=64, batch=4, reuse=1)).make_batch(5)
    np.savez(folder / f"rows{worker_index()}.npz", latents=batch.latents_BChw.numpy(), t=batch.t_B.numpy())


@pytest.mark.slow
def test_two_workers_see_the_batch_of_one(tmp_path: Path) -> None:
    both, alone = tmp_path / "both", tmp_path / "alone"
    for folder, num_workers in ((both, 2), (alone, 1)):
        folder.mkdir()
        with open_workers(num_workers, _write_batch, (folder,)):
            _write_batch(folder)
    halves, whole = [np.load(both / f"rows{index}.npz") for index in (0, 1)], np.load(alone / "rows0.npz")
    for name in ("latents", "t"):
        assert np.array_equal(np.concatenate([half[name] for half in halves]), whole[name]), name
    assert [path.name for path in sorted((both / "latents").iterdir())] == [
        path.name for path in sorted((alone / "latents").iterdir())
    ]


@pytest.mark.parametrize("is_fast", [False, True])
def test_low_precision_is_bfloat16_where_that_is_fast_and_weights_stay_float32(
    monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr("perfkit.training.optimise.precision.has_fast_bfloat16", lambda device: is_fast)
    network, batch = nn.Linear(64, 64), torch.randn(8, 64, generator=torch.Generator().manual_seed(2))
    with low_precision(torch.device("cpu")):
        answer = network(batch)
    answer.float().square().sum().backward()
    assert answer.dtype == (torch.bfloat16 if is_fast else torch.float32)
    assert network.weight.grad is not None and network.weight.grad.dtype == network.weight.dtype == torch.float32
    assert torch.allclose(answer.float(), network(batch), atol=0.02)


def test_processors_without_bfloat16_instructions_compute_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for capabilities, expected in (({"avx2": True}, False), ({"amx_bf16": True}, True), ({"avx512_bf16": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda given=capabilities: given)
        assert has_fast_bfloat16(torch.device("cpu")) is expected


def test_a_run_restored_from_a_base_publishes_that_base(tmp_path: Path) -> None:
    run, base = tmp_path / "run", tmp_path / "base"
    batch = json.loads((BASE_FOLDER / "training.json").read_text())["last_batch"]
    run_restore(Namespace(run=run, base=BASE_FOLDER, batch=batch))
    with pytest.raises(WeightsError, match="holds a checkpoint already"):
        run_restore(Namespace(run=run, base=BASE_FOLDER, batch=batch))
    base.mkdir()
    (base / "training.json").write_bytes((BASE_FOLDER / "training.json").read_bytes())
    run_publish(Namespace(run=run, base=base))
    for path in [*BASE_FOLDER.rglob("*.safetensors"), BASE_FOLDER / "training.json"]:
        assert (base / path.relative_to(BASE_FOLDER)).read_bytes() == path.read_bytes(), path
