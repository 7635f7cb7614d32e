"""What the performer did and what the character does: two types, so that no track is drawn un-retargeted.

In: arrays from capture or retarget. Out: frozen dataclasses, frames first. `PerformanceTrack` has a file format:
`.perf` is a safetensors file whose metadata holds one JSON header.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from perfkit.array_file import map_array_file, write_array_file
from perfkit.errors import TrackError
from perfkit.files import is_file, write_aside
from perfkit.manifest import shorten
from perfkit.rows import iterate_parts
from perfkit.times import FrameTimes

PERF_FORMAT = "perfkit.performance"
PERF_VERSION = 1
PERF_SUFFIX = ".perf"
_TIME_BASE = re.compile(r"([0-9]{1,18})(?:/([1-9][0-9]{0,17}))?", re.ASCII)

_PERF_ARRAYS: dict[str, tuple[str, tuple[int, ...]]] = {
    "pts": ("int64", ()),
    "face": ("float32", (478, 3)),
    "blendshapes": ("float32", (52,)),
    "camera_from_head": ("float32", (4, 4)),
    "body": ("float32", (33, 4)),
    "hands": ("float32", (2, 21, 3)),
    "face_confidence": ("float32", ()),
    "flags": ("uint8", ()),
}
"""Name -> dtype and shape of one frame, of every array in a .perf file."""


class FrameFlag(IntFlag):
    """Why a frame's values are what they are; the flags of a frame add up."""

    FACE_HELD = 1
    FACE_INTERPOLATED = 2
    FACE_EASED_TO_NEUTRAL = 4
    FACE_FROM_CROP = 8
    FACE_LOST = 16


@dataclass(frozen=True, eq=False)
class PerformanceTrack:
    """What the performer did, in pixels of the displayed take (after rotation and mirror). NaN = not seen.

    The arrays of a captured or loaded track lie in files: they are read-only, and long ones are looked at by parts
    (`perfkit.rows`).

    Attributes:
        times: T frame times.
        size_wh: Displayed size of the take, px.
        face: (T, 478, 3) float32, px; z in the same scale, smaller = nearer the camera, as MediaPipe gives it.
        blendshapes: (T, 52) float32 in 0..1, columns as `vocabulary.BLENDSHAPES`.
        camera_from_head: (T, 4, 4) float32, MediaPipe's facial transformation (cm; x right, y up, z to the camera).
        body: (T, 33, 4) float32: x, y, z px and visibility 0..1.
        hands: (T, 2, 21, 3) float32, px; [:, 0] is the performer's left hand.
        face_confidence: (T,) float32 in 0..1; 0 = no face in this frame, less than 1 = partly under a hand.
        flags: (T,) uint8 of FrameFlag.
        take_digest: SHA-256 of the take's bytes, hex.
        trackers: name -> "version sha256" of every tracker that ran.
        notes: What was odd in the take and how it was treated, one line each.
    """

    times: FrameTimes
    size_wh: tuple[int, int]
    face: np.ndarray
    blendshapes: np.ndarray
    camera_from_head: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    face_confidence: np.ndarray
    flags: np.ndarray
    take_digest: str
    trackers: dict[str, str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, eq=False)
class CharacterTrack:
    """What the character does, in pixels of its own canvas.

    Attributes:
        times: T frame times, equal to the take's.
        canvas_wh: The character's canvas, px.
        weights: (T, 52) float32 in 0..1: calibrated expression, columns as `vocabulary.BLENDSHAPES`.
        head: (T, 6) float32, columns as `vocabulary.HEAD_CHANNELS`.
        face: (T, K, 2) float32, px: contour points, rows as `vocabulary.CONTOUR_INDICES`.
        face_visibility: (T, K) float32 in 0..1; 0 for absent parts and for points turned away.
        body: (T, 33, 3) float32: x, y px and visibility 0..1; NaN = not drawn.
        hands: (T, 2, 21, 2) float32, px; NaN = not drawn; [:, 0] is the performer's left hand.
        flags: (T,) uint8 of FrameFlag.
        rig_digest: Digest of the rig that the track was made for.
    """

    times: FrameTimes
    canvas_wh: tuple[int, int]
    weights: np.ndarray
    head: np.ndarray
    face: np.ndarray
    face_visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    flags: np.ndarray
    rig_digest: str

    def __len__(self) -> int:
        return len(self.times)


def check_track(track: PerformanceTrack) -> None:
    """Refuse a track that breaks its contract.

    Raises:
        TrackError: A wrong shape or dtype, or NaN where none may be; the line names the array and the frame.
    """
    for name, (dtype, shape) in _PERF_ARRAYS.items():
        array = track.times.pts if name == "pts" else getattr(track, name)
        if array.shape != (len(track), *shape) or array.dtype != dtype:
            raise TrackError(
                f"track: {name} is {array.shape} {array.dtype}, expected {(len(track), *shape)} {dtype}; capture again"
            )
    if not np.all((track.face_confidence >= 0) & (track.face_confidence <= 1)):
        raise TrackError("track: face_confidence leaves 0..1; capture again")
    has_face = track.face_confidence > 0
    for name in ("face", "blendshapes", "camera_from_head"):
        _check_seen_or_not(name, getattr(track, name), must_be_seen=has_face)
    _check_seen_or_not("body", track.body)
    _check_seen_or_not("hands[:, 0]", track.hands[:, 0])
    _check_seen_or_not("hands[:, 1]", track.hands[:, 1])


