"""The coverage table as a page of one file: the same as the picture, with every file's name and every rule stated.

In: tiles, a `Coverage`, its summary. Out: a `page.Page`.
"""

import base64
from collections.abc import Sequence
from html import escape

import cv2

from perfkit.charts import AMBER, FAINT, RED, RULE
from perfkit.coverage.bins import FACES, TURNS
from perfkit.coverage.gaps import LEAST_DRAWINGS
from perfkit.coverage.summary import CoverageSummary, count_by_turn, describe_marks
from perfkit.coverage.table import Coverage
from perfkit.coverage.thumbs import TILE_PX, Tile
from perfkit.page import Cell, Page

_STYLE = f"""<style>
table.cells {{ table-layout: fixed; margin-top: 22px; }}
table.cells tr.counts td {{ border-top: 1px solid {RULE}; padding: 5px 0; }}
table.cells td.bad {{ font-weight: 400; }}
table.cells th {{ text-align: center; border: 0; padding: 0 3px 4px; line-height: 1.3; color: inherit; }}
table.cells th small {{ display: block; color: {FAINT}; font-weight: 400; }}
table.cells td {{ border: 0; padding: 3px; text-align: center; vertical-align: middle; }}
table.cells th:first-child, table.cells td:first-child {{ width: 116px; text-align: left; }}
.tile {{ position: relative; width: {TILE_PX}px; height: {TILE_PX}px; margin: auto; box-sizing: border-box;
  border: 1px solid {RULE}; }}
.tile img {{ display: block; width: 100%; height: 100%; }}
.tile.none {{ color: {FAINT}; font-size: 13px; line-height: {TILE_PX}px; }}
.tile.wanted {{ border: 2px solid {AMBER}; color: {AMBER}; font-size: 28px; line-height: {TILE_PX - 4}px; }}
.tile.untrained {{ border: 3px solid {RED}; }} .tile.untrained b.score {{ color: {RED}; }}
.tile b {{ position: absolute; background: #f7f6f3; border: 1px solid {RULE}; border-radius: 4px; font-weight: 400;
  font-size: 12px; line-height: 15px; padding: 0 5px; }}
.tile b.count {{ top: 4px; right: 4px; }} .tile b.rank {{ top: 4px; left: 4px; color: {AMBER}; }}
.tile b.score {{ bottom: 4px; right: 4px; }}
.tile span {{ position: absolute; bottom: 4px; left: 5px; line-height: 0; }}
.tile i {{ display: inline-block; width: 8px; height: 8px; border-radius: 50%; border: 1px solid {FAINT};
  margin-right: 3px; background: #eceae4; }}
.tile i.lit {{ background: #d6a03c; }}
</style>"""


def make_page(tiles: Sequence[Sequence[Tile]], coverage: Coverage, summary: CoverageSummary) -> Page:
    """Lay the page out."""
    page = Page(summary.title)
    page.add_text(summary.headline, kind="care" if summary.shortages else "good")
    page.parts.append(_STYLE + _draw_tiles(tiles, coverage))
    page.add_text(_end(describe_marks(coverage)), kind="faint")
    if coverage.proof.ways:
        page.add_heading("What a drawing nearby is worth")
        page.add_text(
            "Drawings that were never trained on, by their way to the nearest one that was: one step for each bin of "
            "turn and of nod between them, one for another face. Score: the share of the way from the bare base to the "
            "autoencoder that the character's renders of them go."
        )
        page.add_table(
            ("never trained on and", "drawings", "score", "PSNR"),
            [
                (
                    Cell(way.words),
                    Cell(str(way.num_drawings), "number"),
                    Cell(f"{way.gap_closed:.0%}", "number"),
                    Cell(f"{way.psnr_db:.1f} dB", "number"),
                )
                for way in coverage.proof.ways
            ],
            widths=(46, 18, 18, 18),
        )
    if summary.shortages:
        page.add_heading("Too little to train on")
        page.add_list([_end(shortage) for shortage in summary.shortages])
    page.add_heading("Missing")
    page.add_list([_end(gap.words) for gap in summary.gaps] or ["Nothing that the table asks for."])
    page.add_heading("Draw next")
    page.add_table(
        ("", "drawing", "adds"),
        [
            (Cell(str(rank), "number"), Cell(each.words), Cell(f"{each.gain:.1%}", "number"))
            for rank, each in enumerate(summary.suggestions, start=1)
        ],
        widths=(6, 80, 14),
    )
    if coverage.unplaced:
        page.add_heading("In no cell")
        page.add_list([f"{each.file}: its {each.missing} is not known." for each in coverage.unplaced])
    if coverage.without_points:
        page.add_heading("Without control points")
        page.add_text(", ".join(coverage.without_points))
    _add_rules(page)
    return page


