"""The art of a character: one item per drawing with its rights, and the control points of all drawings.

In: tables of a manifest, arrays. Out: ArtItem, ArtLandmarks and the landmark file (safetensors).
A drawing may come without licence, owner or labels; `perfkit.rights` and `perfkit.coverage` say what that forbids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save as save_safetensors

from perfkit.array_file import read_array_file
from perfkit.errors import PackError
from perfkit.files import write_aside
from perfkit.manifest import ManifestTable, shorten
from perfkit.quiet import quiet_stderr
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, NUM_CONTOUR_POINTS

LABELS: tuple[str, ...] = ("angle", "expression", "light", "points")
"""What is known of a drawing, each from one source."""

SOURCES: tuple[str, ...] = ("drawn", "sidecar", "file name", "landmark net", "mediapipe", "person", "assumed")
"""Where a label comes from: drawn = exact, by the program that drew it; assumed = nobody said, taken as usual."""


@dataclass(frozen=True)
class ArtItem:
    """One drawing and what it shows.

    Attributes:
        file: Relative path inside the pack.
        sha256: Digest of the file.
        licence: SPDX identifier, e.g. "CC0-1.0", or the licence's words; empty = not stated.
        owner: Who holds the rights; empty = not stated.
        yaw_deg: Head angles as `vocabulary.HEAD_CHANNELS`; None = not known, all three together.
        pitch_deg: Likewise.
        roll_deg: Likewise.
        light: Words for the light, e.g. "hard leftlight".
        weights: Blendshape name -> 0..1, those that are not zero.
        expression: Name of the expression, where it has one.
        sources: Of `LABELS`, those that are known -> which of `SOURCES`.
        readers_apart: How far the landmark network and MediaPipe are apart in it, in eye distances; None = not both
            saw a face.
    """

    file: str
    sha256: str
    licence: str
    owner: str
    yaw_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    light: str
    weights: Mapping[str, float] = field(default_factory=dict)
    expression: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    readers_apart: float | None = None


@dataclass(frozen=True, eq=False)
class ArtLandmarks:
    """Exact control points of N drawings, in the order of the pack's art; px of the canvas.

    Attributes:
        face: (N, K, 2) float32, rows as `vocabulary.CONTOUR_INDICES`.
        visibility: (N, K) float32 in 0..1.
        body: (N, 33, 3) float32: x, y px, visibility; NaN = not drawn.
        hands: (N, 2, 21, 2) float32; NaN = not drawn.
        weights: (N, 52) float32 in 0..1.
        head: (N, 6) float32, columns as `vocabulary.HEAD_CHANNELS`.
    """

    face: np.ndarray
    visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    weights: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.face)


LANDMARK_SHAPES: dict[str, tuple[int, ...]] = {
    "face": (NUM_CONTOUR_POINTS, 2),
    "visibility": (NUM_CONTOUR_POINTS,),
    "body": (33, 3),
    "hands": (2, 21, 2),
    "weights": (len(BLENDSHAPES),),
    "head": (6,),
}
"""Array -> shape of one drawing's row in the landmark file."""


def take_art_item(item: ManifestTable) -> ArtItem:
    """Read one [[art]] table.

    Raises:
        PackError: An absent file or digest, a value of the wrong type or range, an unknown key.
    """
    file, sha256 = item.take_text("file"), item.take_digest("sha256")
    licence, owner = (item.take_text(key) if item.has(key) else "" for key in ("licence", "owner"))
    has_angle = any(item.has(key) for key in _ANGLE_LIMITS)
    yaw_deg, pitch_deg, roll_deg = (
        item.take_number(key, -limit, limit) if has_angle else None for key, limit in _ANGLE_LIMITS.items()
    )
    light = item.take_text("light")
    expression = item.take_text("expression") if item.has("expression") else ""
    weights, sources = _take_weights(item), _take_sources(item)
    apart = item.take_number("readers_apart", 0, 1000) if item.has("readers_apart") else None
    item.finish()
    angles = (yaw_deg, pitch_deg, roll_deg)
    return ArtItem(file, sha256, licence, owner, *angles, light, weights, expression, sources, apart)


def table_from_art_item(item: ArtItem) -> dict[str, object]:
    """Return the [[art]] table of a drawing: what is known, in a fixed order."""
    table = {**vars(item), "sources": {label: item.sources[label] for label in LABELS if label in item.sources}}
    ordered = sorted(item.weights, key=BLENDSHAPE_INDEX.__getitem__)
    table["weights"] = {name: float(item.weights[name]) for name in ordered if item.weights[name] > 0}
    return {key: value for key, value in table.items() if key == "weights" or value not in (None, "", {})}


_ANGLE_LIMITS = {"yaw_deg": 180.0, "pitch_deg": 90.0, "roll_deg": 180.0}


def _take_weights(item: ManifestTable) -> dict[str, float]:
    section = item.take_table("weights")
    weights = {name: section.take_number(name, 0, 1) for name in BLENDSHAPES if section.has(name)}
    section.finish()
    return {name: weight for name, weight in weights.items() if weight > 0}


def _take_sources(item: ManifestTable) -> dict[str, str]:
    if not item.has("sources"):
        return {}
    section = item.take_table("sources")
    sources = {label: section.take_text(label) for label in LABELS if section.has(label)}
    section.finish()
    for label, source in sources.items():
        if source not in SOURCES:
            raise section.refuse(label, shorten(source), f"one of {', '.join(SOURCES)}")
    return sources


def read_art(path: Path) -> np.ndarray:
    """Return a drawing of a pack, (H, W, 4) uint8 straight-alpha RGBA.

    Raises:
        PackError: It cannot be read, or is no such picture.
    """
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror}); restore the file") from error
    with quiet_stderr():
        picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if len(encoded) else None
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        raise PackError(f"{path}: is no 8-bit RGBA picture; restore the file")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)


def read_landmarks(path: Path, *, num_drawings: int) -> ArtLandmarks:
    """Read the control points of a pack's drawings.

    Raises:
        PackError: Unreadable, unknown arrays, wrong shapes, NaN where none may be.
    """
    try:
        arrays, _ = read_array_file(path)
    except ValueError as error:
        raise PackError(f"{path}: cannot be read ({error}); draw the pack again") from error
    unknown = sorted(set(arrays) ^ set(LANDMARK_SHAPES))
    if unknown:
        raise PackError(f"{path}: arrays {', '.join(unknown)} are absent or unknown; draw the pack again")
    _check_landmarks(arrays, path, num_drawings)
    return ArtLandmarks(**arrays)


def write_landmarks(path: Path, landmarks: ArtLandmarks) -> None:
    """Write control points as safetensors, beside its place and renamed.

    Raises:
        PackError: Arrays of another shape, or NaN where none may be.
    """
    arrays = {name: np.asarray(getattr(landmarks, name), dtype=np.float32) for name in LANDMARK_SHAPES}
    _check_landmarks(arrays, path, len(landmarks))
    with write_aside(path) as aside:
        aside.write_bytes(save_safetensors({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def _check_landmarks(arrays: Mapping[str, np.ndarray], path: Path, num_drawings: int) -> None:
    for name, shape in LANDMARK_SHAPES.items():
        array = arrays[name]
        if array.shape != (num_drawings, *shape) or array.dtype != np.float32:
            raise PackError(
                f"{path}: {name}: got {array.dtype} {array.shape}, expected float32 {(num_drawings, *shape)}; draw the "
                "pack again"
            )
        if name not in ("body", "hands") and not np.isfinite(array).all():
            raise PackError(f"{path}: {name}: holds NaN or infinity; draw the pack again")
