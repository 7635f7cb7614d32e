"""The report of a batch: what was made, what was not and why, and a contact sheet of every shot.

In: shots. Out: report.html.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from perfkit.inference.batch.ledger import DONE, Shot
from perfkit.inference.batch.making import sheet_path
from perfkit.page import Cell, Page, write_page
from perfkit.report import crop_title

REPORT_NAME = "report.html"


def write_batch_report(shots: Sequence[Shot], out_folder: Path) -> Path:
    """Write OUT/report.html and return its path.

    Raises:
        MediaError: It cannot be written.
    """
    page = Page(f"Batch {out_folder.resolve().name}")
    failed = [shot for shot in shots if shot.state != DONE]
    num_frames, seconds = sum(shot.num_frames for shot in shots), sum(shot.seconds for shot in shots)
    page.add_text(f"{len(shots)} shots, {num_frames} frames, {seconds:.0f} s of work.", kind="faint")
    if failed:
        verb = "is" if len(failed) == 1 else "are"
        page.add_text(f"{len(failed)} of {len(shots)} shots {verb} not made.", kind="bad")
    else:
        page.add_text("All shots are made.", kind="good")
    page.add_table(
        ("shot", "", "frames", "seconds", "remarks"), [_make_row(shot) for shot in shots], widths=(30, 9, 8, 9, 44)
    )
    for shot in shots:
        sheet = sheet_path(out_folder, shot.out)
        if shot.state == DONE and sheet.is_file():
            page.add_heading(shot.out)
            with Image.open(sheet) as image:
                page.add_wide_picture(crop_title(np.asarray(image.convert("RGB"))), shot.out)
    path = out_folder / REPORT_NAME
    write_page(page, path)
    return path


def _make_row(shot: Shot) -> list[Cell]:
    word = Cell("made", "good") if shot.state == DONE else Cell("not made", "bad")
    return [
        Cell(shot.out),
        word,
        Cell(str(shot.num_frames or ""), "number"),
        Cell(f"{shot.seconds:.1f}", "number"),
        Cell(shot.reason, "faint"),
    ]
