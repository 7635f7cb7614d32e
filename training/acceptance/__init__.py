"""The acceptance of a character: does its adapter draw the character, at every angle, in every expression and light?

In: a pack with an adapter. Out: a verdict, stamped into the pack, and a folder: grid.png, acceptance.html, .json.

    drawings + rig --make_cells--> controls --base + adapter--> renders --score_renders--> scores --judge--> verdict
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from perfkit.errors import PackError
from perfkit.inference.engines import nano_model
from perfkit.inference.engines.nano import CANVAS_WH, WEIGHTS_DIR, NanoEngine
from perfkit.inference.engines.nano_model import NanoModels
from perfkit.metrics import measure_psnr_db
from perfkit.pack import CharacterPack, load_pack, write_manifest
from perfkit.training.acceptance.cells import Cell, draw_control, make_cells
from perfkit.training.acceptance.grid import draw_grid, write_acceptance
from perfkit.training.acceptance.scores import score_renders
from perfkit.training.acceptance.verdict import LEAST_HELD_OUT, Reference, Verdict, judge
from perfkit.training.dataset import read_pictures
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.lora import load_adapter
from perfkit.training.nano.pictures import HELD_OUT_SEED, make_example

NUM_STEPS = 4
NUM_FAMILY = 16
_FAMILY_SEED = 2024
_STAGES = 4


@dataclass(frozen=True)
class AcceptanceOptions:
    """What changes no figure.

    Attributes:
        base_folder: The base in diffusers' layout.
        net: The landmark network; None: the packaged one.
        on_progress: Called with (stages done, stages in all).
    """

    base_folder: Path = WEIGHTS_DIR
    net: LandmarkNet | None = None
    on_progress: Callable[[int, int], None] | None = None


def evaluate_character(
    pack: CharacterPack | str | Path, folder: Path, options: AcceptanceOptions | None = None
) -> tuple[Verdict, Path]:
    """Render a character's grid, score it, write the report and stamp the verdict into the pack.

    Returns:
        The verdict, and the page's path.

    Raises:
        PackError: No adapter, no drawings, no landmarks.
        RightsError: The character may not be rendered.
        WeightsError: Base, adapter or landmark network absent or damaged.
    """
    pack = pack if isinstance(pack, CharacterPack) else load_pack(pack)
    options = options or AcceptanceOptions()
    report = options.on_progress or (lambda done, total: None)
    pack.require_right("render")
    adapter = pack.lora_path(NanoEngine.name)
    if not pack.art:
        raise PackError(f"{pack.folder}: has no [[art]] to compare with; acceptance needs drawings")
    net = options.net or LandmarkNet.load()
    models = nano_model.load_nano(options.base_folder)
    everything = list(range(len(pack.art)))
    pictures = read_pictures(pack, everything, image_wh=CANVAS_WH)
    judged = _find_judged(pack)
    cells = make_cells(pack, style=NanoEngine.control_style, canvas_wh=CANVAS_WH)
    drawn = sorted({cell.drawing for cell in cells if cell.drawing is not None} | set(judged))
    bounds = _measure_bounds(models, pack, pictures, drawn)
    reference = _make_reference(models, {index: bounds[index] for index in judged})
    report(1, _STAGES)
    load_adapter(models.unet, adapter)
    renders = list(_render(models, pack, [cell.light for cell in cells], [cell.control_rgb for cell in cells]))
    report(2, _STAGES)
    found = score_renders(_render_drawings(models, pack, drawn), pictures, drawn, pack=pack, net=net)
    scores = {
        index: replace(score, bare_db=bounds[index][0], autoencoder_db=bounds[index][1])
        for index, score in zip(drawn, found, strict=True)
    }
    report(3, _STAGES)
    verdict = judge(list(scores.values()), reference)
    grid = draw_grid(cells, renders, pictures, scores)
    page = write_acceptance(folder, grid, scores, verdict, about=(pack, reference))
    item = replace(pack.loras[NanoEngine.name], verdict=verdict.word)
    write_manifest(replace(pack, loras={**pack.loras, NanoEngine.name: item}))
    report(_STAGES, _STAGES)
    return verdict, page


def _find_judged(pack: CharacterPack) -> list[int]:
    """Return the drawings by which a pack is judged: those held out, or all where these are too few."""
    files = set(pack.loras[NanoEngine.name].held_out)
    held_out = [index for index, item in enumerate(pack.art) if item.file in files]
    return held_out if len(held_out) >= LEAST_HELD_OUT else list(range(len(pack.art)))


def _measure_bounds(
    models: NanoModels, pack: CharacterPack, pictures: np.ndarray, drawings: list[int]
) -> dict[int, tuple[float, float]]:
    """Return for each drawing the PSNR of the bare base and of the autoencoder alone; the UNet must still be bare."""
    exact = pictures[drawings]
    bare = _render_drawings(models, pack, drawings)
    with torch.no_grad():
        reconstructed = nano_model.rgba_from_array(models.vae(nano_model.tensor_from_rgba(exact)).numpy())
    return {
        index: (measure_psnr_db(render, picture), measure_psnr_db(copy, picture))
        for index, render, copy, picture in zip(drawings, bare, reconstructed, exact, strict=True)
    }


def _make_reference(models: NanoModels, bounds: dict[int, tuple[float, float]]) -> Reference:
    """Return what bounds an adapter over some drawings; the UNet must still be bare."""
    examples = [make_example(HELD_OUT_SEED + index, _FAMILY_SEED) for index in range(NUM_FAMILY)]
    family = nano_model.render_pictures(
        models,
        [example.caption for example in examples],
        np.stack([example.control_rgb() for example in examples]),
        _make_noise(),
        num_steps=NUM_STEPS,
    )
    bare_db, autoencoder_db = np.mean(list(bounds.values()), axis=0).tolist()
    return Reference(
        bare_db, autoencoder_db, _mean_psnr(family, np.stack([example.drawing.rgba for example in examples]))
    )


def _render_drawings(models: NanoModels, pack: CharacterPack, drawings: list[int]) -> np.ndarray:
    controls = [draw_control(pack, index, style=NanoEngine.control_style, canvas_wh=CANVAS_WH) for index in drawings]
    return _render(models, pack, [pack.art[index].light for index in drawings], controls)


def _render(models: NanoModels, pack: CharacterPack, lights: list[str], controls: list[np.ndarray]) -> np.ndarray:
    prompts = [pack.prompt_in_light(light) for light in lights]
    return nano_model.render_pictures(models, prompts, np.stack(controls), _make_noise(), num_steps=NUM_STEPS)


def _make_noise() -> np.ndarray:
    """Return the one noise of all renders, as a take has one."""
    shape = (1, nano_model.LATENT_CHANNELS, nano_model.LATENT_PX, nano_model.LATENT_PX)
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _mean_psnr(renders: np.ndarray, exact: np.ndarray) -> float:
    return float(np.mean([measure_psnr_db(a, b) for a, b in zip(renders, exact, strict=True)]))


__all__ = ["AcceptanceOptions", "Cell", "Verdict", "evaluate_character"]
