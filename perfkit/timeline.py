"""Finished shots as a cut for the editor: one OpenTimelineIO file, the shots one after the other.

In: finished videos. Out: .otio, which editing programs import or convert. Paths in it are seen from its own folder, so
that the folder may be moved.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from perfkit.errors import ExportError, MediaError
from perfkit.files import write_aside
from perfkit.provenance import load_provenance, provenance_path
from perfkit.timecode import frame_number, parse_timecode
from perfkit.video import open_take

TIMELINE_NAME = "timeline.otio"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TimelineShot:
    """A finished shot.

    Attributes:
        path: The video.
        num_frames: Its length.
        rate_fps: Exact rate; the mean where it varies.
        has_sound: Whether it has a sound track.
        timecode: What its first frame is called; None: it is counted from 0.
        reel: Name of the take's reel.
        notes: Key -> value for whoever asks where the shot comes from.
    """

    path: Path
    num_frames: int
    rate_fps: Fraction
    has_sound: bool = False
    timecode: str | None = None
    reel: str | None = None
    notes: tuple[tuple[str, str], ...] = ()


def read_shot(path: Path) -> TimelineShot:
    """Look at a finished video, and at its provenance where that lies beside it.

    Raises:
        MediaError: It cannot be read.
    """
    info = open_take(path).info
    notes: tuple[tuple[str, str], ...] = ()
    if provenance_path(path).is_file():
        provenance = load_provenance(path)
        notes = (("take", provenance.source), ("character", provenance.character), ("identity", provenance.identity))
    return TimelineShot(
        path=path,
        num_frames=info.num_frames_from_content,
        rate_fps=info.rate_fps_from_header or info.rate_fps_from_content or Fraction(25),
        has_sound=bool(info.audio_tracks),
        timecode=info.timecode,
        reel=info.reel,
        notes=notes,
    )


def write_timeline(path: Path, shots: Sequence[TimelineShot]) -> Path:
    """Write shots one after the other as a timeline: their pictures in one track, their sound in another.

    Args:
        path: Target, .otio.
        shots: In the order of the cut.

    Raises:
        ExportError: OpenTimelineIO is not installed.
        MediaError: No shot is given, or the disk refuses.
    """
    otio = _import_otio()
    if not shots:
        raise MediaError(f"{path}: no finished shot to put into a timeline; render one first")
    timeline = otio.schema.Timeline(path.stem)
    pictures = otio.schema.Track("pictures", kind=otio.schema.TrackKind.Video)
    sound = otio.schema.Track("sound", kind=otio.schema.TrackKind.Audio)
    for shot in shots:
        pictures.append(_make_clip(otio, shot, path.parent))
        clip = _make_clip(otio, shot, path.parent)
        sound.append(clip if shot.has_sound else otio.schema.Gap(source_range=clip.source_range))
    timeline.tracks.append(pictures)
    if any(shot.has_sound for shot in shots):
        timeline.tracks.append(sound)
    with write_aside(path) as aside:
        aside.write_text(timeline.to_json_string(indent=1) + "\n", encoding="utf-8")
    return path


def write_timeline_of(folder: Path, results: Sequence[Path]) -> Path | None:
    """Write a folder's timeline of finished videos; say in the log why there is none, where there is none.

    Raises:
        MediaError: A result cannot be read, or the disk refuses.
    """
    videos = [result for result in results if result.is_file()]
    if not videos:
        return None
    try:
        return write_timeline(folder / TIMELINE_NAME, [read_shot(video) for video in videos])
    except ExportError as error:
        _log.warning("%s", error)
        return None


def _make_clip(otio: Any, shot: TimelineShot, home: Path) -> Any:
    timecode = None if shot.timecode is None else parse_timecode(shot.timecode)
    start = 0 if timecode is None else frame_number(timecode, shot.rate_fps)
    rate = float(shot.rate_fps)
    span = otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(shot.num_frames, rate)
    )
    path = shot.path.relative_to(home) if shot.path.is_relative_to(home) else shot.path.resolve()
    notes = dict(shot.notes) | ({"reel": shot.reel} if shot.reel is not None else {})
    media = otio.schema.ExternalReference(quote(path.as_posix()), span, {"perfkit": notes})
    media.name = shot.reel or ""
    return otio.schema.Clip(shot.path.stem, media, span, {"perfkit": notes})


def _import_otio() -> Any:
    try:
        return import_module("opentimelineio")
    except ImportError:
        raise ExportError(
            "a timeline needs the package OpenTimelineIO, which is not installed; run: pip install 'perfkit[delivery]'"
        ) from None
