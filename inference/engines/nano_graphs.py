"""nano as four networks with everything of one character merged in: pictures go in and come out as bytes.

    control uint8 (B, 256, 256, 3), blank, scale         --control-->  residuals, once per frame
    latents (B, 48, 16, 16), time                        --down-->     features: what the control does not reach
    latents (B, 48, 16, 16), time, features, residuals   --up-->       noise - clean
    latents (B, 48, 16, 16)                              --decoder-->  uint8 RGBA (B, 256, 256, 4), straight alpha

A ControlNet's residuals enter a UNet behind its middle. The half before it is the same for all frames that begin with
the same noise, and runs once for them.

Plain torch modules: run as they are, or exported. The LoRA is added into the weights, the caption is a constant.
Legend: B batch, C channels, H W picture, h w latent grid, L caption tokens, E text width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from perfkit.errors import WeightsError
from perfkit.inference.engine import EngineRequest
from perfkit.inference.engines import nano_model


@dataclass(frozen=True, eq=False)
class NanoGraphs:
    """The four networks."""

    control: nn.Module
    down: nn.Module
    up: nn.Module
    decoder: nn.Module

    def make_examples(self, batch: int) -> dict[str, tuple[Tensor, ...]]:
        """Return inputs of the right shapes and types for each network."""
        picture_px, latent_px = nano_model.PICTURE_PX, nano_model.LATENT_PX
        latents = torch.zeros(batch, nano_model.LATENT_CHANNELS, latent_px, latent_px)
        control = (torch.zeros(batch, picture_px, picture_px, 3, dtype=torch.uint8), latents, torch.ones(1))
        with torch.inference_mode():
            residuals = self.control(*control)
            features = self.down(latents, torch.ones(1))
        up = (latents, torch.ones(1), *features, *residuals)
        return {"control": control, "down": (latents, torch.ones(1)), "up": up, "decoder": (latents,)}


class ControlBranch(nn.Module):
    """The ControlNet. It sees neither time nor noise, so that its residuals serve every step."""

    def __init__(self, controlnet: nn.Module, text_1LE: Tensor) -> None:
        super().__init__()
        self.controlnet = controlnet
        self.text = nn.Buffer(text_1LE)

    def forward(self, control_BHW3: Tensor, blank_BChw: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
        # The blank latents are an input: as a constant they would be folded with the first layer, and OpenVINO 2026.4
        # adds the control picture to that constant in place, again at every call.
        batch = control_BHW3.shape[0]
        pictures = control_BHW3.permute(0, 3, 1, 2).float() / 255
        down, middle = self.controlnet(
            blank_BChw,
            pictures.new_zeros(batch),
            self.text.expand(batch, -1, -1),
            controlnet_cond=nn.functional.pixel_unshuffle(pictures, 2),
            return_dict=False,
        )
        return tuple(residual * scale for residual in (*down, middle))


class _HalfUNet(nn.Module):
    def __init__(self, unet: Any, text_1LE: Tensor) -> None:
        super().__init__()
        self.unet = unet
        self.text = nn.Buffer(text_1LE)

    def _embed(self, time_B: Tensor, text_BLE: Tensor) -> Tensor:
        """Return what tells every block the time, and the caption, pooled."""
        waves = self.unet.get_time_embed(text_BLE, time_B * nano_model.NUM_TIMES - 1)
        embedding = self.unet.time_embedding(waves)
        return embedding + self.unet.get_aug_embed(embedding, text_BLE, added_cond_kwargs={})

    def _context(self, block: nn.Module, text_BLE: Tensor) -> dict[str, Tensor]:
        return {"encoder_hidden_states": text_BLE} if getattr(block, "has_cross_attention", False) else {}


class UNetDown(_HalfUNet):
    """The UNet as far as its middle: latents (B, 48, 16, 16) and time (1,) to the skips and the middle's output."""

    def forward(self, latents_BChw: Tensor, time: Tensor) -> tuple[Tensor, ...]:
        batch = latents_BChw.shape[0]
        text_BLE = self.text.expand(batch, -1, -1)
        embedding = self._embed(time.expand(batch), text_BLE)
        x = self.unet.conv_in(nano_model.to_unit_variance(latents_BChw, time.view(1, 1, 1, 1)))
        skips = [x]
        for block in self.unet.down_blocks:
            x, new_skips = block(hidden_states=x, temb=embedding, **self._context(block, text_BLE))
            skips += new_skips
        return (*skips, self.unet.mid_block(x, embedding, encoder_hidden_states=text_BLE))


