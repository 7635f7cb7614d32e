"""The drawings that an adapter never learns from, and the score that they give it.

In: a pack's art. Out: which drawings to hold out; PSNR of their renders, and some of the renders to look at.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from perfkit.art import ArtItem
from perfkit.coverage import find_cells
from perfkit.coverage.bins import FACES, TURNS
from perfkit.errors import SettingsError
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.metrics import composite_over_grey, measure_psnr_db
from perfkit.training.lora.conditioning import ConditionedSet
from perfkit.vocabulary import BLENDSHAPES

NUM_STEPS = 4
NUM_SAMPLES = 6
SAMPLE_PX = 128
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


def choose_left_out(art: tuple[ArtItem, ...], bins: tuple[str, ...]) -> list[int]:
    """Choose all drawings of some turns and faces of the coverage table, to see what lacking them costs.

    Returns:
        Indices into art, rising.

    Raises:
        SettingsError: A name that is neither a turn nor a face, a bin without drawings, or no drawing would be left.
    """
    known = [*(turn.name for turn in TURNS), *(face.name for face in FACES)]
    chosen: set[int] = set()
    for name in bins:
        if name not in known:
            raise SettingsError(f"leave out {name!r}: expected a turn or a face of the table: {', '.join(known)}")
        found = {index for index, item in enumerate(art) if any(name in (c.turn, c.face) for c in find_cells(item))}
        if not found:
            raise SettingsError(f"leave out {name!r}: no drawing shows it; see perfkit character coverage")
        chosen |= found
    if chosen and len(chosen) == len(art):
        raise SettingsError(f"leave out {', '.join(bins)}: no drawing would be left to train on; leave out less")
    return sorted(chosen)


@dataclass(frozen=True, eq=False)
class HeldOutResult:
    """What weights are worth.

    Attributes:
        psnr_db: Mean over the held-out drawings, over grey.
        samples: (S, 128, 128, 3) uint8, renders of the first of them, over grey.
    """

    psnr_db: float
    samples: np.ndarray


def shrink_samples(pictures: np.ndarray) -> np.ndarray:
    """Return the first pictures (N, H, W, 4) over grey, (S, 128, 128, 3) uint8."""
    size_wh = (SAMPLE_PX, SAMPLE_PX)
    small = [
        cv2.resize(composite_over_grey(each), size_wh, interpolation=cv2.INTER_AREA) for each in pictures[:NUM_SAMPLES]
    ]
    return np.rint(np.stack(small) * 255).astype(np.uint8)


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
    def measure(self, models: NanoModels) -> HeldOutResult:
        """Render in four steps from one noise and compare."""
        shape = (1, nano_model.LATENT_CHANNELS, nano_model.LATENT_PX, nano_model.LATENT_PX)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        renders: list[np.ndarray] = []
        for start in range(0, len(self.pictures), _BATCH):
            part = slice(start, start + _BATCH)
            *down, middle = (residual[part] for residual in self.rows.residuals)
            latents = nano_model.sample_latents(
                models, noise.expand(len(middle), -1, -1, -1), self.rows.text[part], (down, middle), num_steps=NUM_STEPS
            )
            renders += list(nano_model.rgba_from_array(models.vae.decode(latents).sample.numpy()))
        scores = [measure_psnr_db(render, exact) for render, exact in zip(renders, self.pictures, strict=True)]
        return HeldOutResult(float(np.mean(scores)), shrink_samples(np.stack(renders[:NUM_SAMPLES])))
