"""The desk at which one pack is labelled: what the page asks for, answered from the folder as it is at that moment.

In: a pack's folder, perhaps a reader of faces. Out: plain tables for the page; edits saved one after the other.
"""

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perfkit.art import ArtItem, ArtLandmarks, read_art
from perfkit.captions import HARDNESSES, LIGHT_SIDES, LIGHT_WORDS
from perfkit.composite import composite
from perfkit.control import NANO_COLOURS
from perfkit.errors import MediaError, PackError
from perfkit.expression_names import EXPRESSION_WEIGHTS
from perfkit.face_reading import LEAST_CONFIDENCE, LandmarkReader, estimate_heads
from perfkit.ingest.labels import NO_LABEL, Label, label_from_row
from perfkit.ingest.resolve import Face, resolve_labels
from perfkit.labelling.doubts import find_doubts, is_certain
from perfkit.labelling.edits import angle_of_item, face_of_row, make_blank_landmarks, take_edits, weights_row
from perfkit.labelling.saving import TOLD, points_table, save_labels
from perfkit.manifest import read_manifest, resolve_inside, shorten
from perfkit.pack import MANIFEST_NAME, CharacterPack, load_pack
from perfkit.rig import face_points, pose_face, rest_head
from perfkit.vocabulary import BLENDSHAPES, CLOSED_CONTOURS, CONTOURS, PARTS

_GROUND_RGB = (223, 230, 234)
MAX_GUESSES = 16
"""Drawings that are read at one request."""


@dataclass(frozen=True, eq=False)
class _Reading:
    """What a reader sees in one drawing: points (K, 2) px, visibility (K,), confidence, both in 0..1."""

    points: np.ndarray
    visibility: np.ndarray
    confidence: float


def needs_reader(pack: CharacterPack) -> bool:
    """Return whether a reader of faces has something to say: contours of a drawing that nobody told."""
    return any(item.sources.get("points") not in TOLD for item in pack.art if item.sources) or pack.landmarks is None


