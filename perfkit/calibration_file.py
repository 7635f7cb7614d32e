"""What a calibration holds, and its small file: safetensors with a versioned JSON header.

In and out: `Calibration`. `perfkit.calibrate` fits it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from perfkit.array_file import read_array_file
from perfkit.errors import CalibrationError
from perfkit.files import write_aside
from perfkit.vocabulary import BLENDSHAPES, NUM_CONTOUR_POINTS

VERSION = 1

_FILE_SHAPES = {
    "neutral": (NUM_CONTOUR_POINTS, 3),
    "blendshapes": (len(BLENDSHAPES),),
    "gains": (len(BLENDSHAPES),),
    "open_aperture": (2,),
    "closed_aperture": (2,),
}


@dataclass(frozen=True, eq=False)
class Calibration:
    """One performer at rest, and how far they move.

    Attributes:
        neutral: (K, 3) float32, contour points at rest in the performer's head space (unit = half the face's height).
        blendshapes: (52,) float32, what the tracker reports for the face at rest.
        gains: (52,) float32 >= 1, brings the performer's widest motion near the character's.
        open_aperture: (2,) float32, left and right lid distance / eye width with eyes at rest.
        closed_aperture: (2,) float32, the same with eyes shut.
        num_frames: Seen frames that it was fitted from.
        take_digest: The take that it was fitted from.
    """

    neutral: np.ndarray
    blendshapes: np.ndarray
    gains: np.ndarray
    open_aperture: np.ndarray
    closed_aperture: np.ndarray
    num_frames: int
    take_digest: str


def save_calibration(calibration: Calibration, path: str | Path) -> None:
    """Write a calibration file; it appears whole or not at all.

    Raises:
        MediaError: It cannot be written.
    """
    path = Path(path)
    header = {
        "perfkit_calibration": json.dumps(
            {"version": VERSION, "num_frames": calibration.num_frames, "take_digest": calibration.take_digest}
        )
    }
    arrays = {name: np.ascontiguousarray(getattr(calibration, name), dtype=np.float32) for name in _FILE_SHAPES}
    with write_aside(path) as aside:
        aside.write_bytes(save(arrays, metadata=header))


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: Not a calibration file, another version, a wrong shape, NaN.
    """
    path = Path(path)
    try:
        arrays, header = read_array_file(path, "perfkit_calibration")
    except ValueError as error:
        raise CalibrationError(
            f"calibration {path}: cannot be read ({error}); make it with perfkit calibrate"
        ) from error
    if header.get("version") != VERSION:
        raise CalibrationError(
            f"calibration {path}: version {header.get('version')}, expected {VERSION}; "
            "make it again with perfkit calibrate"
        )
    for name, shape in _FILE_SHAPES.items():
        if name not in arrays or arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            got = arrays[name].shape if name in arrays else "nothing"
            raise CalibrationError(f"calibration {path}: {name} is {got}, expected finite {shape}; make it again")
    fields: dict = {name: arrays[name] for name in _FILE_SHAPES}
    return Calibration(**fields, **_header_fields(header, path))


def _header_fields(header: dict[str, object], path: Path) -> dict:
    num_frames, digest = header.get("num_frames"), header.get("take_digest")
    if not isinstance(num_frames, int) or not isinstance(digest, str):
        raise CalibrationError(f"calibration {path}: header lacks num_frames or take_digest; make it again")
    return {"num_frames": num_frames, "take_digest": digest}