def _draw_tiles(tiles: Sequence[Sequence[Tile]], coverage: Coverage) -> str:
    head = "".join(f"<th>{escape(turn.name)}<small>{turn.range_words}</small></th>" for turn in TURNS)
    rows = []
    for row in tiles:
        cells = "".join(f"<td>{_draw_tile(tile, coverage)}</td>" for tile in row)
        rows.append(f"<tr><td>{escape(row[0].face)}</td>{cells}</tr>")
    for label, counts in count_by_turn(coverage):
        cells = "".join(f"<td>{count}</td>" if count else '<td class="bad">none</td>' for count in counts)
        rows.append(f'<tr class="counts"><td>{escape(label)}</td>{cells}</tr>')
    body = "".join(rows)
    return f'<table class="cells"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _draw_tile(tile: Tile, coverage: Coverage) -> str:
    rank = "" if tile.rank is None else str(tile.rank)
    if tile.image_rgb is None:
        return f'<div class="tile {"wanted" if rank else "none"}">{rank or "none"}</div>'
    files = [coverage.files[index] for index in coverage.find(turn=tile.turn, face=tile.face)]
    is_encoded, png = cv2.imencode(".png", cv2.cvtColor(tile.image_rgb, cv2.COLOR_RGB2BGR))
    assert is_encoded
    picture = base64.b64encode(png.tobytes()).decode()
    names = escape(", ".join(files), quote=True)
    parts = [f'<img alt="{names}" src="data:image/png;base64,{picture}">']
    parts += [f'<b class="count">{tile.num_drawings}</b>'] if tile.num_drawings > 1 else []
    parts += [f'<b class="rank">{rank}</b>'] if rank else []
    parts += [f'<b class="score">{tile.score:.0%}</b>'] if tile.score is not None else []
    if len(tile.lights) > 1:
        dots = "".join(f'<i class="{"lit" if is_lit else ""}"></i>' for is_lit in tile.lights)
        parts.append(f"<span>{dots}</span>")
    kind = "tile untrained" if tile.is_untrained else "tile"
    return f'<div class="{kind}" title="{names}">{"".join(parts)}</div>'


def _add_rules(page: Page) -> None:
    page.add_heading("How this is counted")
    page.add_text(
        "Sides are the picture's: left looks towards its left edge. A face may be several things at once and then "
        "counts in each row. Nods: level is within 15 deg."
    )
    page.add_table(("face", "counts when"), [(Cell(face.name), Cell(face.rule)) for face in FACES])
    page.add_text(
        "Covered: every cell of turn, nod and face counts as much as performances use it (half as measured on takes of "
        "people, half evenly), times 1 / (1 + d), where d is the way to the nearest drawing: one for each bin of turn "
        "and of nod between them, one for another face, a half for another light than the character's own. What a "
        "drawing adds is what it adds to that; each in the list is reckoned as drawn before the next is chosen.",
        kind="faint",
    )
    page.add_text(
        f"The minimum to train on: {LEAST_DRAWINGS} drawings whose angle and expression are known, control points for "
        "all, one that looks ahead, one turned to each side, one with the mouth open, one with the eyes shut.",
        kind="faint",
    )


def _end(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