class LabelDesk:
    """One pack on the desk.

    Args:
        folder: The pack's.
        reader: Finds control points; None = nobody guesses.
        read_only: Why nothing may be saved; empty = it may, as far as the disk allows.
    """

    def __init__(self, folder: Path, *, reader: LandmarkReader | None = None, read_only: str = "") -> None:
        self.folder = folder
        self._reader = reader
        self._read_only = read_only
        self._lock = threading.Lock()
        self._files: dict[str, str] = {}

    def show(self) -> dict[str, object]:
        """Return the whole pack as the page has it.

        Raises:
            PackError: It does not load.
        """
        pack, landmarks = self._load()
        lights = [f"{hard} {LIGHT_WORDS[side]}" for hard in HARDNESSES for side in LIGHT_SIDES]
        return {
            "name": pack.name,
            "folder": str(self.folder),
            "digest": pack.digest,
            "canvas_wh": list(pack.canvas_wh),
            "read_only": self._why_read_only(),
            "can_guess": self._reader is not None,
            "absent": sorted(pack.rig.absent),
            "parts": sorted(PARTS),
            "lights": list(dict.fromkeys([*lights, *(item.light for item in pack.art)])),
            "expressions": {name: dict(weights) for name, weights in EXPRESSION_WEIGHTS.items()},
            "blendshapes": list(BLENDSHAPES),
            "contours": _list_contours(),
            "drawings": [self._show_drawing(item, landmarks, row) for row, item in enumerate(pack.art)],
        }

    def read_digest(self) -> str:
        """Return the digest that the pack's manifest states now.

        Raises:
            PackError: There is none to read.
        """
        return read_manifest(self.folder / MANIFEST_NAME).take_digest("digest")

    def read_picture(self, sha256: str) -> bytes:
        """Return the file of the drawing with a digest.

        Raises:
            PackError: No drawing of the pack has it.
        """
        if sha256 not in self._files:
            self._load()
        if sha256 not in self._files:
            raise PackError(f"{self.folder}: has no such drawing any more; reload the page")
        content = resolve_inside(self.folder, self._files[sha256], str(self.folder)).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PackError(f"{self.folder / self._files[sha256]}: has changed on the disk; restore the file")
        return content

    def guess(self, files: Sequence[str]) -> dict[str, dict[str, object]]:
        """Read some drawings.

        Args:
            files: At most `MAX_GUESSES` of the pack's.

        Returns:
            File -> contours as the reader sees them and its confidence (None without a reader), whether ingest would
            believe it, and why the drawing needs a look.

        Raises:
            PackError: A file that is no drawing of the pack, too many.
        """
        pack, landmarks = self._load()
        rows = [_find_row(pack, file) for file in files]
        if len(rows) > MAX_GUESSES:
            raise PackError(f"guess: got {len(rows)} drawings, at most {MAX_GUESSES} at a time; reload the page")
        seen = self._read([self.folder / pack.art[row].file for row in rows])
        return {
            pack.art[row].file: _describe_reading(pack.art[row], face_of_row(landmarks, row), reading)
            for row, reading in zip(rows, seen, strict=True)
        }

    def read_face(self, file: str, points: object) -> dict[str, object]:
        """Return what control points say of a drawing's angle and expression, next to the character's other drawings.

        Args:
            file: Of the pack's.
            points: As in a sidecar's row.

        Raises:
            PackError: No such drawing, or no points.
        """
        pack, landmarks = self._load()
        row = _find_row(pack, file)
        label = label_from_row({"points": points}, file)
        assert label.points is not None
        faces = [face_of_row(landmarks, other) for other in range(len(pack.art))]
        faces[row] = Face(label.points[:, :2], label.points[:, 2], "person")
        told = [(Label(angle_deg=angle_of_item(item)), NO_LABEL) for item in pack.art]
        told[row] = (NO_LABEL, NO_LABEL)
        answer = resolve_labels(told, faces, canvas_wh=pack.canvas_wh, light=pack.light)[row]
        if answer.angle_deg is None:
            raise PackError(f"{file}: too little of the face is seen to read its angle; set it by hand")
        return {"angle": list(answer.angle_deg), "weights": answer.weights}

    def place_face(self, angle_deg: object, weights: object) -> dict[str, object]:
        """Return the contours of the average face in the middle of the canvas, to start from where no face was found.

        Args:
            angle_deg: Yaw, pitch, roll, or None.
            weights: Blendshape name -> 0..1, or None.

        Raises:
            PackError: Either is not that.
        """
        yaw, pitch, roll = angle_deg if isinstance(angle_deg, list) and len(angle_deg) == 3 else (0.0, 0.0, 0.0)
        row = {"yaw": yaw, "pitch": pitch, "roll": roll, "weights": {} if weights is None else weights}
        label = label_from_row(row, "fresh face")
        assert label.angle_deg is not None and label.weights is not None
        pack, _ = self._load()
        head = rest_head(pack.rig, pack.canvas_wh)
        head[:3] = label.angle_deg
        points, visibility = pose_face(face_points(pack.rig, weights_row(label.weights)), head)
        return {"points": points_table(points, visibility)}

    def save(self, table: Mapping[str, object]) -> dict[str, object]:
        """Save what a person changed.

        Args:
            table: `digest` of the pack that they saw, and what `edits.take_edits` takes.

        Returns:
            The pack's new digest, and the changed drawings as `show` has them.

        Raises:
            StalePackError, PackError, MediaError: As `saving.save_labels`.
        """
        if reason := self._why_read_only():
            raise MediaError(reason)
        edits = take_edits({name: value for name, value in table.items() if name != "digest"})
        with self._lock:
            pack = save_labels(self.folder, edits, based_on=str(table.get("digest", "")))
        landmarks = _load_landmarks(pack)
        changed = {*edits.labels, *edits.forgotten}
        drawings = [
            self._show_drawing(item, landmarks, row) for row, item in enumerate(pack.art) if item.file in changed
        ]
        return {"digest": pack.digest, "drawings": drawings, "absent": sorted(pack.rig.absent)}

    def _load(self) -> tuple[CharacterPack, ArtLandmarks]:
        with self._lock:
            pack = load_pack(self.folder)
            self._files = {item.sha256: item.file for item in pack.art}
            return pack, _load_landmarks(pack)

    def _why_read_only(self) -> str:
        if self._read_only:
            return self._read_only
        for folder in (self.folder, self.folder / "art"):
            if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
                return f"{folder}: may not be written; check its permissions, or label a copy of the pack"
        return ""

    def _show_drawing(self, item: ArtItem, landmarks: ArtLandmarks, row: int) -> dict[str, object]:
        has_points = bool(landmarks.visibility[row].any())
        angle_deg = angle_of_item(item)
        return {
            "file": item.file,
            "sha256": item.sha256,
            "angle": None if angle_deg is None else list(angle_deg),
            "expression": item.expression,
            "weights": dict(item.weights),
            "light": item.light,
            "sources": dict(item.sources),
            "points": points_table(landmarks.face[row], landmarks.visibility[row]) if has_points else None,
            "doubts": find_doubts(item, has_points=has_points, confidence=None, seen_angle_deg=None),
        }

    def _read(self, paths: Sequence[Path]) -> list[_Reading | None]:
        """Return what is seen in pictures, as ingest reads them; None where nobody reads."""
        if self._reader is None or not paths:
            return [None] * len(paths)
        pictures = [read_art(path) for path in paths]
        ground = np.full((*pictures[0].shape[:2], 3), _GROUND_RGB, dtype=np.uint8)
        seen = self._reader.predict(np.stack([composite(picture, ground) for picture in pictures]))
        confidences = [float(confidence) for confidence in seen.confidence]
        return [_Reading(*face) for face in zip(seen.points, seen.visibility, confidences, strict=True)]


def _describe_reading(item: ArtItem, stored: Face | None, reading: _Reading | None) -> dict[str, object]:
    confidence = None if reading is None else reading.confidence
    doubts = find_doubts(
        item,
        has_points=stored is not None,
        confidence=confidence,
        seen_angle_deg=None if stored is None or is_certain(item) else _read_angle(stored),
    )
    return {
        "points": None if reading is None else points_table(reading.points, reading.visibility),
        "confidence": None if confidence is None else round(confidence, 3),
        "is_believed": confidence is not None and confidence >= LEAST_CONFIDENCE,
        "doubts": doubts,
    }


def _list_contours() -> list[dict[str, object]]:
    """Return every contour in the order of `vocabulary.CONTOURS`: its name, size, shape, colour as controls have it."""
    rows: list[dict[str, object]] = []
    for name, indices in CONTOURS.items():
        colour = NANO_COLOURS["iris" if name.endswith("iris") else name]
        is_closed = name in CLOSED_CONTOURS
        rows.append({"name": name, "count": len(indices), "is_closed": is_closed, "colour": list(colour)})
    return rows


def _find_row(pack: CharacterPack, file: object) -> int:
    for row, item in enumerate(pack.art):
        if item.file == file:
            return row
    raise PackError(f"{shorten(file)}: is no drawing of {pack.folder}; reload the page")


def _load_landmarks(pack: CharacterPack) -> ArtLandmarks:
    return make_blank_landmarks(len(pack.art)) if pack.landmarks is None else pack.load_landmarks()


def _read_angle(face: Face) -> list[float] | None:
    head = estimate_heads(face.points[None], face.visibility[None])[0]
    return [float(angle) for angle in head[:3]] if np.isfinite(head[:3]).all() else None
