"""The acceptance grid as a picture and as a page: each cell the drawing, if there is one, above the render.

In: cells with their pictures and scores. Out: grid.png, acceptance.html (one file, opens offline), acceptance.json.
"""

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from perfkit.files import write_aside
from perfkit.inference.engines.nano import NanoEngine
from perfkit.metrics import composite_over_grey
from perfkit.pack import CharacterPack
from perfkit.page import Cell as TableCell
from perfkit.page import Page, write_page
from perfkit.training.acceptance.cells import LIGHT_ROW, Cell
from perfkit.training.acceptance.scores import CellScore
from perfkit.training.acceptance.verdict import Reference, Verdict

_TILE_PX = 128
_GAP_PX = 6
_LABEL_PX = 96
_HEAD_PX = 26
_CAPTION_PX = 16
_INK, _FAINT, _GROUND = (40, 44, 52), (128, 132, 140), (247, 246, 243)
_GOOD, _BAD = (46, 120, 70), (170, 52, 44)


def draw_grid(
    cells: list[Cell], renders: list[np.ndarray], pictures: np.ndarray, scores: dict[int, CellScore]
) -> np.ndarray:
    """Draw the grid, (H, W, 3) uint8 RGB: angles downwards, expressions across, then a row of lights.

    Args:
        cells: In the grid's order.
        renders: (H, W, 4) RGBA of each cell.
        pictures: (M, H, W, 4) RGBA of all drawings.
        scores: Drawing -> score; in green where it was never trained on.
    """
    rows = list(dict.fromkeys(cell.row for cell in cells))
    bands = [[index for index, cell in enumerate(cells) if cell.row == row] for row in rows]
    num_columns = max(len(band) for band in bands)
    pitch = _TILE_PX + _GAP_PX
    band_height = _HEAD_PX + 2 * _TILE_PX + _CAPTION_PX + _GAP_PX
    sheet = np.full((len(bands) * band_height + _GAP_PX, _LABEL_PX + num_columns * pitch, 3), _GROUND, np.uint8)
    for band_index, band in enumerate(bands):
        top = band_index * band_height
        _write(sheet, rows[band_index], (8, top + _HEAD_PX + _TILE_PX), _INK)
        for column, index in enumerate(band):
            left, cell = _LABEL_PX + column * pitch, cells[index]
            _write(sheet, cell.column, (left, top + _HEAD_PX - 8), _FAINT)
            if cell.drawing is not None:
                _paste(sheet, pictures[cell.drawing], top + _HEAD_PX, left)
            else:
                _write(sheet, "no drawing", (left + 28, top + _HEAD_PX + _TILE_PX // 2), _FAINT)
            _paste(sheet, renders[index], top + _HEAD_PX + _TILE_PX, left)
            score = scores.get(cell.drawing) if cell.drawing is not None else None
            if score is not None:
                text = f"{score.psnr_db:.1f} dB" + (" held out" if score.is_held_out else "")
                colour = _GOOD if score.is_held_out else _FAINT
                _write(sheet, text, (left, top + _HEAD_PX + 2 * _TILE_PX + 12), colour)
    return sheet


def _paste(sheet: np.ndarray, rgba: np.ndarray, top: int, left: int) -> None:
    picture = np.rint(composite_over_grey(rgba) * 255).astype(np.uint8)
    sheet[top : top + _TILE_PX, left : left + _TILE_PX] = cv2.resize(
        picture, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA
    )


def _write(sheet: np.ndarray, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)


def write_acceptance(
    folder: Path,
    grid_rgb: np.ndarray,
    scores: dict[int, CellScore],
    verdict: Verdict,
    *,
    about: tuple[CharacterPack, Reference],
) -> Path:
    """Write grid.png, acceptance.html and acceptance.json into a folder; return the page's path.

    Args:
        folder: Made if it is not there.
        grid_rgb: From `draw_grid`.
        scores: Drawing -> score.
        verdict: On them.
        about: The character, and what it is measured against.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pack, reference = about
    with write_aside(folder / "grid.png") as aside:
        cv2.imwrite(str(aside), grid_rgb[..., ::-1])
    table = {
        "character": pack.name,
        "adapter": pack.loras[NanoEngine.name].sha256,
        "verdict": asdict(verdict),
        "reference": asdict(reference),
        "drawings": {
            pack.art[index].file: {**asdict(score), "gap_closed": score.gap_closed}
            for index, score in sorted(scores.items())
        },
    }
    with write_aside(folder / "acceptance.json") as aside:
        aside.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    path = folder / "acceptance.html"
    write_page(_make_page(pack.name, grid_rgb, verdict, reference), path)
    return path


def _make_page(name: str, grid_rgb: np.ndarray, verdict: Verdict, reference: Reference) -> Page:
    page = Page(f"{name}: acceptance")
    kind = {"pass": "good", "borderline": "care", "fail": "bad"}[verdict.word]
    page.add_text(f"Verdict: {verdict.word}", kind=kind)
    page.add_list(verdict.reasons)
    page.add_heading(f"Figures over {verdict.num_held_out} drawings that were never trained on")
    rows = [
        ("render, 4 steps, PSNR", f"{verdict.psnr_db:.1f} dB"),
        ("bare base, same prompt", f"{reference.bare_db:.1f} dB"),
        ("autoencoder alone", f"{reference.autoencoder_db:.1f} dB"),
        ("the base on its own family", f"{reference.family_db:.1f} dB"),
        ("gap closed", f"{verdict.gap_closed:.0%}"),
        ("SSIM", f"{verdict.ssim:.3f}"),
        ("overlap of the mattes (IoU)", f"{verdict.alpha_iou:.3f}"),
        ("landmark error, share of the eye distance", f"{verdict.landmark_error:.1%}"),
        ("expression error, head units", f"{verdict.expression_error:.3f}"),
        ("colour distance, Lab", f"{verdict.colour_distance:.1f}"),
        ("nearer to another drawing (learned by heart)", f"{verdict.copied_share:.0%}"),
    ]
    page.add_table(("figure", "value"), [(TableCell(label), TableCell(value, "number")) for label, value in rows])
    page.add_heading("Grid")
    page.add_text(
        "Rows: where the head is turned. Columns: what the face does. Each cell: the drawing, if there is one, above "
        f"the render. The last row ({LIGHT_ROW}): each light of the art, looking ahead.",
        kind="faint",
    )
    page.add_wide_picture(grid_rgb, "renders beside the drawings")
    return page
