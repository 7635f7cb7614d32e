import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from perfkit.control import ControlFrame
from perfkit.errors import SettingsError, WeightsError
from perfkit.inference.engine import EngineRequest, Lora, make_engine
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import LATENT_SHAPE, WEIGHTS_DIR, digest_weights
from perfkit.inference.engines.nano_graphs import build_graphs, merge_lora
from perfkit.inference.sampling import make_flow_times, make_noise, sample_flow
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.inference.stylize import stylize

REQUEST = EngineRequest("human brown hair")
ON_TORCH = RuntimeSettings(backend="torch", device="cpu")

pytestmark = pytest.mark.skipif(not WEIGHTS_DIR.is_dir(), reason="the base's weights are not there")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "perfkit-cache"


@pytest.fixture(scope="module")
def control_NHW3():
    return np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)


def render(engine, control_NHW3, *, steps=2):
    conditioning = engine.condition(control_NHW3)
    noise = make_noise(np.arange(len(control_NHW3)), engine.latent_shape, seed=0)

    def predict_velocity(latents, time):
        return engine.predict_velocity(latents, time, conditioning)

    return engine.decode(sample_flow(predict_velocity, noise, make_flow_times(steps)))


@pytest.fixture(scope="module")
def lora_path(tmp_path_factory):
    """A LoRA with random weights in both matrices, in diffusers' key format."""
    unet = nano_model.load_nano(WEIGHTS_DIR).unet
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_v", "conv1"]), adapter_name="character")
    generator = torch.Generator().manual_seed(0)
    weights = {
        f"unet.{name}": 0.1 * torch.randn(weight.shape, generator=generator)
        for name, weight in get_peft_model_state_dict(unet, adapter_name="character").items()
    }
    path = tmp_path_factory.mktemp("lora") / "nano.safetensors"
    save_file(weights, path, metadata={"base_sha256": digest_weights()})
    return path


def test_exported_and_torch_give_the_same_pictures_within_rounding(cache_dir, control_NHW3):
    exported = make_engine("nano", REQUEST, RuntimeSettings(backend="openvino", cache_dir=cache_dir))
    difference = render(exported, control_NHW3).astype(int) - render(
        make_engine("nano", REQUEST, ON_TORCH), control_NHW3
    )
    assert np.abs(difference).mean() < 0.02
    assert np.abs(difference).max() <= 3


def test_the_unets_halves_are_the_unet(lora_path):
    graphs = build_graphs(EngineRequest(REQUEST.caption, (Lora(lora_path),)), WEIGHTS_DIR)
    generator = torch.Generator().manual_seed(0)
    latents, time = torch.randn(2, *LATENT_SHAPE, generator=generator), torch.tensor([0.6])
    with torch.inference_mode():
        features = graphs.down(latents, time)
        residuals = [torch.randn(feature.shape, generator=generator) for feature in features]
        velocity = graphs.up(latents, time, *features, *residuals)
        text = graphs.up.text.expand(2, -1, -1)
        clean = nano_model.predict_clean(graphs.up.unet, latents, time.expand(2), text, residuals)
    assert torch.equal(velocity, (latents - clean) / time)


def test_the_first_half_runs_once_for_frames_that_begin_alike(control_NHW3):
    engine = make_engine("nano", REQUEST, ON_TORCH)
    calls = []
    down = engine._networks.down
    engine._networks = replace(engine._networks, down=lambda inputs: calls.append(1) or down(inputs))
    conditioning = engine.condition(control_NHW3)
    alike = np.repeat(make_noise(np.arange(1), LATENT_SHAPE, seed=0), 3, axis=0)
    first = engine.predict_velocity(alike, 1.0, conditioning)
    assert np.array_equal(engine.predict_velocity(alike, 1.0, conditioning), first) and len(calls) == 1
    engine.predict_velocity(alike, 0.5, conditioning)
    engine.predict_velocity(alike + 1, 1.0, conditioning)
    assert len(calls) == 3
    mixed = np.concatenate([alike[:1], alike[1:] + 1])
    assert np.array_equal(engine.predict_velocity(mixed, 1.0, conditioning)[0], first[0])


def test_number_of_cores_changes_no_pixel(cache_dir, control_NHW3):
    pictures = [
        render(
            make_engine("nano", REQUEST, RuntimeSettings(backend="openvino", num_threads=threads, cache_dir=cache_dir)),
            control_NHW3,
        )
        for threads in (1, 2)
    ]
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_window_batch_and_resume_change_no_pixel(cache_dir, control_NHW3, precision):
    request = replace(REQUEST, precision=precision)
    engine = make_engine("nano", request, RuntimeSettings(backend="openvino", cache_dir=cache_dir))
    controls = [ControlFrame(index, index / 25, control_NHW3[index % 3]) for index in range(7)]
    settings = RenderSettings(steps=2, noise_share=0.5, blend_frames=1)
    whole = [frame.image_rgba for frame in stylize(controls, engine, settings)]
    again = [frame.image_rgba for frame in stylize(controls, engine, settings, window_frames=3)]
    engine.frames_per_call = 3
    other_batch = [frame.image_rgba for frame in stylize(controls, engine, settings, window_frames=5)]
    context = controls[4 - settings.context_frames :]
    resumed = [frame.image_rgba for frame in stylize(context, engine, settings, first=4)]
    assert np.array_equal(again, whole)
    assert np.array_equal(other_batch, whole)
    assert np.array_equal(resumed, whole[4:])


