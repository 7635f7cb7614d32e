"""Figures of the acting: correlations, blinks, the head's turn, landmarks; each beside what could be reached at all.

In: a Scene, `Acting`. Out: Figures and curves.
"""

import numpy as np

from perfkit.metrics import measure_landmark_error
from perfkit.metrics.acting import (
    CHANNELS,
    LEAST_SPREADS,
    Correlation,
    EventScore,
    correlate_with_lag,
    find_blinks,
    match_events,
    measure_head_error_deg,
)
from perfkit.rig import rotation_from_head
from perfkit.score.acted import Acting, Part
from perfkit.score.figure import NAN, Figure, mean_of_known
from perfkit.score.reader import Faces
from perfkit.score.scene import Scene

_BARRED_CHANNELS = ("jaw", "smile", "brows")
_MOST_LAG = 1
_FROZEN_SHARE = 0.1
"""Share of the spread that was asked for, up to which a channel of the result is frozen and merely trembles."""


def measure_acting(scene: Scene, acting: Acting) -> list[Figure]:
    """Return correlations, blinks, head and landmark error."""
    figures = [_measure_channel(acting, column) for column in range(len(CHANNELS))]
    figures += _measure_blinks(acting)
    figures += [_measure_head(acting), *_measure_landmarks(scene, acting)]
    return figures


def measure_head_curve(part: Part, reference: Part) -> np.ndarray:
    """Return (T,) degrees between two heads; NaN where one is not seen."""
    rotations = [rotation_from_head(np.nan_to_num(each.angles)) for each in (part, reference)]
    error = measure_head_error_deg(*rotations)
    return np.where(np.isfinite(part.angles).all(axis=1) & np.isfinite(reference.angles).all(axis=1), error, np.nan)


def measure_landmark_curve(scene: Scene, acting: Acting, faces: Faces) -> np.ndarray:
    """Return (T,) landmark error, eye distances; NaN where no face was read."""
    visibility = np.where(faces.is_found[:, None], scene.asked.face_visibility, 0.0)
    return np.array(
        [
            measure_landmark_error(
                np.nan_to_num(faces.points[index]),
                scene.asked.face[index],
                visibility=visibility[index],
                eye_distance_px=float(acting.eye_distance_px[index]),
            )
            for index in range(len(scene.asked))
        ]
    )


def _measure_channel(acting: Acting, column: int) -> Figure:
    name, spread = CHANNELS[column], LEAST_SPREADS[column]
    reference = acting.performer.channels[:, column]

    wanted = acting.asked.channels[:, column]
    frozen_spread = _FROZEN_SHARE * float(np.std(wanted[np.isfinite(wanted)])) if np.isfinite(wanted).any() else 0.0

    def correlate(part: Part) -> Correlation:
        curve = part.channels[:, column]
        return correlate_with_lag(reference, curve, least_spread=spread, least_output_spread=frozen_spread)

    found, asked = correlate(acting.output), correlate(acting.asked)
    if not np.isfinite(asked.value):
        is_lacking = not np.isfinite(wanted).any()
        reason = "the character lacks the part" if is_lacking else "the performer does not act on it, or hardly"
        return Figure("acting", name, NAN, "", reason)
    if not np.isfinite(found.value):
        return Figure("acting", name, NAN, "", "too few faces were read in the result")
    beside = f"lag {found.lag_frames:+d} frames; asked for {asked.value:.2f}"
    if acting.truth is not None:
        beside += f", exact drawing {correlate(acting.truth).value:.2f}"
    is_late = abs(found.lag_frames) > _MOST_LAG
    bar = 0.97 if name in _BARRED_CHANNELS else None
    return Figure("acting", name, found.value, "r", beside, least=bar, is_spoilt=is_late)


def _measure_blinks(acting: Acting) -> list[Figure]:
    expected = find_blinks(acting.performer.opening)
    is_known = np.isfinite(acting.performer.opening)

    def match(part: Part) -> EventScore:
        return match_events(expected, find_blinks(np.where(is_known, part.opening, np.nan)))

    score, asked = match(acting.output), match(acting.asked)
    others = f"; asked for {asked.num_matched}"
    if acting.truth is not None:
        others += f", exact drawing {match(acting.truth).num_matched}"
    missing = "the performer does not blink" if not score.num_expected else ""
    none = "no blink was found" if not score.num_found else ""
    recall = missing or f"{score.num_matched} of {score.num_expected} within 2 frames{others}"
    precision = none or f"{score.num_matched} of {score.num_found} found are the performer's"
    return [
        Figure("acting", "blink recall", score.recall, "", recall, least=0.98),
        Figure("acting", "blink precision", score.precision, "", precision, least=0.98),
    ]


def _measure_head(acting: Acting) -> Figure:
    error = measure_head_curve(acting.output, acting.performer)
    asked = measure_head_curve(acting.asked, acting.performer)
    if not np.isfinite(error).any():
        return Figure("acting", "head pose", NAN, "deg", "no face was read")
    beside = f"95 % of frames within {np.nanquantile(error, 0.95):.1f}; asked for {mean_of_known(asked):.1f}"
    if acting.truth is not None:
        beside += f", exact drawing {mean_of_known(measure_head_curve(acting.truth, acting.performer)):.1f}"
    return Figure("acting", "head pose", mean_of_known(error), "deg", beside, most=3.0)


def _measure_landmarks(scene: Scene, acting: Acting) -> list[Figure]:
    def error_of(faces: Faces) -> float:
        return 100 * mean_of_known(measure_landmark_curve(scene, acting, faces))

    beside = f"of the eye distance; the reader on the art {100 * acting.floor.error:.1f}"
    if acting.truth_faces is not None:
        beside += f", on the exact drawing {error_of(acting.truth_faces):.1f}"
    found = acting.faces.is_found
    return [
        Figure("acting", "landmark error", error_of(acting.faces), "%", beside, most=5.0),
        Figure("acting", "faces read", 100 * float(found.mean()), "%", f"{int(found.sum())} of {len(found)} frames"),
    ]
