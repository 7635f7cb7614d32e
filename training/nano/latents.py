"""The drawings of the diffusion training, encoded once: shards of latents with the points that control them.

In: an autoencoder and shard numbers. Out: one safetensors file per shard, made when first asked for.
Shard k holds examples k * SHARD_SIZE ... of `pictures.make_example`, so that a shard made anew is the same shard.
Control pictures are not stored: they are drawn again from the points each time (about 1 ms).
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from perfkit.control import draw_control_frame
from perfkit.inference.engines.nano_model import (
    LATENT_CHANNELS,
    LATENT_PX,
    PICTURE_PX,
    NanoAutoencoder,
    picture_input,
    tokenize,
)
from perfkit.training.nano.pictures import make_example
from perfkit.training.optimise.precision import low_precision

SHARD_SIZE = 512


@dataclass(frozen=True, eq=False)
class Shard:
    """Encoded examples, examples first.

    Attributes:
        latents: (N, 48, 16, 16) float16.
        tokens: (N, 24) int64 caption tokens.
        face: (N, K, 2) float32 px; visibility: (N, K) float32.
        body: (N, 33, 3) float32 px and visibility; hands: (N, 2, 21, 2) float32 px; NaN = not drawn.
    """

    latents: np.ndarray
    tokens: np.ndarray
    face: np.ndarray
    visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray

    def control_rgb(self, index: int) -> np.ndarray:
        """Draw the control picture of one example, (256, 256, 3) uint8."""
        return draw_control_frame(
            self.face[index],
            self.visibility[index],
            body=self.body[index],
            hands=self.hands[index],
            canvas_wh=(PICTURE_PX, PICTURE_PX),
            style="nano",
        )


@dataclass(frozen=True)
class ShardStore:
    """Makes and reads the shards of one autoencoder and one seed in a folder."""

    folder: Path
    vae: NanoAutoencoder
    tokenizer: PreTrainedTokenizerFast
    seed: int

    def read(self, number: int) -> Shard:
        """Return shard `number`, making it if it is not there."""
        path = self.folder / f"{number:05d}.safetensors"
        if not path.exists():
            self.make(number)
        return Shard(**load_file(path))

    @torch.no_grad()
    def encode(self, pictures_BHW4: Tensor) -> Tensor:
        """Return the latents of straight-alpha uint8 pictures, (B, 48, 16, 16) float16, on the autoencoder's device."""
        with low_precision(self.vae.device):
            return self.vae.encode(picture_input(pictures_BHW4.to(self.vae.device))).latents.half()

    def make(self, number: int) -> None:
        """Draw and encode shard `number`; a shard that is there stays."""
        path = self.folder / f"{number:05d}.safetensors"
        if path.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        examples = [make_example(number * SHARD_SIZE + offset, self.seed) for offset in range(SHARD_SIZE)]
        latents = np.zeros((SHARD_SIZE, LATENT_CHANNELS, LATENT_PX, LATENT_PX), np.float16)
        for start in range(0, SHARD_SIZE, 16):
            pictures = np.stack([example.drawing.rgba for example in examples[start : start + 16]])
            latents[start : start + 16] = self.encode(torch.from_numpy(pictures)).cpu().numpy()
        columns = {
            "latents": latents,
            "tokens": tokenize(self.tokenizer, [example.caption for example in examples]).numpy(),
            "face": np.stack([example.drawing.face for example in examples]).astype(np.float32),
            "visibility": np.stack([example.drawing.visibility for example in examples]).astype(np.float32),
            "body": np.stack([example.drawing.body for example in examples]).astype(np.float32),
            "hands": np.stack([example.drawing.hands for example in examples]).astype(np.float32),
        }
        aside = path.with_suffix(f".{os.getpid()}")
        save_file({name: np.ascontiguousarray(column) for name, column in columns.items()}, aside)
        aside.rename(path)
