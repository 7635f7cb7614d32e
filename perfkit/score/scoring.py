"""The score itself: all figures and curves of one result, and their files.

In: a ScoreRequest, a reader of faces. Out: `Score`, score.json, score.html.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from perfkit.files import write_aside
from perfkit.metrics.acting import CHANNELS, find_blinks
from perfkit.page import write_page
from perfkit.score.acted import Acting, compare_acting
from perfkit.score.acting_figures import measure_acting, measure_head_curve, measure_landmark_curve
from perfkit.score.figure import Figure
from perfkit.score.identity_figures import measure_identity, measure_pictures
from perfkit.score.palettes import read_art_palette
from perfkit.score.reader import LandmarkReader
from perfkit.score.scene import Scene, ScoreRequest, open_scene
from perfkit.score.score_page import make_score_page
from perfkit.score.time_figures import find_drift_starts, find_joins, measure_asked_steps, measure_time
from perfkit.score.watching import OnProgress, Watched, watch

FORMAT = 1
JSON_NAME, PAGE_NAME = "score.json", "score.html"


@dataclass(frozen=True, eq=False)
class Score:
    """What a result is worth.

    Attributes:
        out: File name of the result.
        take: File name of the take.
        truth: File name of the exact drawing; empty: none.
        character: Name of the pack.
        seconds: (T,) of the frames.
        figures: One line each, in the order of reading.
        curves: Name -> (T,); NaN = not known. Names begin with the party: performer, asked, output, truth.
        events: Name -> (N,) frames: blinks of performer and output, first frames of windows.
        notes: What limits the score, one line each.
    """

    out: str
    take: str
    truth: str
    character: str
    seconds: np.ndarray
    figures: tuple[Figure, ...]
    curves: Mapping[str, np.ndarray]
    events: Mapping[str, np.ndarray]
    notes: tuple[str, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure of that name.

        Raises:
            KeyError: There is none.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


def score_video(request: ScoreRequest, reader: LandmarkReader, *, on_progress: OnProgress | None = None) -> Score:
    """Score a result against its take, and against the exact drawing where there is one.

    Args:
        request: What to score.
        reader: Reads the faces of drawings, e.g. the cartoon landmark network.
        on_progress: Called as (frames done, frames in all).

    Raises:
        PerfkitError: The result has no provenance, is no render of this take, or a video cannot be read.
    """
    scene = open_scene(request)
    watched = watch(scene, reader, on_progress=on_progress)
    acting = compare_acting(scene, watched, reader)
    art = read_art_palette(scene.pack)
    figures = (
        *measure_acting(scene, acting),
        *measure_time(scene, watched, acting),
        *measure_identity(scene, watched, acting, art),
        *measure_pictures(watched),
    )
    return Score(
        out=scene.out.path.name,
        take=scene.take.path.name,
        truth="" if scene.truth is None else scene.truth.path.name,
        character=scene.pack.name,
        seconds=scene.track.times.seconds,
        figures=figures,
        curves=_gather_curves(scene, watched, acting),
        events={
            "performer blinks": find_blinks(acting.performer.opening),
            "output blinks": find_blinks(acting.output.opening),
            "window joins": find_joins(scene),
            "drift windows": find_drift_starts(scene),
        },
        notes=scene.notes,
    )


def save_score(score: Score, folder: Path) -> Path:
    """Write score.json and score.html into a folder; return the page's path.

    Raises:
        MediaError: They cannot be written.
    """
    with write_aside(folder / JSON_NAME) as aside:
        aside.write_text(json.dumps(_table_from_score(score), ensure_ascii=False) + "\n", encoding="utf-8")
    write_page(make_score_page(score), folder / PAGE_NAME)
    return folder / PAGE_NAME


def _gather_curves(scene: Scene, watched: Watched, acting: Acting) -> dict[str, np.ndarray]:
    curves = {}
    parties = {"performer": acting.performer, "asked": acting.asked, "output": acting.output, "truth": acting.truth}
    for party, part in parties.items():
        if part is None:
            continue
        for column, channel in enumerate(CHANNELS):
            curves[f"{party} {channel}"] = part.channels[:, column]
        curves[f"{party} eyes open"] = part.opening
        for column, angle in enumerate(("yaw", "pitch", "roll")):
            curves[f"{party} {angle}"] = part.angles[:, column]
    curves["output head error"] = measure_head_curve(acting.output, acting.performer)
    curves["output landmark error"] = measure_landmark_curve(scene, acting, acting.faces)
    curves["output face found"] = acting.faces.is_found.astype(np.float64)
    curves["asked steps"] = measure_asked_steps(scene, acting)
    first = watched.lab[: find_drift_starts(scene)[1] if len(find_drift_starts(scene)) > 1 else None]
    known = first[np.isfinite(first).all(axis=1)]
    start = known.mean(axis=0) if len(known) else np.full(3, np.nan)
    curves["output colour distance"] = np.linalg.norm(watched.lab - start, axis=1)
    return curves | {f"pictures {name}": values for name, values in watched.curves.items()}


def _table_from_score(score: Score) -> dict[str, object]:
    return {
        "format": FORMAT,
        "out": score.out,
        "take": score.take,
        "truth": score.truth,
        "character": score.character,
        "figures": [
            {**asdict(figure), "value": _plain(figure.value), "passes": figure.passes} for figure in score.figures
        ],
        "notes": list(score.notes),
        "seconds": [round(float(second), 6) for second in score.seconds],
        "curves": {name: [_plain(value) for value in values] for name, values in score.curves.items()},
        "events": {name: [int(frame) for frame in frames] for name, frames in score.events.items()},
    }


def _plain(value: float) -> float | None:
    """Return a number that JSON can hold: what is not known becomes null."""
    return round(float(value), 6) if np.isfinite(value) else None
