"""What a person changed of a pack's labels: checked by the rules of a sidecar, applied to art and control points.

    {"labels": {"art/a.png": {"yaw": 30, "pitch": 0, "roll": 0}}, "forget": {"art/b.png": ["points"]}, "absent": []}

In: the table above, parsed from JSON. Out: `Edits`; a pack and landmarks with them. Only what is named changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from perfkit.art import LABELS, ArtItem, ArtLandmarks
from perfkit.errors import PackError
from perfkit.expression_names import weights_from_name
from perfkit.ingest.labels import Label, label_from_row
from perfkit.ingest.resolve import Face, measure_heads
from perfkit.manifest import shorten
from perfkit.pack import CharacterPack
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, NUM_CONTOUR_POINTS, PARTS, POSE_POINTS

_FIELDS = frozenset({"yaw", "pitch", "roll", "expression", "weights", "light", "points"})
_FORGETTABLE = frozenset(LABELS) - {"light"}


@dataclass(frozen=True, eq=False)
class Edits:
    """Changes of a pack's labels.

    Attributes:
        labels: File -> what is said of it now; what a label leaves out stays.
        forgotten: File -> labels, of `art.LABELS`, that are not known any more.
        absent: Parts that the character lacks; None = as they are.
    """

    labels: Mapping[str, Label]
    forgotten: Mapping[str, frozenset[str]]
    absent: frozenset[str] | None = None


def take_edits(table: object) -> Edits:
    """Check what came from a page.

    Raises:
        PackError: It is no table of edits, or a value is no label.
    """
    if not isinstance(table, dict) or not set(table) <= {"labels", "forget", "absent"}:
        raise PackError(f"edits: got {shorten(table)}, expected labels, forget and absent; reload the page")
    rows, forget, absent = table.get("labels", {}), table.get("forget", {}), table.get("absent")
    if not isinstance(rows, dict) or not isinstance(forget, dict):
        raise PackError("edits: labels and forget are tables by file; reload the page")
    return Edits(
        labels={file: _take_label(file, row) for file, row in rows.items()},
        forgotten={file: _take_forgotten(file, names) for file, names in forget.items()},
        absent=None if absent is None else _take_absent(absent),
    )


def _take_label(file: str, row: object) -> Label:
    if not isinstance(row, dict) or not set(row) <= _FIELDS:
        raise PackError(f"{file}: got {shorten(row)}, expected some of {', '.join(sorted(_FIELDS))}; correct it")
    return label_from_row(row, file)


def _take_forgotten(file: str, names: object) -> frozenset[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) and name in _FORGETTABLE for name in names):
        raise PackError(f"{file}: forget {shorten(names)}, expected some of {', '.join(sorted(_FORGETTABLE))}")
    return frozenset(names)


def _take_absent(parts: object) -> frozenset[str]:
    if not isinstance(parts, list) or not all(isinstance(part, str) and part in PARTS for part in parts):
        raise PackError(f"absent: got {shorten(parts)}, expected some of {', '.join(sorted(PARTS))}; correct it")
    return frozenset(parts)


def apply_edits(
    pack: CharacterPack, landmarks: ArtLandmarks | None, edits: Edits
) -> tuple[CharacterPack, ArtLandmarks | None]:
    """Return a pack and its control points with the edits in them; nothing is written.

    Args:
        pack: As it is.
        landmarks: Its control points, where it has any.
        edits: What changes.

    Raises:
        PackError: A file that is none of the pack's drawings.
    """
    rows = {item.file: row for row, item in enumerate(pack.art)}
    touched = [*edits.labels, *(file for file in edits.forgotten if file not in edits.labels)]
    for file in touched:
        if file not in rows:
            raise PackError(f"{shorten(file)}: is no drawing of {pack.folder}; reload the page")
    art = list(pack.art)
    has_points = landmarks is not None or any(label.points is not None for label in edits.labels.values())
    arrays = _copy_arrays(landmarks, len(art)) if has_points else None
    for file in touched:
        label, forgotten = edits.labels.get(file, Label()), edits.forgotten.get(file, frozenset())
        item = art[rows[file]] = _change_item(art[rows[file]], label, forgotten)
        if arrays is not None:
            _change_row(arrays, rows[file], item, label, forgotten)
            arrays.head[rows[file]] = _measure_head(arrays, rows[file], item, pack)
    rig = pack.rig if edits.absent is None else replace(pack.rig, absent=edits.absent)
    return replace(pack, art=tuple(art), rig=rig), arrays


def make_blank_landmarks(num_drawings: int) -> ArtLandmarks:
    """Return landmarks in which nothing is seen."""
    return ArtLandmarks(
        face=np.zeros((num_drawings, NUM_CONTOUR_POINTS, 2), np.float32),
        visibility=np.zeros((num_drawings, NUM_CONTOUR_POINTS), np.float32),
        body=np.full((num_drawings, len(POSE_POINTS), 3), np.nan, np.float32),
        hands=np.full((num_drawings, 2, 21, 2), np.nan, np.float32),
        weights=np.zeros((num_drawings, len(BLENDSHAPES)), np.float32),
        head=np.zeros((num_drawings, 6), np.float32),
    )


def face_of_row(landmarks: ArtLandmarks, row: int, source: str = "person") -> Face | None:
    """Return the control points of one drawing, None where none are seen."""
    if not landmarks.visibility[row].any():
        return None
    return Face(landmarks.face[row], landmarks.visibility[row], source)


def angle_of_item(item: ArtItem) -> tuple[float, float, float] | None:
    """Return yaw, pitch and roll of a drawing, None where they are not known."""
    if item.yaw_deg is None or item.pitch_deg is None or item.roll_deg is None:
        return None
    return item.yaw_deg, item.pitch_deg, item.roll_deg


def _copy_arrays(landmarks: ArtLandmarks | None, num_drawings: int) -> ArtLandmarks:
    if landmarks is None:
        return make_blank_landmarks(num_drawings)
    return ArtLandmarks(**{name: array.copy() for name, array in vars(landmarks).items()})


def _change_item(item: ArtItem, label: Label, forgotten: frozenset[str]) -> ArtItem:
    sources = {name: source for name, source in item.sources.items() if name not in forgotten}
    if "angle" in forgotten:
        item = replace(item, yaw_deg=None, pitch_deg=None, roll_deg=None)
    if "expression" in forgotten:
        item = replace(item, expression="", weights={})
    if label.angle_deg is not None:
        yaw_deg, pitch_deg, roll_deg = label.angle_deg
        item = replace(item, yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
        sources["angle"] = "person"
    if label.expression or label.weights is not None:
        named = weights_from_name(label.expression) if label.weights is None else label.weights
        item = replace(item, expression=label.expression, weights=dict(item.weights if named is None else named))
        sources["expression"] = "person"
    if label.light:
        item = replace(item, light=label.light)
        sources["light"] = "person"
    if label.points is not None:
        sources["points"] = "person"
    return replace(item, sources=sources)


def _change_row(arrays: ArtLandmarks, row: int, item: ArtItem, label: Label, forgotten: frozenset[str]) -> None:
    """Write one drawing's weights and points into arrays of our own."""
    arrays.weights[row] = weights_row(item.weights)
    if label.points is not None:
        arrays.face[row], arrays.visibility[row] = label.points[:, :2], label.points[:, 2]
    elif "points" in forgotten:
        arrays.face[row], arrays.visibility[row] = 0.0, 0.0


def weights_row(weights: Mapping[str, float]) -> np.ndarray:
    """Return (52,) float32, columns as `vocabulary.BLENDSHAPES`."""
    row = np.zeros(len(BLENDSHAPES), np.float32)
    for name, weight in weights.items():
        row[BLENDSHAPE_INDEX[name]] = weight
    return row


def _measure_head(arrays: ArtLandmarks, row: int, item: ArtItem, pack: CharacterPack) -> np.ndarray:
    label = Label(angle_deg=angle_of_item(item))
    heads = measure_heads([face_of_row(arrays, row)], [label], pack.canvas_wh, rig=pack.rig)
    return np.nan_to_num(heads[0])