class UNetUp(_HalfUNet):
    """The UNet from its middle on: what `UNetDown` found, with the ControlNet's residuals, to noise - clean."""

    def forward(self, latents_BChw: Tensor, time: Tensor, *features_and_residuals: Tensor) -> Tensor:
        batch = latents_BChw.shape[0]
        text_BLE = self.text.expand(batch, -1, -1)
        embedding = self._embed(time.expand(batch), text_BLE)
        num_features = len(features_and_residuals) // 2
        features, residuals = features_and_residuals[:num_features], features_and_residuals[num_features:]
        *skips, x = (feature + residual for feature, residual in zip(features, residuals, strict=True))
        for block in self.unet.up_blocks:
            num_skips = len(block.resnets)
            taken, skips = tuple(skips[-num_skips:]), skips[:-num_skips]
            context = self._context(block, text_BLE)
            x = block(hidden_states=x, temb=embedding, res_hidden_states_tuple=taken, **context)
        clean_BChw = self.unet.conv_out(self.unet.conv_act(self.unet.conv_norm_out(x)))
        return (latents_BChw - clean_BChw) / time


class Decoder(nn.Module):
    """The autoencoder's decoder, down to bytes."""

    def __init__(self, vae: nano_model.NanoAutoencoder) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents_BChw: Tensor) -> Tensor:
        premultiplied = (self.vae.decode(latents_BChw, return_dict=False)[0] * 0.5 + 0.5).clamp(0, 1)
        colour, alpha = premultiplied[:, :3], premultiplied[:, 3:]
        straight = (colour / alpha.clamp(min=1 / 255)).clamp(0, 1)
        return (torch.cat([straight, alpha], dim=1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class TorchNetwork:
    """Runs one of the networks by torch; tensors stay on their device from one network to the next."""

    def __init__(self, module: nn.Module, *, device: str, precision: str) -> None:
        self._module = module.to(device)
        self._device = device
        self._is_bf16 = precision == "bf16"

    def __call__(self, inputs: Sequence[Any]) -> list[Tensor]:
        """Run the network; inputs are arrays or tensors."""
        tensors = [torch.as_tensor(value, device=self._device) for value in inputs]
        with (
            torch.inference_mode(),
            torch.autocast(self._device, torch.bfloat16, enabled=self._is_bf16),
            torch.backends.cudnn.flags(deterministic=True, benchmark=False),
        ):
            outputs = self._module(*tensors)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return [output.float() if output.is_floating_point() else output for output in outputs]


def build_graphs(request: EngineRequest, weights_dir: Path) -> NanoGraphs:
    """Load nano, add all LoRAs to its weights, embed its caption.

    Raises:
        WeightsError: Base or LoRA absent or damaged, or the LoRA fits another base.
    """
    models = nano_model.load_nano(weights_dir)
    for lora in request.loras:
        merge_lora(models, lora.path, scale=lora.scale)
    with torch.no_grad():
        text_1LE = nano_model.encode_text(models, [request.caption])
    for module in (models.unet, models.controlnet, models.vae):
        module.requires_grad_(False)
    return NanoGraphs(
        control=ControlBranch(models.controlnet, text_1LE).eval(),
        down=UNetDown(models.unet, text_1LE).eval(),
        up=UNetUp(models.unet, text_1LE).eval(),
        decoder=Decoder(models.vae).eval(),
    )


def merge_lora(models: nano_model.NanoModels, path: Path, *, scale: float) -> None:
    """Add a LoRA in diffusers' key format to the weights of `models`, in place.

    Args:
        models: The base.
        path: A safetensors file with keys `unet.*` and, where trained, `controlnet.*`.
        scale: Strength; 1 = as trained.

    Raises:
        WeightsError: The file is damaged or fits another base.
    """
    try:
        tensors = load_file(path)
        for name in ("unet", "controlnet"):
            if any(key.startswith(f"{name}.") for key in tensors):
                module = getattr(models, name)
                module.load_lora_adapter(tensors, prefix=name, adapter_name="character")
                module.fuse_lora(lora_scale=scale, adapter_names=["character"])
                module.unload_lora()
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path}: LoRA does not fit nano ({reason}); train the character again") from error
