"""All that is told of a coverage, gathered once for the picture, the page and the JSON.

In: a `Coverage`. Out: a `CoverageSummary`, and its JSON.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from perfkit.coverage.bins import FACES, NODS, TURNS
from perfkit.coverage.gaps import Gap, Suggestion, find_gaps, find_shortages, measure_covered_share, plan_drawings
from perfkit.coverage.table import Coverage
from perfkit.files import write_aside

FORMAT = 1


@dataclass(frozen=True)
class CoverageSummary:
    """What is told of a coverage.

    Attributes:
        title: Name and number of drawings.
        headline: One sentence: how much is covered, whether that is enough to train on.
        covered: Share of a performance, as `gaps.measure_covered_share`.
        gaps: What no drawing shows.
        suggestions: What to draw next.
        shortages: Why there is too little to train on; empty where there is enough.
    """

    title: str
    headline: str
    covered: float
    gaps: tuple[Gap, ...]
    suggestions: tuple[Suggestion, ...]
    shortages: tuple[str, ...]


def summarise(coverage: Coverage) -> CoverageSummary:
    """Work out all that is told of a coverage."""
    covered, shortages = measure_covered_share(coverage), find_shortages(coverage)
    verdict = "enough to train on" if not shortages else f"too little to train on: {shortages[0]}"
    more = f", and {len(shortages) - 1} more" if len(shortages) > 1 else ""
    return CoverageSummary(
        title=f"{coverage.name}: {len(coverage.files)} drawings",
        headline=f"cover {covered:.0%} of what performances ask for; {verdict}{more}",
        covered=covered,
        gaps=tuple(find_gaps(coverage)),
        suggestions=tuple(plan_drawings(coverage)),
        shortages=tuple(shortages),
    )


def describe_marks(coverage: Coverage) -> str:
    """Return what the marks on the table's tiles mean."""
    dots = "; dots: the lights, in the order below" if len(coverage.lights) > 1 else ""
    scores = "; lower right: score of drawings never trained on, red: a cell never trained on"
    scores = scores if coverage.proof.scores else ""
    return f"upper right: how many drawings; amber: place in the list of what to draw next{dots}{scores}"


def describe_ways(coverage: Coverage) -> list[str]:
    """Return, line by line, what a drawing nearby is worth; nothing where there is no acceptance."""
    return [
        f"{way.words}: {way.gap_closed:.0%} of the gap closed, {way.psnr_db:.1f} dB ({way.num_drawings} drawings)"
        for way in coverage.proof.ways
    ]


def count_by_turn(coverage: Coverage) -> list[tuple[str, list[int]]]:
    """Return, for every nod and every light, how many drawings there are of each turn."""
    rows = []
    for nod in NODS:
        label = f"looks {nod.name}" if nod.middle_deg else nod.name
        rows.append((label, [len(coverage.find(turn=turn.name, nod=nod.name)) for turn in TURNS]))
    rows += [(light, [len(coverage.find(turn=turn.name, light=light)) for turn in TURNS]) for light in coverage.lights]
    return rows


def write_json(coverage: Coverage, summary: CoverageSummary, path: Path) -> None:
    """Write the table with its bins, and all that is told of it.

    Raises:
        MediaError: It cannot be written.
    """
    cells = [
        {
            **asdict(cell),
            "files": [coverage.files[index] for index in coverage.cells.get(cell, ())],
            "score": coverage.proof.scores.get(cell),
        }
        for cell in sorted({*coverage.cells, *coverage.proof.scores})
    ]
    content = {
        "format": FORMAT,
        "name": coverage.name,
        "digest": coverage.digest,
        "num_drawings": len(coverage.files),
        "covered": round(summary.covered, 4),
        "bins": {
            "turn": [asdict(turn) for turn in TURNS],
            "nod": [asdict(nod) for nod in NODS],
            "face": [asdict(face) for face in FACES],
            "own_faces": list(coverage.faces[len(FACES) :]),
            "light": list(coverage.lights),
        },
        "cells": cells,
        "acceptance_by_way": [asdict(way) for way in coverage.proof.ways],
        "never_trained_on": [coverage.files[index] for index in sorted(coverage.proof.untrained)],
        "unplaced": [asdict(each) for each in coverage.unplaced],
        "without_points": list(coverage.without_points),
        "gaps": [asdict(gap) for gap in summary.gaps],
        "draw_next": [{**asdict(each), "words": each.words} for each in summary.suggestions],
        "shortages": list(summary.shortages),
    }
    with write_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
