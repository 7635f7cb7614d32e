"""An exported adapter says the same under other names."""

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_lora_to_diffusers
from safetensors.torch import load_file

from perfkit.errors import PackError, SettingsError
from perfkit.inference.engines import nano_model
from perfkit.training.lora import LoraSettings, TrainOptions, load_adapter, train_character
from perfkit.training.lora.export import PROGRAMS, export_adapter

SETTINGS = LoraSettings(steps=2, rank=2, batch_size=2, num_placements=1, num_priors=0, learning_rate=1e-2)


@pytest.fixture(scope="module")
def trained(tiny_base, lasting_pack):
    """The folder of a trained pack."""
    return train_character(lasting_pack, SETTINGS, TrainOptions(base_folder=tiny_base)).parent.parent


def answer(models) -> torch.Tensor:
    """Return the UNet's answer to a fixed question."""
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, nano_model.LATENT_CHANNELS, 16, 16, generator=generator)
    text = torch.randn(1, nano_model.MAX_TOKENS, nano_model.TEXT_WIDTH, generator=generator)
    with torch.no_grad():
        return models.unet(latents, torch.tensor([900.0]), text, return_dict=False)[0]


def test_diffusers_export_is_the_packs_own_adapter(trained, tmp_path):
    path = export_adapter(trained, tmp_path / "zib.safetensors", program="diffusers")
    assert load_file(path).keys() == load_file(trained / "lora" / "nano.safetensors").keys()


@pytest.mark.parametrize("program", ["kohya", "comfyui"])
def test_kohya_keys_come_back_through_diffusers_converter(trained, tmp_path, program):
    path = export_adapter(trained, tmp_path / "zib.safetensors", program=program)
    exported = load_file(path)
    assert all(name.startswith("lora_unet_") for name in exported)
    own = load_file(trained / "lora" / "nano.safetensors")
    assert {name for name in exported if name.endswith("lora_up.weight")} == {
        "lora_unet_" + name.removeprefix("unet.").removesuffix(".lora_B.weight").replace(".", "_") + ".lora_up.weight"
        for name in own
        if name.endswith("lora_B.weight")
    }
    assert {float(exported[name]) for name in exported if name.endswith(".alpha")} == {2.0}
    back, alphas = _convert_non_diffusers_lora_to_diffusers(dict(exported))
    assert len(back) == len(own) and len(alphas) == len(own) // 2


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_an_export_loads_into_the_base_and_draws_the_same(trained, tiny_base, tmp_path, program):
    path = export_adapter(trained, tmp_path / "zib.safetensors", program=program)
    own, other, bare = (nano_model.load_nano(tiny_base) for _ in range(3))
    load_adapter(own.unet, trained / "lora" / "nano.safetensors")
    weights = load_file(path)
    alphas = None
    if program != "diffusers":
        weights, alphas = _convert_non_diffusers_lora_to_diffusers(weights)
    other.unet.load_lora_adapter(weights, prefix="unet", network_alphas=alphas)
    assert torch.allclose(answer(other), answer(own), atol=1e-5)
    assert not torch.allclose(answer(other), answer(bare), atol=1e-4)


def test_wrong_exports_are_refused(trained, tmp_path, tiny_pack):
    with pytest.raises(SettingsError, match="diffusers, kohya, comfyui"):
        export_adapter(trained, tmp_path / "a.safetensors", program="word")
    with pytest.raises(SettingsError, match="safetensors"):
        export_adapter(trained, tmp_path / "a.pt", program="kohya")
    with pytest.raises(PackError, match="character train"):
        export_adapter(tiny_pack, tmp_path / "a.safetensors", program="kohya")