def _check_seen_or_not(name: str, array: np.ndarray, *, must_be_seen: np.ndarray | None = None) -> None:
    is_finite, is_nan = np.empty(len(array), dtype=bool), np.empty(len(array), dtype=bool)
    for part in iterate_parts(len(array), array):
        values = array[part].reshape(part.stop - part.start, -1)
        is_finite[part], is_nan[part] = np.isfinite(values).all(axis=1), np.isnan(values).all(axis=1)
    expected = is_finite | is_nan if must_be_seen is None else np.where(must_be_seen, is_finite, is_nan)
    if not expected.all():
        frame = int(np.argmin(expected))
        seen = "of numbers or of NaN" if must_be_seen is None else "of numbers" if must_be_seen[frame] else "of NaN"
        raise TrackError(f"track: {name} of frame {frame} must consist {seen} only; capture again")


def is_perf(path: Path) -> bool:
    """Return whether a path names a captured performance and not a video."""
    return path.suffix.lower() == PERF_SUFFIX


def save_track(track: PerformanceTrack, path: str | Path) -> None:
    """Write a track as a `.perf` file, beside its target first.

    Raises:
        TrackError: The track breaks its contract.
        MediaError: The file cannot be written.
    """
    check_track(track)
    header = {
        "format": PERF_FORMAT,
        "version": PERF_VERSION,
        "time_base": str(track.times.time_base),
        "size_wh": list(track.size_wh),
        "take_digest": track.take_digest,
        "trackers": track.trackers,
        "notes": list(track.notes),
    }
    arrays = {name: getattr(track, name) for name in _PERF_ARRAYS if name != "pts"} | {"pts": track.times.pts}
    with write_aside(Path(path)) as aside:
        write_array_file(aside, arrays, {"perfkit": json.dumps(header)})


def load_track(path: str | Path) -> PerformanceTrack:
    """Read a `.perf` file; its arrays are read-only, and may be as long as a disk is large.

    Raises:
        TrackError: It is absent, no .perf file, of another version, or breaks the track's contract.
        MediaError: There is no space for a copy of it.
    """
    path = Path(path)
    if not is_file(path):
        raise TrackError(f"{path}: no such file; make it with `perfkit capture TAKE -o {path.name}`")
    try:
        arrays, header = map_array_file(path, "perfkit", check=partial(_check_header, path))
    except ValueError as error:
        raise TrackError(f"{path}: not a .perf file, or a damaged one ({error}); capture the take again") from error
    try:
        track = PerformanceTrack(
            times=FrameTimes(np.array(arrays.pop("pts")), _read_time_base(header["time_base"])),
            size_wh=_read_size(header["size_wh"]),
            take_digest=str(header["take_digest"]),
            trackers=_read_trackers(header["trackers"]),
            notes=_read_notes(header["notes"]),
            **arrays,
        )
        check_track(track)
    except (TrackError, ValueError) as error:
        raise TrackError(f"{path}: {error}") from error
    return track


def _read_time_base(value: object) -> Fraction:
    """Read "numerator/denominator" and nothing longer: a number with an exponent can fill the memory."""
    found = _TIME_BASE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"time_base is {shorten(value)}, expected a fraction of a second, as 1/30000; capture again")
    return Fraction(int(found[1]), int(found[2] or 1))


def _read_size(value: object) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and 0 < side < 65536 for side in value):
        return value[0], value[1]
    raise ValueError(f"size_wh is {shorten(value)}, expected [width, height] in 1..65535 px; capture again")


def _read_trackers(value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(version, str) for version in value.values()):
        return value
    raise ValueError(f"trackers is {shorten(value)}, expected names and versions; capture again")


def _read_notes(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(note, str) for note in value):
        return tuple(value)
    raise ValueError(f"notes is {shorten(value)}, expected a list of lines; capture again")


def _check_header(path: Path, header: Mapping[str, object], names: set[str]) -> None:
    if header.get("format") != PERF_FORMAT:
        raise TrackError(f"{path}: not a .perf file (its header lacks the format {PERF_FORMAT!r}); capture the take")
    if header.get("version") != PERF_VERSION:
        raise TrackError(
            f"{path}: format version {shorten(header.get('version'))}, this perfkit reads {PERF_VERSION}; "
            "capture the take again"
        )
    missing = sorted({"time_base", "size_wh", "take_digest", "trackers", "notes"} - set(header))
    if missing or names != set(_PERF_ARRAYS):
        raise TrackError(
            f"{path}: header lacks {missing}, arrays differ in {shorten(sorted(names ^ set(_PERF_ARRAYS)), 200)}; "
            "capture again"
        )
