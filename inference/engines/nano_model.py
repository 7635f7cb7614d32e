"""The networks of `nano`: their architecture, their folder, and the arithmetic that training and inference share.

In: a diffusers folder (unet/ controlnet/ vae/ text_encoder/ tokenizer/ scheduler/). Out: `NanoModels`.
This is the engine's public face: training may import it. Nothing here knows of takes, tracks or characters.

Shapes: B batch, C channels, H W picture 256, h w latent 16, L caption tokens, E text width.

The ControlNet sees the control picture and the caption only. Its `conv_in` and the last layer of its time embedding
are zero and stay zero, so that neither the noisy latents nor the time reach it: its residuals are computed once per
frame and serve every step, and it is still a plain `ControlNetModel` that stock pipelines run unchanged.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from perfkit.captions import COLOUR_WORDS, COLOURED_NOUNS
from perfkit.errors import WeightsError
from perfkit.inference.engines.nano_autoencoder import LATENT_CHANNELS, NanoAutoencoder

PICTURE_PX = 256
LATENT_PX = 16
MAX_TOKENS = 24
NUM_TIMES = 1000
RENDER_BATCH = 16
TEXT_WIDTH = 128
BASE_FOLDER = Path(__file__).parents[1] / "weights" / "nano"
Residuals = tuple[list[Tensor], Tensor]
"""The ControlNet's answer: for the UNet's skips, and for its middle."""
COMPONENTS = ("unet", "controlnet", "vae", "text_encoder", "tokenizer", "scheduler")


@dataclass(frozen=True)
class NanoModels:
    """The networks of one nano base, in evaluation mode."""

    unet: UNet2DConditionModel
    controlnet: ControlNetModel
    vae: NanoAutoencoder
    text_encoder: CLIPTextModel
    tokenizer: PreTrainedTokenizerFast
    scheduler: DDIMScheduler


def build_unet() -> UNet2DConditionModel:
    """Make the untrained UNet (11.9 M parameters).

    The caption reaches it twice: by cross-attention, and, pooled, beside the time in every residual block.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_PX,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(144, 144, 144),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
        resnet_time_scale_shift="scale_shift",
    )


def build_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """Make the untrained ControlNet (5.5 M parameters), blind to noise and time (see the module's docstring)."""
    controlnet = ControlNetModel.from_unet(
        unet,
        conditioning_channels=12,
        conditioning_embedding_out_channels=(16, 32, 64, 128),
        load_weights_from_unet=False,
    )
    blind_controlnet(controlnet)
    return controlnet


def blind_controlnet(controlnet: ControlNetModel) -> None:
    """Zero and freeze the two layers through which noise and time would enter."""
    for layer in (controlnet.conv_in, controlnet.time_embedding.linear_2):
        nn.init.zeros_(layer.weight)
        layer.weight.requires_grad_(False)


