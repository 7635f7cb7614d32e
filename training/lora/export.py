"""A pack's adapter as a file for other programs, in the keys that those load.

    diffusers        unet.down_blocks.0.resnets.0.conv1.lora_A.weight            as in the pack
    kohya, comfyui   lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight    and .alpha, the rank

In: a pack. Out: one safetensors file, float16. The adapter still needs the base that it was trained on.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers.utils import convert_state_dict_to_kohya
from safetensors import SafetensorError, safe_open
from torch import Tensor

from perfkit.errors import SettingsError, WeightsError
from perfkit.files import check_target
from perfkit.inference.engines.nano import NanoEngine
from perfkit.pack import CharacterPack, load_pack
from perfkit.training.lora.adapter import save_tensors

Weights = dict[str, Tensor]


def export_adapter(pack: CharacterPack | str | Path, path: Path, *, program: str) -> Path:
    """Write a pack's adapter for another program; return the path.

    Raises:
        SettingsError: An unknown program, or a path that does not end in .safetensors.
        PackError, RightsError, WeightsError: The pack has no adapter, may not be used, or its file is damaged.
    """
    if program not in PROGRAMS:
        raise SettingsError(f"unknown program {program!r}; known: {', '.join(PROGRAMS)}; give one of these")
    if path.suffix != ".safetensors":
        raise SettingsError(f"{path}: adapters are .safetensors files; give the file that ending")
    check_target(path)
    pack = pack if isinstance(pack, CharacterPack) else load_pack(pack)
    pack.require_right("render")
    source = pack.lora_path(NanoEngine.name)
    try:
        with safe_open(source, framework="pt") as stored:
            weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{source}: no LoRA that can be read ({error}); train the character again") from error
    # One entry only: safetensors writes several in random order.
    save_tensors(path, PROGRAMS[program](weights), {"base_sha256": pack.loras[NanoEngine.name].base_sha256})
    return path


def kohya_from_diffusers(weights: Weights) -> Weights:
    """Rename an adapter to kohya's keys by diffusers' own converter, which adds the alphas."""
    renamed = convert_state_dict_to_kohya(weights)
    return {name: torch.as_tensor(tensor).half() for name, tensor in renamed.items()}


PROGRAMS: dict[str, Callable[[Weights], Weights]] = {
    "diffusers": dict,
    "kohya": kohya_from_diffusers,
    "comfyui": kohya_from_diffusers,
}
"""Program -> how its keys are made. ComfyUI reads kohya's keys, block names as diffusers gives them."""
