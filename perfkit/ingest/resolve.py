"""Who is believed about a drawing: its sidecar first, then its file's name, then what the landmark network reads.

In: labels and control points of all drawings of one character. Out: an `Answer` per drawing, with its sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perfkit.art import ArtLandmarks
from perfkit.expression_names import weights_from_name
from perfkit.face_reading import estimate_heads, estimate_weights, fit_place
from perfkit.ingest.labels import Label
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.rig import rest_head
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, NUM_CONTOUR_POINTS, POSE_POINTS

_LEAST_WEIGHT = 0.05
_TELLERS = ("sidecar", "file name")


@dataclass(frozen=True, eq=False)
class Face:
    """Control points of one drawing.

    Attributes:
        points: (K, 2) float32, px of the canvas.
        visibility: (K,) float32 in 0..1.
        source: Of `art.SOURCES`: who found them.
        apart: How far the two readers are apart in it, in eye distances; NaN: not both saw a face.
    """

    points: np.ndarray
    visibility: np.ndarray
    source: str
    apart: float = float("nan")


@dataclass(frozen=True, eq=False)
class Answer:
    """What is taken to be true of one drawing.

    Attributes:
        angle_deg: Yaw, pitch, roll; None = nobody knows.
        expression: Its name, if it has one.
        weights: Blendshape name -> 0..1.
        light: In the base's words.
        sources: Label -> who said so, as `ArtItem.sources`.
        head: (6,) float32, head channels on the canvas.
    """

    angle_deg: tuple[float, float, float] | None
    expression: str
    weights: dict[str, float]
    light: str
    sources: dict[str, str]
    head: np.ndarray


def resolve_labels(
    told: Sequence[tuple[Label, Label]], faces: Sequence[Face | None], *, canvas_wh: tuple[int, int], light: str
) -> list[Answer]:
    """Decide what each drawing shows.

    Args:
        told: For each drawing, what its sidecar and its name say.
        faces: Its control points, where somebody found them.
        canvas_wh: The pack's canvas, px.
        light: Of drawings that nobody names a light for.
    """
    merged = [_merge(pair) for pair in told]
    heads = measure_heads(faces, [label for label, _ in merged], canvas_wh)
    read = _read_expressions(faces, heads)
    answers = []
    for (label, sources), face, head, seen in zip(merged, faces, heads, read, strict=True):
        angle_deg, weights = label.angle_deg, dict(label.weights or {})
        if face is not None:
            sources["points"] = face.source
            if angle_deg is None and np.isfinite(head).all():
                angle_deg = (round(float(head[0]), 1), round(float(head[1]), 1), round(float(head[2]), 1))
                sources["angle"] = face.source
            if "expression" not in sources and seen is not None:
                weights, sources["expression"] = seen, face.source
            elif label.weights is None and seen is not None:
                weights = seen
        sources.setdefault("light", "assumed")
        answers.append(Answer(angle_deg, label.expression, weights, label.light or light, sources, np.nan_to_num(head)))
    return answers


def gather_landmarks(faces: Sequence[Face | None], answers: Sequence[Answer]) -> ArtLandmarks:
    """Lay control points, weights and heads of all drawings out; where nobody found points, none are visible."""
    num = len(faces)
    face, visibility = np.zeros((num, NUM_CONTOUR_POINTS, 2)), np.zeros((num, NUM_CONTOUR_POINTS))
    weights = np.zeros((num, len(BLENDSHAPES)))
    for row, (found, answer) in enumerate(zip(faces, answers, strict=True)):
        if found is not None:
            face[row], visibility[row] = found.points, found.visibility
        for name, weight in answer.weights.items():
            weights[row, BLENDSHAPE_INDEX[name]] = weight
    return ArtLandmarks(
        face=face.astype(np.float32),
        visibility=visibility.astype(np.float32),
        body=np.full((num, len(POSE_POINTS), 3), np.nan, dtype=np.float32),
        hands=np.full((num, 2, 21, 2), np.nan, dtype=np.float32),
        weights=weights.astype(np.float32),
        head=np.array([answer.head for answer in answers], dtype=np.float32).reshape(num, 6),
    )


def _merge(labels: tuple[Label, Label]) -> tuple[Label, dict[str, str]]:
    """Return the first that is told of each, and who told it; an expression's name says its weights, if it can."""
    sources: dict[str, str] = {}
    angle_deg, expression, weights, light, points = None, "", None, "", None
    for teller, label in zip(_TELLERS, labels, strict=True):
        if "angle" not in sources and label.angle_deg is not None:
            angle_deg, sources["angle"] = label.angle_deg, teller
        if "expression" not in sources and (label.expression or label.weights is not None):
            expression, sources["expression"] = label.expression, teller
            weights = label.weights if label.weights is not None else weights_from_name(expression)
        if "light" not in sources and label.light:
            light, sources["light"] = label.light, teller
        points = label.points if points is None else points
    return Label(angle_deg, expression, weights, light, points), sources


def measure_heads(
    faces: Sequence[Face | None], labels: Sequence[Label], canvas_wh: tuple[int, int], *, rig: Rig = HUMAN_RIG
) -> np.ndarray:
    """Return (N, 6) float32 head channels: turned as told, else as the points say; NaN angles where nobody knows."""
    rest = rest_head(rig, canvas_wh)
    heads = np.empty((len(faces), 6), dtype=np.float32)
    for row, (face, label) in enumerate(zip(faces, labels, strict=True)):
        if face is None:
            heads[row] = (*(label.angle_deg or (np.nan,) * 3), *rest[3:])
        elif label.angle_deg is not None:
            heads[row] = fit_place(face.points, face.visibility, label.angle_deg, rig=rig)
        else:
            heads[row] = estimate_heads(face.points[None], face.visibility[None])[0]
            if not np.isfinite(heads[row]).all():
                heads[row, 3:] = rest[3:]
    return heads


def _read_expressions(faces: Sequence[Face | None], heads: np.ndarray) -> list[dict[str, float] | None]:
    """Return what the points say of every expression, each against the character's usual face; None = nothing."""
    is_read = np.array([face is not None for face in faces], dtype=bool) & np.isfinite(heads).all(axis=1)
    found = [face for face, is_it in zip(faces, is_read, strict=True) if face is not None and is_it]
    out: list[dict[str, float] | None] = [None] * len(faces)
    if found:
        points, visibility = np.array([face.points for face in found]), np.array([face.visibility for face in found])
        rows = estimate_weights(points, visibility, heads[is_read])
        for index, row in zip(np.flatnonzero(is_read).tolist(), rows, strict=True):
            out[index] = {
                name: round(float(weight), 2)
                for name, weight in zip(BLENDSHAPES, row, strict=True)
                if weight >= _LEAST_WEIGHT
            }
    return out
