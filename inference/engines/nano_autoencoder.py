"""The autoencoder of `nano`: RGBA pictures to latents and back.

Shapes: B batch, C channels, H W picture 256, h w latent 16.
"""

from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

LATENT_CHANNELS = 48


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), without normalisation: flat colours pass unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        assert self.conv2.bias is not None
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.conv2(torch.relu(self.conv1(torch.relu(x_BCHW))))

    @torch.no_grad()
    def revive(self, is_chosen_C: Tensor, generator: torch.Generator) -> None:
        """Begin some inner units anew: random weights before them, zeros behind."""
        assert self.conv1.bias is not None
        weights = torch.empty_like(self.conv1.weight, device="cpu")
        nn.init.kaiming_normal_(weights, nonlinearity="linear", generator=generator)
        self.conv1.weight[is_chosen_C] = weights.to(self.conv1.weight.device)[is_chosen_C]
        self.conv1.bias[is_chosen_C] = 0
        self.conv2.weight[:, is_chosen_C] = 0


def _level(channels: int, num_blocks: int) -> list[nn.Module]:
    return [ResidualBlock(channels) for _ in range(num_blocks)]


class NanoAutoencoder(ModelMixin, ConfigMixin):
    """RGBA pictures to 16 x smaller latents and back.

    Pictures are premultiplied RGBA in [-1, 1], (B, 4, 256, 256). Raw latents are 2 x 2 blocks of 12-channel codes of
    8 x 8 pixels, so that the UNet works on a quarter of the places. Latents (B, 48, 16, 16) = basis (raw - mean): over
    the training drawings they have zero mean and, on average over the channels, unit variance; the basis enlarges what
    the picture shows most, so that what a diffusion learns first is what is seen first.
    Pixel-unshuffle keeps the costly full-resolution layers away (Shi et al. 2016, arXiv:1609.05158).
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        latent_channels: int = LATENT_CHANNELS,
        # Five entries, as stock pipelines read the scale (2^4 = 16) off this tuple; only two levels hold layers.
        block_out_channels: tuple[int, ...] = (4, 16, 64, 128, LATENT_CHANNELS),
        encoder_blocks: tuple[int, int] = (1, 2),
        decoder_blocks: tuple[int, int] = (1, 3),
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        fine, coarse = block_out_channels[2:4]
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(in_channels * 16, fine, 3, padding=1),
            *_level(fine, encoder_blocks[0]),
            nn.PixelUnshuffle(2),
            nn.Conv2d(fine * 4, coarse, 1),
            *_level(coarse, encoder_blocks[1]),
            nn.Conv2d(coarse, latent_channels // 4, 3, padding=1),
            nn.PixelUnshuffle(2),
        )
        self.decoder = nn.Sequential(
            nn.PixelShuffle(2),
            nn.Conv2d(latent_channels // 4, coarse, 3, padding=1),
            *_level(coarse, decoder_blocks[1]),
            nn.Conv2d(coarse, fine * 4, 1),
            nn.PixelShuffle(2),
            *_level(fine, decoder_blocks[0]),
            nn.Conv2d(fine, in_channels * 16, 3, padding=1),
            nn.PixelShuffle(4),
        )
        self.mean = nn.Buffer(torch.zeros(latent_channels))
        self.basis = nn.Buffer(torch.eye(latent_channels))
        self.inverse_basis = nn.Buffer(torch.eye(latent_channels))

    def encode(self, x_BCHW: Tensor, return_dict: bool = True) -> Any:
        """Return latents (B, 48, H/16, W/16)."""
        raw = self.encoder(x_BCHW) - self.mean.view(1, -1, 1, 1)
        latents = nn.functional.conv2d(raw, self.basis[:, :, None, None])
        return AutoencoderTinyOutput(latents=latents) if return_dict else (latents,)

    def to_raw(self, z_BChw: Tensor) -> Tensor:
        """Return the raw latents that the decoder takes."""
        return nn.functional.conv2d(z_BChw, self.inverse_basis[:, :, None, None], self.mean)

    def decode(self, z_BChw: Tensor, return_dict: bool = True, generator: torch.Generator | None = None) -> Any:
        """Return premultiplied RGBA (B, 4, 16 h, 16 w), not clamped; stock pipelines pass a `generator`."""
        sample = self.decoder(self.to_raw(z_BChw))
        return DecoderOutput(sample=sample) if return_dict else (sample,)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        (latents,) = self.encode(x_BCHW, return_dict=False)
        (sample,) = self.decode(latents, return_dict=False)
        return sample