def test_with_a_warm_cache_torch_is_not_even_imported(cache_dir):
    runtime = f"RuntimeSettings(backend='openvino', cache_dir=Path({str(cache_dir)!r}))"
    make_engine("nano", REQUEST, RuntimeSettings(backend="openvino", cache_dir=cache_dir))
    code = (
        "import sys; from pathlib import Path; import perfkit.inference.render;"
        "from perfkit.inference.engine import EngineRequest, Lora, make_engine;"
        "from perfkit.inference.settings import RuntimeSettings;"
        f"make_engine('nano', EngineRequest({REQUEST.caption!r}), {runtime});"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_merged_lora_equals_one_that_is_left_apart(lora_path, scale):
    merged, apart = nano_model.load_nano(WEIGHTS_DIR), nano_model.load_nano(WEIGHTS_DIR)
    merge_lora(merged, lora_path, scale=scale)
    apart.unet.load_lora_adapter(lora_path.parent, prefix="unet", weight_name=lora_path.name, local_files_only=True)
    apart.unet.set_adapters(list(apart.unet.peft_config), [scale])
    noise = torch.from_numpy(make_noise(np.arange(2), LATENT_SHAPE, seed=0))
    text, time = torch.zeros(2, 24, 128), torch.full((2,), 500.0)
    with torch.no_grad():
        first, second = (models.unet(noise, time, text).sample for models in (merged, apart))
        bare = nano_model.load_nano(WEIGHTS_DIR).unet(noise, time, text).sample
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-3 * float(second.abs().max()))
    assert (first - bare).abs().max() > 1e-3


def test_a_lora_at_strength_zero_changes_nothing(lora_path, control_NHW3):
    with_lora = make_engine("nano", EngineRequest(REQUEST.caption, (Lora(lora_path, 0.0),)), ON_TORCH)
    assert np.array_equal(render(with_lora, control_NHW3), render(make_engine("nano", REQUEST, ON_TORCH), control_NHW3))


def test_loras_stack_in_any_order(lora_path):
    once, twice = nano_model.load_nano(WEIGHTS_DIR), nano_model.load_nano(WEIGHTS_DIR)
    merge_lora(once, lora_path, scale=1.0)
    for scale in (0.4, 0.6):
        merge_lora(twice, lora_path, scale=scale)
    for name, weight in once.unet.state_dict().items():
        torch.testing.assert_close(twice.unet.state_dict()[name], weight, rtol=1e-5, atol=1e-6)


def test_whatever_shapes_the_pixels_shapes_the_digest(lora_path):
    requests = [
        REQUEST,
        EngineRequest("robot"),
        EngineRequest(REQUEST.caption, control_scale=0.5),
        EngineRequest(REQUEST.caption, (Lora(lora_path),)),
        EngineRequest(REQUEST.caption, (Lora(lora_path, 0.5),)),
        EngineRequest(REQUEST.caption, (Lora(lora_path, 0.5), Lora(lora_path))),
        EngineRequest(REQUEST.caption, precision="bf16"),
    ]
    digests = [make_engine("nano", request, ON_TORCH).digest for request in requests]
    assert len(set(digests)) == len(requests)
    assert make_engine("nano", REQUEST, ON_TORCH).digest == digests[0]


def test_a_damaged_lora_is_refused_in_one_line(tmp_path):
    path = tmp_path / "nano.safetensors"
    path.write_bytes(b"not safetensors")
    with pytest.raises(WeightsError, match="no LoRA that can be read") as refusal:
        make_engine("nano", EngineRequest("human", (Lora(path),)), ON_TORCH)
    assert "\n" not in str(refusal.value)


def test_a_lora_for_another_architecture_is_refused(tmp_path):
    path = tmp_path / "nano.safetensors"
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    save_file({f"{name}.lora_A.weight": torch.zeros(4, 999), f"{name}.lora_B.weight": torch.zeros(999, 4)}, path)
    with pytest.raises(WeightsError, match="LoRA does not fit nano"):
        make_engine("nano", EngineRequest("human", (Lora(path),)), ON_TORCH)


def test_a_lora_of_another_base_is_refused(tmp_path):
    path = tmp_path / "nano.safetensors"
    save_file({"unet.x": torch.zeros(1)}, path, metadata={"base_sha256": "0" * 64})
    with pytest.raises(WeightsError, match="trained on another base"):
        make_engine("nano", EngineRequest("human", (Lora(path),)), ON_TORCH)


def test_absent_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no weights of nano"):
        digest_weights(tmp_path)


def test_a_gpu_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SettingsError, match="no GPU"):
        make_engine("nano", REQUEST, RuntimeSettings(device="cuda"))


def test_openvino_on_a_gpu_is_refused():
    with pytest.raises(SettingsError, match="runs on the cpu"):
        make_engine("nano", REQUEST, RuntimeSettings(backend="openvino", device="cuda"))


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 4])
def test_the_stock_scheduler_walks_the_same_path(control_NHW3, steps):
    models = nano_model.load_nano(WEIGHTS_DIR)
    text = nano_model.encode_text(models, [REQUEST.caption]).expand(len(control_NHW3), -1, -1)
    down, middle = nano_model.control_residuals(models, nano_model.control_tensor(control_NHW3), text)
    noise = torch.from_numpy(make_noise(np.arange(len(control_NHW3)), LATENT_SHAPE, seed=0))
    scheduler = nano_model.build_scheduler()
    scheduler.set_timesteps(steps)
    latents = noise * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        predicted = models.unet(
            scheduler.scale_model_input(latents, timestep),
            timestep,
            text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
        latents = scheduler.step(predicted, timestep, latents).prev_sample
    ours = nano_model.sample_latents(models, noise, text, (down, middle), num_steps=steps)
    assert torch.allclose(latents, ours, atol=2e-3)
