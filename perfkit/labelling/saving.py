"""Saving labels into a pack: the manifest's rename is the one moment at which they count.

    art/landmarks.safetensors | art/landmarks-2.safetensors    the one that the manifest does not name is written
    art/labels.json                                            what people said, as a folder of drawings has it
    character.toml                                             names it all by digest; renamed last

In: a folder, edits, the digest of the pack that they were made to. Out: the pack with them. Killed anywhere, the folder
holds the old pack or the new one.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from perfkit.art import ArtItem, ArtLandmarks, read_landmarks, write_landmarks
from perfkit.errors import StalePackError
from perfkit.files import remove, write_aside
from perfkit.labelling.edits import Edits, apply_edits
from perfkit.manifest import digest_file
from perfkit.pack import MANIFEST_NAME, CharacterPack, load_pack, write_manifest
from perfkit.vocabulary import CONTOUR_SLICES

SIDECAR = "art/labels.json"
LANDMARK_FILES = ("art/landmarks.safetensors", "art/landmarks-2.safetensors")
TOLD = frozenset({"drawn", "sidecar", "file name", "person"})
"""Sources that a sidecar may repeat: somebody said so, it was not guessed."""


def save_labels(folder: Path, edits: Edits, *, based_on: str) -> CharacterPack:
    """Write edits into a pack.

    Args:
        folder: The pack's.
        edits: What changes.
        based_on: Digest of the pack that the person saw.

    Returns:
        The pack as it is now.

    Raises:
        StalePackError: The pack is not what the person saw; nothing is written.
        PackError: It does not load, or a label is of no drawing in it.
        MediaError: The folder may not be written, or the disk is full; the pack stays as it was.
    """
    pack = load_pack(folder)
    if pack.digest != based_on:
        raise StalePackError(
            f"{folder / MANIFEST_NAME}: was changed by another tab or program since this page read it; take the pack "
            "as it is now, with your changes on top, and save again"
        )
    path = None if pack.landmarks is None else pack.folder / pack.landmarks[0]
    before = None if path is None else read_landmarks(path, num_drawings=len(pack.art))
    pack, landmarks = apply_edits(pack, before, edits)
    (folder / "art").mkdir(exist_ok=True)
    if landmarks is None:
        _write_sidecar(pack, None)
        return write_manifest(pack)
    old = pack.landmarks[0] if pack.landmarks is not None else ""
    new = next(name for name in LANDMARK_FILES if name != old)
    try:
        write_landmarks(folder / new, landmarks)
        _write_sidecar(pack, landmarks)
        saved = write_manifest(replace(pack, landmarks=(new, digest_file(folder / new))))
    except BaseException:
        remove(folder / new)
        raise
    if old:
        remove(folder / old)
    return saved


def _write_sidecar(pack: CharacterPack, landmarks: ArtLandmarks | None) -> None:
    rows = make_sidecar(pack, landmarks)
    lines = ",\n".join(f"{json.dumps(file)}: {json.dumps(row)}" for file, row in rows.items())
    with write_aside(pack.folder / SIDECAR) as aside:
        aside.write_text(f"{{\n{lines}\n}}\n" if rows else "{}\n", encoding="utf-8")


def make_sidecar(pack: CharacterPack, landmarks: ArtLandmarks | None) -> dict[str, dict[str, object]]:
    """Return the rows of a labels.json for the pack's art/: what somebody said, without guesses.

    Rights stay out, for `perfkit character rights` changes them in the manifest alone.
    """
    rows = {}
    for row, item in enumerate(pack.art):
        if item.file.startswith("art/"):
            rows[item.file.removeprefix("art/")] = _row_from_item(item, landmarks, row)
    return {file: row for file, row in rows.items() if row}


def _row_from_item(item: ArtItem, landmarks: ArtLandmarks | None, index: int) -> dict[str, object]:
    row: dict[str, object] = {}
    if _is_told(item, "angle") and item.yaw_deg is not None:
        row |= {"yaw": item.yaw_deg, "pitch": item.pitch_deg, "roll": item.roll_deg}
    if _is_told(item, "expression"):
        row |= {"expression": item.expression} if item.expression else {}
        row["weights"] = dict(item.weights)
    if _is_told(item, "light"):
        row["light"] = item.light
    if _is_told(item, "points") and landmarks is not None and landmarks.visibility[index].any():
        row["points"] = points_table(landmarks.face[index], landmarks.visibility[index])
    return row


def _is_told(item: ArtItem, label: str) -> bool:
    return not item.sources or item.sources.get(label) in TOLD


def points_table(points: np.ndarray, visibility: np.ndarray) -> dict[str, list[list[float]]]:
    """Return contour -> [[x, y, visibility], ...] as a sidecar has it: px and 0..1, rounded."""
    rows = np.column_stack([np.round(points.astype(np.float64), 2), np.round(visibility.astype(np.float64), 3)])
    return {name: rows[part].tolist() for name, part in CONTOUR_SLICES.items()}