def build_tokenizer(words: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """Make a WordPiece tokenizer that knows `words` whole and spells every other word in letters and digits.

    A colour becomes a token of its own for each part that it colours ("brown wavy" is "brownhair wavy"): the text
    encoder need not find out what a colour belongs to, and the rare colours of a part are learned from few drawings.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[BOS]", "[EOS]", *letters, *(f"##{letter}" for letter in letters)]
    pieces += [word for word in dict.fromkeys(words) if word not in pieces]
    parts = [(colour, part, "|".join(nouns)) for part, nouns in COLOURED_NOUNS.items() for colour in COLOUR_WORDS]
    pieces += [f"{colour}{part}" for colour, part, _ in parts]
    tokenizer = Tokenizer(
        models.WordPiece(vocab={piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            *(
                normalizers.Replace(Regex(rf"\b{colour} (?=(?:{nouns})\b)"), f"{colour}{part} ")
                for colour, part, nouns in parts
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        bos_token="[BOS]",
        eos_token="[EOS]",
        model_max_length=MAX_TOKENS,
    )


def build_text_encoder(num_tokens: int) -> CLIPTextModel:
    """Make the untrained text encoder: two CLIP layers over the caption's words.

    At first it answers with the words alone, wherever they stand: what the layers add starts at zero, and so does what
    tells positions apart. In a caption of slots the order says little.
    """
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=num_tokens,
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            projection_dim=TEXT_WIDTH,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
        )
    )
    for name, weight in encoder.named_parameters():
        if name.endswith(("position_embedding.weight", "out_proj.weight", "fc2.weight")):
            nn.init.zeros_(weight)
    return encoder


def build_scheduler() -> DDIMScheduler:
    """Make the scheduler by which stock pipelines walk the same straight path as `sample_latents`.

    Its alpha at timestep 1000 t - 1 is (1 - t) / sqrt((1 - t)^2 + t^2).
    """
    t = np.arange(1, NUM_TIMES + 1) / NUM_TIMES
    alpha_squared = (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
    betas = 1 - alpha_squared / np.concatenate([[1.0], alpha_squared[:-1]])
    return DDIMScheduler(
        num_train_timesteps=NUM_TIMES,
        trained_betas=betas.tolist(),
        clip_sample=False,
        prediction_type="sample",
        timestep_spacing="trailing",
    )


def save_nano(models: NanoModels, folder: Path) -> None:
    """Write every component in diffusers' layout, weights as float16 safetensors."""
    for name in COMPONENTS:
        component = getattr(models, name)
        if isinstance(component, nn.Module):
            component = _half_copy(component)
        component.save_pretrained(folder / name)
    index = (
        '{\n  "_class_name": "StableDiffusionControlNetPipeline",\n'
        '  "vae": ["perfkit.inference.engines.nano_model", "NanoAutoencoder"],\n'
        '  "text_encoder": ["transformers", "CLIPTextModel"],\n'
        '  "tokenizer": ["transformers", "PreTrainedTokenizerFast"],\n'
        '  "unet": ["diffusers", "UNet2DConditionModel"],\n'
        '  "controlnet": ["diffusers", "ControlNetModel"],\n'
        '  "scheduler": ["diffusers", "DDIMScheduler"],\n'
        '  "safety_checker": [null, null],\n  "feature_extractor": [null, null],\n'
        '  "requires_safety_checker": false\n}\n'
    )
    (folder / "model_index.json").write_text(index)


def _half_copy(module: nn.Module) -> nn.Module:
    half = copy.deepcopy(module).cpu()
    for parameter in half.parameters():
        parameter.data = parameter.data.half()
    return half


def load_nano(folder: Path, *, device: str = "cpu") -> NanoModels:
    """Load a base folder in float32.

    Raises:
        WeightsError: A component is absent or does not load.
    """
    missing = [name for name in COMPONENTS if not (folder / name).is_dir()]
    if missing:
        raise WeightsError(
            f"{folder}: the nano base lacks {', '.join(missing)}; reinstall perfkit or name another folder"
        )
    try:
        models = NanoModels(
            unet=_load(UNet2DConditionModel, folder / "unet"),
            controlnet=_load(ControlNetModel, folder / "controlnet"),
            vae=_load(NanoAutoencoder, folder / "vae"),
            text_encoder=_load(CLIPTextModel, folder / "text_encoder"),
            tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer", local_files_only=True),
            scheduler=DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
        )
    except (OSError, ValueError, RuntimeError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(f"{folder}: the nano base does not load ({line}); reinstall perfkit") from error
    for name in ("unet", "controlnet", "vae", "text_encoder"):
        getattr(models, name).to(device).eval()
    return models


def _load(model_class: Any, folder: Path) -> Any:
    disable_progress_bar()
    return model_class.from_pretrained(folder, local_files_only=True, torch_dtype=torch.float32, use_safetensors=True)


def tokenize(tokenizer: PreTrainedTokenizerFast, captions: list[str]) -> Tensor:
    """Return (B, L) int64 token ids, cut or padded to `MAX_TOKENS`; an empty caption is all padding."""
    return tokenizer(
        captions, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    ).input_ids


def encode_text(models: NanoModels, captions: list[str]) -> Tensor:
    """Return (B, L, E) text states for captions."""
    ids = tokenize(models.tokenizer, captions).to(models.text_encoder.device)
    return models.text_encoder(ids).last_hidden_state


def control_tensor(images_rgb: np.ndarray) -> Tensor:
    """Convert control pictures (B, 256, 256, 3) uint8 to the ControlNet's input (B, 12, 128, 128) in [0, 1]."""
    return control_input(torch.from_numpy(np.ascontiguousarray(images_rgb)))


def control_input(images_BHW3: Tensor) -> Tensor:
    """Convert as `control_tensor` does, on the device where the pictures lie."""
    x_BCHW = images_BHW3.permute(0, 3, 1, 2).float() / 255
    return nn.functional.pixel_unshuffle(x_BCHW, 2).contiguous(memory_format=torch.channels_last)


def tensor_from_rgba(images_rgba: np.ndarray) -> Tensor:
    """Convert straight-alpha uint8 RGBA (B, H, W, 4) to premultiplied [-1, 1] (B, 4, H, W)."""
    return picture_input(torch.from_numpy(np.ascontiguousarray(images_rgba)))


def picture_input(images_BHW4: Tensor) -> Tensor:
    """Convert as `tensor_from_rgba` does, on the device where the pictures lie."""
    x_BHWC = images_BHW4.float() / 255
    x_BHWC[..., :3] *= x_BHWC[..., 3:]
    return (x_BHWC * 2 - 1).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def rgba_from_array(premultiplied: np.ndarray) -> np.ndarray:
    """Convert decoder output (B, 4, H, W) float to straight-alpha uint8 RGBA (B, H, W, 4)."""
    x_BHWC = np.clip(premultiplied.transpose(0, 2, 3, 1) * 0.5 + 0.5, 0, 1)
    alpha = x_BHWC[..., 3:]
    rgb = np.clip(x_BHWC[..., :3] / np.maximum(alpha, 1 / 255), 0, 1) * (alpha > 0)
    return np.rint(np.concatenate([rgb, alpha], axis=-1) * 255).astype(np.uint8)


def control_residuals(models: NanoModels, control_BCHW: Tensor, text_BLE: Tensor) -> Residuals:
    """Return the ControlNet's residuals for the UNet's skips and its middle: once per frame, for every step."""
    batch = control_BCHW.shape[0]
    blank = torch.zeros(batch, LATENT_CHANNELS, LATENT_PX, LATENT_PX, device=control_BCHW.device)
    return models.controlnet(blank, torch.zeros(batch, device=blank.device), text_BLE, control_BCHW, return_dict=False)


def to_unit_variance(x_BChw: Tensor, t_B111: Tensor) -> Tensor:
    """Return x = (1 - t) clean + t noise as the UNet sees it, were clean and noise of unit variance."""
    return x_BChw / torch.sqrt((1 - t_B111) ** 2 + t_B111**2)


def predict_clean(
    unet: nn.Module, x_BChw: Tensor, t_B: Tensor, text_BLE: Tensor, residuals: Sequence[Tensor]
) -> Tensor:
    """Return the clean latents (B, 48, 16, 16) that the UNet expects behind x = (1 - t) clean + t noise, 0 < t <= 1.

    The UNet sees x at unit variance and answers with the latents themselves: noise, which fills all 48 channels at
    every place, need not pass through a network hardly wider than that, and none is left over in the picture.
    Source: Li & He 2025, Back to Basics (arXiv:2511.13720), on the straight path of Liu et al. 2022.
    """
    return unet(
        to_unit_variance(x_BChw, t_B.view(-1, 1, 1, 1)),
        t_B * NUM_TIMES - 1,
        text_BLE,
        down_block_additional_residuals=list(residuals[:-1]),
        mid_block_additional_residual=residuals[-1],
        return_dict=False,
    )[0]


@torch.no_grad()
def sample_latents(
    models: NanoModels,
    noise_BChw: Tensor,
    text_BLE: Tensor,
    residuals: Residuals,
    *,
    num_steps: int,
) -> Tensor:
    """Follow the flow from noise (t = 1) to clean latents (t = 0) in equal Euler steps."""
    x_BChw = noise_BChw
    times = torch.linspace(1, 0, num_steps + 1, device=noise_BChw.device)
    for now, after in pairwise(times):
        clean = predict_clean(models.unet, x_BChw, now.expand(len(x_BChw)), text_BLE, (*residuals[0], residuals[1]))
        x_BChw = clean + after / now * (x_BChw - clean)
    return x_BChw


@torch.no_grad()
def render_pictures(
    models: NanoModels, captions: Sequence[str], controls_rgb: np.ndarray, noise: np.ndarray, *, num_steps: int
) -> np.ndarray:
    """Render pictures one batch at a time, as training measures them; `engine.Engine` is the product's way.

    Args:
        models: The base, with an adapter or without.
        captions: N prompts.
        controls_rgb: (N, 256, 256, 3) uint8.
        noise: (N, C, h, w) float32, or (1, C, h, w) for the same in all.
        num_steps: Network evaluations.

    Returns:
        (N, 256, 256, 4) uint8 straight-alpha RGBA.
    """
    device = models.unet.device
    noise = np.broadcast_to(noise, (len(captions), *noise.shape[1:]))
    pictures = []
    for start in range(0, len(captions), RENDER_BATCH):
        part = slice(start, start + RENDER_BATCH)
        text = encode_text(models, list(captions[part]))
        residuals = control_residuals(models, control_tensor(controls_rgb[part]).to(device), text)
        latents = sample_latents(
            models, torch.from_numpy(noise[part].copy()).to(device), text, residuals, num_steps=num_steps
        )
        pictures.append(rgba_from_array(models.vae.decode(latents).sample.cpu().numpy()))
    return np.concatenate(pictures)
