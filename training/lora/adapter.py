"""The adapter itself: how peft puts it into a UNet, and its file, whose keys are diffusers' own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors.torch import save
from torch import Tensor

from perfkit.files import write_aside

ADAPTER = "character"
# Attention, feed-forward and the residual blocks' convolutions, by the names that diffusers gives them.
_TARGETS = r".*\.(to_q|to_k|to_v|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|proj_out|conv1|conv2|conv_shortcut)"


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
        weights: In peft's names.
        base_sha256: The base that it fits, for the header; its only entry, as several are written in random order.
    """
    save_tensors(
        path, {f"unet.{name}": weight.half() for name, weight in weights.items()}, {"base_sha256": base_sha256}
    )


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors as safetensors, beside their place and renamed; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with write_aside(path) as aside:
        aside.write_bytes(save(contiguous, metadata=dict(metadata)))
