"""Measures and shows what a character's adapter learned, on performances that its drawings do not hold.

In: a base folder, a sample character's pack. Out: `CharacterFigures`, and a sheet (PNG):

    control | exact drawing | autoencoder alone | bare base, same prompt | base + adapter
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from perfkit.control import draw_control_frame
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import WEIGHTS_DIR, NanoEngine
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.metrics import (
    composite_over_grey,
    eye_distance_from_rig,
    measure_landmark_error,
    measure_psnr_db,
    measure_ssim,
)
from perfkit.pack import CharacterPack
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.lora import load_adapter
from perfkit.training.sample_characters import Take, describe_light

UNSEEN_SEED = 77_000
_BATCH = 8


@dataclass(frozen=True)
class CharacterFigures:
    """Means over unseen performances.

    Attributes:
        psnr_db: Of renders to the exact drawings, over grey.
        ssim: Likewise.
        landmark_error: Of renders, in eye distances, read by the landmark network; NaN without one.
    """

    psnr_db: float
    ssim: float
    landmark_error: float


def render_takes(models: NanoModels, pack: CharacterPack, takes: Sequence[Take], *, steps: int) -> list[np.ndarray]:
    """Render performances from their exact control points; all from one noise, as a take is rendered.

    Returns:
        One (256, 256, 4) uint8 straight-alpha picture per take.
    """
    shape = (1, nano_model.LATENT_CHANNELS, nano_model.LATENT_PX, nano_model.LATENT_PX)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    pictures: list[np.ndarray] = []
    for start in range(0, len(takes), _BATCH):
        part = takes[start : start + _BATCH]
        with torch.no_grad():
            text = nano_model.encode_text(models, [pack.prompt_in_light(describe_light(take.light)) for take in part])
            control = nano_model.control_tensor(np.stack([draw_control(take) for take in part]))
            residuals = nano_model.control_residuals(models, control, text)
            latents = nano_model.sample_latents(
                models, noise.expand(len(part), -1, -1, -1), text, residuals, num_steps=steps
            )
            pictures += list(nano_model.rgba_from_array(models.vae.decode(latents).sample.numpy()))
    return pictures


def draw_control(take: Take) -> np.ndarray:
    """Draw the engine's control picture of a take, (256, 256, 3) uint8."""
    drawing = take.drawing
    return draw_control_frame(
        drawing.face, drawing.visibility, body=drawing.body, hands=drawing.hands, style=NanoEngine.control_style
    )


def measure_pictures(
    pictures: Sequence[np.ndarray], takes: Sequence[Take], *, pack: CharacterPack, net: LandmarkNet | None
) -> CharacterFigures:
    """Measure pictures against the exact drawings."""
    pairs = [(picture, take.drawing.rgba) for picture, take in zip(pictures, takes, strict=True)]
    error = float("nan")
    if net is not None:
        found = net.predict(np.stack([_on_grey(picture) for picture in pictures]))
        error = measure_landmark_error(
            found.points,
            np.stack([take.drawing.face for take in takes]),
            visibility=np.stack([take.drawing.visibility for take in takes]),
            eye_distance_px=eye_distance_from_rig(pack.rig, np.array([take.pose.head[5] for take in takes])),
        )
    return CharacterFigures(
        psnr_db=float(np.mean([measure_psnr_db(*pair) for pair in pairs])),
        ssim=float(np.mean([measure_ssim(*pair) for pair in pairs])),
        landmark_error=error,
    )


@dataclass(frozen=True, eq=False)
class CharacterEvaluation:
    """All pictures of one evaluation, by column of the sheet, and their figures."""

    takes: Sequence[Take]
    pictures: dict[str, list[np.ndarray]]
    figures: dict[str, CharacterFigures]


def evaluate_character(
    pack: CharacterPack, takes: Sequence[Take], *, net: LandmarkNet | None, base_folder: Path = WEIGHTS_DIR
) -> CharacterEvaluation:
    """Render unseen takes with and without the pack's adapter, and measure.

    Raises:
        PackError, WeightsError: No adapter, no base.
    """
    models = nano_model.load_nano(base_folder)
    exact = nano_model.tensor_from_rgba(np.stack([take.drawing.rgba for take in takes]))
    with torch.no_grad():
        pictures = {"autoencoder": list(nano_model.rgba_from_array(models.vae(exact).numpy()))}
    pictures["bare base, 4 steps"] = render_takes(models, pack, takes, steps=4)
    load_adapter(models.unet, pack.lora_path(NanoEngine.name))
    for steps in (1, 4):
        pictures[f"adapter, {steps} step{'s' if steps > 1 else ''}"] = render_takes(models, pack, takes, steps=steps)
    figures = {name: measure_pictures(column, takes, pack=pack, net=net) for name, column in pictures.items()}
    if net is not None:
        figures["exact drawing"] = measure_pictures([take.drawing.rgba for take in takes], takes, pack=pack, net=net)
    return CharacterEvaluation(takes, pictures, figures)


def write_sheet(evaluation: CharacterEvaluation, path: Path) -> None:
    """Write the sheet: one column per take, one row per kind of picture."""
    rows = [[draw_control(take) for take in evaluation.takes]]
    rows.append([_on_grey(take.drawing.rgba) for take in evaluation.takes])
    rows += [[_on_grey(picture) for picture in column] for column in evaluation.pictures.values()]
    sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])


def _on_grey(rgba: np.ndarray) -> np.ndarray:
    return np.rint(composite_over_grey(rgba) * 255).astype(np.uint8)
