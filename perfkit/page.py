"""A page of figures and curves over time: one HTML file, pictures inside, nothing fetched, readable without scripts.

In: titles, tables, charts, lanes, pictures. Out: `write_page` writes the file.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import cv2
import numpy as np

from perfkit.charts import AMBER, FAINT, GREEN, INK, RED, RULE, Chart, Lane, draw_chart, draw_lanes
from perfkit.files import write_aside

_GROUND = "#f7f6f3"
_STYLE = f"""
:root {{ color-scheme: light; }}
body {{ margin: 0; background: {_GROUND}; color: {INK};
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
main {{ max-width: 1060px; margin: 0 auto; padding: 36px 24px 64px; }}
h1 {{ font-size: 26px; font-weight: 600; margin: 0 0 2px; }}
h2 {{ font-size: 17px; font-weight: 600; margin: 40px 0 8px; }}
h3 {{ font-size: 14px; font-weight: 600; margin: 22px 0 2px; }}
p {{ margin: 4px 0; max-width: 78ch; }}
p.faint, td.faint, figcaption {{ color: {FAINT}; }}
ul {{ margin: 6px 0; padding-left: 20px; max-width: 82ch; }}
li {{ margin: 3px 0; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 14px; }}
th {{ text-align: left; font-weight: 500; color: {FAINT}; border-bottom: 1px solid {RULE}; padding: 4px 14px 4px 0; }}
td {{ border-bottom: 1px solid {RULE}; padding: 4px 14px 4px 0; vertical-align: top; overflow-wrap: anywhere; }}
th.number {{ text-align: right; }} p + table {{ margin-top: 14px; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.good {{ color: {GREEN}; }} .bad {{ color: {RED}; font-weight: 600; }} .care {{ color: {AMBER}; font-weight: 600; }}
svg {{ width: 100%; height: auto; display: block; }}
svg text {{ font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: {FAINT}; }}
.legend {{ font-size: 13px; color: {FAINT}; }}
.legend span {{ margin-right: 16px; white-space: nowrap; }}
.legend i {{ display: inline-block; width: 16px; height: 3px; vertical-align: middle; margin-right: 6px; }}
.strip {{ display: flex; flex-wrap: wrap; gap: 10px; }}
img.wide {{ width: 100%; height: auto; display: block; }}
.film {{ display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 6px; margin: 8px 1.4% 0 11.8%; }}
.film img {{ width: 100%; height: auto; }}
figure {{ margin: 0; font-size: 12px; }}
figure img {{ display: block; }}
"""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture on the page: (H, W, 3) uint8 and a caption."""

    image_rgb: np.ndarray
    caption: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: text, and how it is set: "", "number", "faint", "good", "care" or "bad"."""

    text: str
    kind: str = ""


@dataclass
class Page:
    """A page that grows section by section.

    Attributes:
        title: Its headline.
        parts: HTML so far, below the headline.
    """

    title: str
    parts: list[str] = field(default_factory=list)

    def add_heading(self, text: str, *, level: int = 2) -> None:
        """Add a heading of level 2 or 3."""
        self.parts.append(f"<h{level}>{escape(text)}</h{level}>")

    def add_text(self, text: str, *, kind: str = "") -> None:
        """Add a paragraph, plain or "faint", "good", "care", "bad"."""
        self.parts.append(f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>")

    def add_list(self, items: Sequence[str]) -> None:
        """Add a list; nothing for no items."""
        if items:
            self.parts.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>")

    def add_table(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, widths: Sequence[int] = ()) -> None:
        """Add a table; its columns take shares of the page in per cent, so that tables stand in line."""
        columns = "".join(f'<col style="width:{width}%">' for width in widths)
        kinds = [cell.kind for cell in rows[0]] if rows else [""] * len(header)
        head = "".join(
            f"<th{' class=number' * (kind == 'number')}>{escape(text)}</th>"
            for text, kind in zip(header, kinds, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(f'<td class="{cell.kind}">{escape(cell.text)}</td>' for cell in row) + "</tr>"
            for row in rows
        )
        self.parts.append(
            f"<table><colgroup>{columns}</colgroup><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def add_chart(self, seconds: np.ndarray, chart: Chart) -> None:
        """Add curves over time."""
        self.add_heading(chart.title, level=3)
        if chart.note:
            self.add_text(chart.note, kind="faint")
        labels = [(line.label, line.colour) for line in chart.lines if line.label]
        labels += [(mark.label, mark.colour) for mark in chart.marks if mark.label and len(mark.seconds)]
        self.parts.append(_draw_legend(labels) + draw_chart(seconds, chart))

    def add_lanes(self, seconds: np.ndarray, lanes: Sequence[Lane]) -> None:
        """Add rows of states over time."""
        self.parts.append(draw_lanes(seconds, lanes))

    def add_wide_picture(self, image_rgb: np.ndarray, description: str) -> None:
        """Add one picture (H, W, 3) uint8 over the whole width; a click keeps it as a file."""
        source = _embed(image_rgb)
        image = f'<img class="wide" alt="{escape(description)}" src="{source}">'
        self.parts.append(f'<a href="{source}" download="{escape(description)}.png">{image}</a>')

    def add_pictures(self, pictures: Sequence[Picture], *, along_time: bool = False) -> None:
        """Add small pictures, each in its own size, or in one row over the axis of the charts; nothing for none."""
        if not pictures:
            return
        figures = "".join(
            f'<figure><img alt="{escape(picture.caption)}" src="{_embed(picture.image_rgb)}">'
            f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
            for picture in pictures
        )
        self.parts.append(f'<div class="{"film" if along_time else "strip"}">{figures}</div>')


def write_page(page: Page, path: Path) -> None:
    """Write a page beside its place and rename it.

    Raises:
        MediaError: It cannot be written.
    """
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(page.title)}</title>'
    )
    body = f"<main><h1>{escape(page.title)}</h1>{''.join(page.parts)}</main>"
    html = f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>\n'
    with write_aside(path) as aside:
        aside.write_text(html, encoding="utf-8")


def _draw_legend(labels: Sequence[tuple[str, str]]) -> str:
    spans = "".join(f'<span><i style="background:{colour}"></i>{escape(label)}</span>' for label, colour in labels)
    return f'<p class="legend">{spans}</p>' if labels else ""


def _embed(image_rgb: np.ndarray) -> str:
    is_done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert is_done
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
