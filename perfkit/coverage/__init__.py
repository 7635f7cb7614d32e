"""What a character's drawings show and what they lack: a table of turns, faces and lights, told in words.

pack --count--> Coverage --weigh--> gaps, what to draw next, whether it is enough --> PNG, page, JSON
"""

from pathlib import Path

from PIL import Image

from perfkit.coverage.cells import Cell
from perfkit.coverage.gaps import require_minimum
from perfkit.coverage.page import make_page
from perfkit.coverage.sheet import draw_sheet
from perfkit.coverage.summary import CoverageSummary, describe_ways, summarise, write_json
from perfkit.coverage.table import Coverage, find_cells, measure_coverage
from perfkit.coverage.thumbs import make_tiles
from perfkit.files import make_folder, write_aside
from perfkit.pack import CharacterPack
from perfkit.page import write_page

__all__ = [
    "Cell",
    "Coverage",
    "CoverageSummary",
    "describe_ways",
    "find_cells",
    "measure_coverage",
    "require_minimum",
    "summarise",
    "write_coverage",
]


def write_coverage(pack: CharacterPack, coverage: Coverage, folder: Path) -> tuple[Path, Path, Path]:
    """Write coverage.png, coverage.html and coverage.json into a folder, which is made if it is not there.

    Raises:
        MediaError: They cannot be written there.
        PackError: A drawing cannot be read.
    """
    make_folder(folder)
    summary = summarise(coverage)
    tiles = make_tiles(pack, coverage, list(summary.suggestions))
    paths = folder / "coverage.png", folder / "coverage.html", folder / "coverage.json"
    with write_aside(paths[0]) as aside:
        Image.fromarray(draw_sheet(tiles, coverage, summary)).save(aside, format="PNG")
    write_page(make_page(tiles, coverage, summary), paths[1])
    write_json(coverage, summary, paths[2])
    return paths
