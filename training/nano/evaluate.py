"""Measure a nano base on characters, performances and lights that it never saw, with fixed seeds.

In: a base's networks. Out: `Figure`s, and a sheet (PNG): control, drawing, autoencoder and renders side by side.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from perfkit.errors import MediaError
from perfkit.inference.engines.nano_model import (
    LATENT_CHANNELS,
    LATENT_PX,
    PICTURE_PX,
    NanoModels,
    render_pictures,
    rgba_from_array,
    tensor_from_rgba,
)
from perfkit.metrics import measure_alpha_iou, measure_landmark_error, measure_psnr_db, measure_ssim
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.nano.figures import Figure
from perfkit.training.nano.pictures import HELD_OUT_SEED, Example, make_example

EVALUATION_SEED = 2024
BATCH = 16


def held_out_examples(count: int) -> list[Example]:
    """Draw the first `count` held-out examples."""
    return [make_example(HELD_OUT_SEED + index, EVALUATION_SEED) for index in range(count)]


def iterate_autoencoded(models: NanoModels, pictures: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield each RGBA picture after one trip through the autoencoder."""
    for start in range(0, len(pictures), BATCH):
        batch = tensor_from_rgba(np.stack(pictures[start : start + BATCH])).to(models.vae.device)
        with torch.no_grad():
            yield from rgba_from_array(models.vae(batch).cpu().numpy())


def iterate_rendered(models: NanoModels, examples: list[Example], *, num_steps: int) -> Iterator[np.ndarray]:
    """Yield the render of each example from its caption, its control picture and noise of a fixed seed."""
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        noise = np.random.default_rng([EVALUATION_SEED, start]).standard_normal(
            (len(batch), LATENT_CHANNELS, LATENT_PX, LATENT_PX), dtype=np.float32
        )
        controls = np.stack([example.control_rgb() for example in batch])
        yield from render_pictures(models, [example.caption for example in batch], controls, noise, num_steps=num_steps)


def measure_autoencoder(models: NanoModels, count: int) -> list[Figure]:
    """Measure the autoencoder on held-out drawings: PSNR over grey and alpha IoU."""
    pictures = [example.drawing.rgba for example in held_out_examples(count)]
    outputs = list(iterate_autoencoded(models, pictures))
    pairs = list(zip(outputs, pictures, strict=True))
    return [
        Figure("autoencoder, held-out drawings, PSNR", _mean(measure_psnr_db, pairs), "dB", 30.0),
        Figure(
            "autoencoder, held-out drawings, alpha IoU",
            float(np.mean([measure_alpha_iou(a[..., 3], b[..., 3]) for a, b in pairs])),
            "",
            0.985,
        ),
    ]


def measure_foreign_art(models: NanoModels, folder: Path, name: str) -> list[Figure]:
    """Measure the autoencoder on a folder of other people's PNG drawings, scaled to 256 px."""
    paths = sorted(folder.glob("*.png"))
    pictures = [fit_picture(_read_rgba(path)) for path in paths]
    pairs = list(zip(iterate_autoencoded(models, pictures), pictures, strict=True))
    return [Figure(f"autoencoder, {name} ({len(paths)} drawings), PSNR", _mean(measure_psnr_db, pairs), "dB", 28.0)]


def measure_renders(models: NanoModels, count: int) -> list[Figure]:
    """Measure renders against the exact drawings at 1, 2, 4 and 8 steps."""
    examples = held_out_examples(count)
    bars = {1: (21.5, 0.85), 4: (20.8, 0.86)}
    figures = []
    for num_steps in (1, 2, 4, 8):
        renders = iterate_rendered(models, examples, num_steps=num_steps)
        pairs = [(render, example.drawing.rgba) for render, example in zip(renders, examples, strict=True)]
        psnr_bar, ssim_bar = bars.get(num_steps, (None, None))
        label = f"render, {num_steps} step{'s' if num_steps > 1 else ''}"
        figures.append(Figure(f"{label}, PSNR", _mean(measure_psnr_db, pairs), "dB", psnr_bar))
        figures.append(Figure(f"{label}, SSIM", _mean(measure_ssim, pairs), "", ssim_bar))
    return figures


def measure_landmarks(models: NanoModels, net: LandmarkNet, count: int) -> list[Figure]:
    """Measure where the landmark net finds the features of 4-step renders and, as its own floor, of exact drawings."""
    examples = held_out_examples(count)
    truth = np.stack([example.drawing.face for example in examples])
    is_inside = ((truth > 0) & (truth < PICTURE_PX)).all(axis=-1)
    visibility = np.stack([example.drawing.visibility for example in examples]) * is_inside
    distances = np.array([example.eye_distance_px for example in examples])
    figures = []
    renders = list(iterate_rendered(models, examples, num_steps=4))
    drawings = [example.drawing.rgba for example in examples]
    for label, pictures, bar in (("renders, 4 steps", renders, 5.0), ("exact drawings", drawings, None)):
        points = net.predict(np.stack([_on_grey(picture) for picture in pictures])).points
        error = measure_landmark_error(points, truth, visibility=visibility, eye_distance_px=distances)
        figures.append(Figure(f"landmark error, {label}", 100 * error, "% of eye distance", bar, is_lower_better=True))
    return figures


def draw_sheet(models: NanoModels, path: Path, *, count: int = 12) -> None:
    """Write a sheet: one row per held-out character: control, drawing, autoencoder, 1, 2, 4 steps."""
    examples = held_out_examples(count)
    columns = [[example.control_rgb() for example in examples]]
    pictures = [example.drawing.rgba for example in examples]
    columns += [[_on_grey(picture) for picture in pictures]]
    columns += [[_on_grey(picture) for picture in iterate_autoencoded(models, pictures)]]
    for num_steps in (1, 2, 4):
        columns.append([_on_grey(picture) for picture in iterate_rendered(models, examples, num_steps=num_steps)])
    sheet = np.concatenate([np.concatenate(column, axis=0) for column in columns], axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])


def fit_picture(rgba: np.ndarray) -> np.ndarray:
    """Scale a picture into a transparent square of 256 px, by area, premultiplied."""
    height, width = rgba.shape[:2]
    scale = PICTURE_PX / max(height, width)
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    alpha = rgba[..., 3:].astype(np.float32) / 255
    premultiplied = np.concatenate([rgba[..., :3] * alpha, rgba[..., 3:]], axis=-1)
    resized = cv2.resize(premultiplied, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    small = np.concatenate([resized[..., :3] * 255 / np.maximum(resized[..., 3:], 1), resized[..., 3:]], axis=-1)
    out = np.zeros((PICTURE_PX, PICTURE_PX, 4), np.uint8)
    x, y = (PICTURE_PX - size_wh[0]) // 2, (PICTURE_PX - size_wh[1]) // 2
    out[y : y + size_wh[1], x : x + size_wh[0]] = np.clip(np.rint(small), 0, 255)
    return out


def _read_rgba(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3:
        raise MediaError(f"{path}: not a colour picture; remove it from the folder or convert it to PNG")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA)


def _on_grey(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * alpha + 127.5 * (1 - alpha)).astype(np.uint8)


def _mean(measure: Callable[[np.ndarray, np.ndarray], float], pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([measure(a, b) for a, b in pairs]))
