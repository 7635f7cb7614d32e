"""The inspection itself: everything known about a take before it is rendered, and its files.

In: a PerformanceTrack and, where it is there, its Take. Out: `Inspection`; inspect.json, inspect.png, inspect.html.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from perfkit.charts import find_spans, frame_edges
from perfkit.files import write_aside
from perfkit.inspection.inspection_page import draw_inspection, make_inspection_page
from perfkit.inspection.picture_rows import PictureRows, find_cuts, watch_pictures
from perfkit.inspection.sound_levels import SoundLevels, measure_sound
from perfkit.inspection.track_states import TrackStates, watch_track
from perfkit.inspection.verdict import (
    Evidence,
    Finding,
    Severity,
    find_blurred,
    find_clipped,
    find_dark,
    judge,
    tell_verdict,
)
from perfkit.page import write_page
from perfkit.take import Take
from perfkit.track import PerformanceTrack

FORMAT = 1
JSON_NAME, TIMELINE_NAME, PAGE_NAME = "inspect.json", "inspect.png", "inspect.html"


@dataclass(frozen=True, eq=False)
class Inspection:
    """What is known about a take.

    Attributes:
        source: File name of the take or .perf.
        track: The performance.
        states: Read off it.
        pictures: Read off the take's pictures; None: only a .perf is there.
        sound: Read off its sound; None: it is silent, or only a .perf is there.
        findings: What to know, the gravest first.
        verdict: One sentence.
    """

    source: str
    track: PerformanceTrack
    states: TrackStates
    pictures: PictureRows | None
    sound: SoundLevels | None
    findings: tuple[Finding, ...]
    verdict: str

    @property
    def severity(self) -> Severity:
        """How grave the gravest finding is."""
        return max((finding.severity for finding in self.findings), default=Severity.FINE)


def inspect_performance(
    track: PerformanceTrack,
    take: Take | None,
    *,
    source: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Inspect a performance, and its take's pictures and sound where it is there.

    Args:
        track: What was captured.
        take: The take it was captured from; None: picture and sound are not judged.
        source: Its name, for the results.
        on_progress: Called as (frames done, frames in all) while the pictures are watched.

    Raises:
        MediaError: The take cannot be read to its end.
    """
    states = watch_track(track)
    edges = frame_edges(track.times.seconds)
    pictures = sound = None
    if take is not None:
        pictures = watch_pictures(take, track, states.neutral_frames, on_progress=on_progress)
        sound = measure_sound(take, edges)
    evidence = Evidence(track, states, pictures, sound, edges, track.notes)
    findings = judge(evidence)
    return Inspection(source, track, states, pictures, sound, tuple(findings), tell_verdict(findings))


def save_inspection(inspection: Inspection, folder: Path) -> Path:
    """Write inspect.json, inspect.png and inspect.html into a folder; return the page's path.

    Raises:
        MediaError: They cannot be written.
    """
    with write_aside(folder / JSON_NAME) as aside:
        aside.write_text(json.dumps(_table_from_inspection(inspection), ensure_ascii=False) + "\n", encoding="utf-8")
    with write_aside(folder / TIMELINE_NAME) as aside:
        Image.fromarray(draw_inspection(inspection)).save(aside, format="PNG")
    write_page(make_inspection_page(inspection), folder / PAGE_NAME)
    return folder / PAGE_NAME


def _table_from_inspection(inspection: Inspection) -> dict[str, object]:
    states, pictures, sound = inspection.states, inspection.pictures, inspection.sound
    seconds = inspection.track.times.seconds
    spans = {
        "found": states.is_found,
        "lost": ~states.is_found,
        "covered": states.is_occluded,
        "profile": states.is_profile,
        "too_small": states.is_small,
        "cut_off": states.is_cut,
    }
    curves = {
        "face_height_px": states.face_height_px,
        "yaw_deg": states.angles[:, 0],
        "pitch_deg": states.angles[:, 1],
        "roll_deg": states.angles[:, 2],
        "eyes_open": states.opening,
        "unrest": states.unrest,
    }
    if pictures is not None:
        spans |= {
            "blurred": find_blurred(pictures, states),
            "clipped": find_clipped(pictures),
            "dark": find_dark(pictures),
        }
        curves |= {
            "light": pictures.light,
            "contrast": pictures.contrast,
            "clipped_share": pictures.clipped,
            "sharpness": pictures.sharpness,
            "change": pictures.change,
        }
    if sound is not None:
        curves["sound_db"] = sound.level_db
    return {
        "format": FORMAT,
        "source": inspection.source,
        "verdict": inspection.verdict,
        "severity": inspection.severity.name.lower(),
        "num_frames": len(inspection.track),
        "findings": [
            {
                "severity": finding.severity.name.lower(),
                "name": finding.name,
                "text": finding.text,
                "advice": finding.advice,
            }
            for finding in inspection.findings
        ],
        "spans": {name: [list(span) for span in find_spans(value)] for name, value in spans.items()},
        "blinks": [int(frame) for frame in states.blinks],
        "cuts": [] if pictures is None else [int(frame) for frame in find_cuts(pictures.change)],
        "neutral_frames": [int(frame) for frame in states.neutral_frames],
        "seconds": [round(float(second), 6) for second in seconds],
        "curves": {
            name: [round(float(value), 4) if np.isfinite(value) else None for value in values]
            for name, values in curves.items()
        },
    }
