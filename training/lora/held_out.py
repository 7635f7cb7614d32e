"""The drawings that an adapter never learns from, and the score that they give it.

In: a pack's art. Out: which drawings to hold out; PSNR of their renders.
"""

from dataclasses import dataclass

import numpy as np
import torch

from perfkit.art import ArtItem
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.metrics import measure_psnr_db
from perfkit.training.lora.conditioning import ConditionedSet
from perfkit.vocabulary import BLENDSHAPES

NUM_STEPS = 4
_BATCH = 8
_PITCH_WEIGHT = 1 / 30
"""One full blendshape counts as much as 30 degrees of pitch."""


def choose_held_out(art: tuple[ArtItem, ...], every: int) -> list[int]:
    """Choose one drawing of each `every`, spread over angles and expressions; none where fewer than four could be.

    Drawings are sorted by yaw (unknown: 0) and cut into groups of `every` neighbours, so that each is turned about as
    far as those that stay; of each group that one goes whose expression and pitch differ most from those that went
    before.

    Returns:
        Indices into art, rising.
    """
    if every < 2 or len(art) < 4 * every:
        return []
    order = sorted(range(len(art)), key=lambda index: (art[index].yaw_deg or 0.0, art[index].file))
    looks = np.array(
        [
            [item.weights.get(name, 0.0) for name in BLENDSHAPES] + [(item.pitch_deg or 0.0) * _PITCH_WEIGHT]
            for item in art
        ]
    )
    chosen: list[int] = []
    for start in range(0, len(order) - every + 1, every):
        group = order[start : start + every]
        if not chosen:
            chosen.append(group[every // 2])
            continue
        distance = np.linalg.norm(looks[group][:, None] - looks[chosen][None], axis=-1).min(axis=1)
        chosen.append(group[int(distance.argmax())])
    return sorted(chosen)


@dataclass(frozen=True, eq=False)
class HeldOutScore:
    """Renders the held-out drawings and compares.

    Attributes:
        rows: They, encoded as the training rows are; their latents are not used.
        pictures: (N, 256, 256, 4) uint8 straight-alpha RGBA.
    """

    rows: ConditionedSet
    pictures: np.ndarray

    @torch.no_grad()
    def measure(self, models: NanoModels) -> float:
        """Return the mean PSNR in dB, over grey, of renders in four steps from one noise."""
        shape = (1, nano_model.LATENT_CHANNELS, nano_model.LATENT_PX, nano_model.LATENT_PX)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        scores = []
        for start in range(0, len(self.pictures), _BATCH):
            part = slice(start, start + _BATCH)
            exact = self.pictures[part]
            *down, middle = (residual[part] for residual in self.rows.residuals)
            latents = nano_model.sample_latents(
                models, noise.expand(len(exact), -1, -1, -1), self.rows.text[part], (down, middle), num_steps=NUM_STEPS
            )
            renders = nano_model.rgba_from_array(models.vae.decode(latents).sample.numpy())
            scores += [measure_psnr_db(render, picture) for render, picture in zip(renders, exact, strict=True)]
        return float(np.mean(scores))
