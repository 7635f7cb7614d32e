"""The art of a character: one item per drawing with its rights, and the exact control points of all drawings.

In: tables of a manifest, arrays. Out: ArtItem, ArtLandmarks and the landmark file (safetensors).
A drawing without licence or owner is refused here, so that no other room ever holds one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from perfkit.errors import PackError, RightsError
from perfkit.files import write_aside
from perfkit.manifest import ManifestTable, shorten
from perfkit.vocabulary import BLENDSHAPES, NUM_CONTOUR_POINTS

_NO_LICENCE = frozenset({"", "none", "unknown", "noassertion", "tbd", "todo", "?"})


@dataclass(frozen=True)
class ArtItem:
    """One drawing and what it shows.

    Attributes:
        file: Relative path inside the pack.
        sha256: Digest of the file.
        licence: SPDX identifier, e.g. "CC0-1.0".
        owner: Who holds the rights.
        yaw_deg: Head angles as `vocabulary.HEAD_CHANNELS`.
        pitch_deg: Likewise.
        roll_deg: Likewise.
        light: Words for the light, e.g. "left soft".
        weights: Blendshape name -> 0..1, those that are not zero.
    """

    file: str
    sha256: str
    licence: str
    owner: str
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    light: str
    weights: Mapping[str, float] = field(default_factory=dict)


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
        RightsError: Without licence or owner.
        PackError: Any other fault.
    """
    file = item.take_text("file")
    return ArtItem(
        file=file,
        sha256=item.take_digest("sha256"),
        licence=_take_right(item, "licence", file),
        owner=_take_right(item, "owner", file),
        yaw_deg=item.take_number("yaw_deg", -180, 180),
        pitch_deg=item.take_number("pitch_deg", -90, 90),
        roll_deg=item.take_number("roll_deg", -180, 180),
        light=item.take_text("light"),
        weights=_take_weights(item),
    )


def _take_right(item: ManifestTable, key: str, file: str) -> str:
    value = item.take(key, "text") if item.has(key) else ""
    if not isinstance(value, str) or not value.isprintable() or value.strip().lower() in _NO_LICENCE:
        raise RightsError(
            f"{item.where} {shorten(file)}: {key} is {shorten(value)}; every drawing needs its licence (SPDX, as "
            "CC0-1.0) and owner: add them or remove the drawing"
        )
    return value


def _take_weights(item: ManifestTable) -> dict[str, float]:
    section = item.take_table("weights")
    weights = {name: section.take_number(name, 0, 1) for name in BLENDSHAPES if section.has(name)}
    section.finish()
    item.finish()
    return {name: weight for name, weight in weights.items() if weight > 0}


def read_landmarks(path: Path, *, num_drawings: int) -> ArtLandmarks:
    """Read the control points of a pack's drawings.

    Raises:
        PackError: Unreadable, unknown arrays, wrong shapes, NaN where none may be.
    """
    try:
        arrays = load_safetensors(path.read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
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
