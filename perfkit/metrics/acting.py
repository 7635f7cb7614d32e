"""Whether the character acts as the performer does: channels read off contour points, their correlation, blinks, head.

In: contour points in head space (..., K, 2 or 3), rows as `vocabulary.CONTOURS`; NaN = not seen. Out: curves, floats.
Every channel is read off performer and character by the same rule; correlation does not see gain and offset, so a
character with a small mouth is not blamed for it.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.measures import brow_heights, eye_apertures, lip_gap, mouth_width
from perfkit.vocabulary import CONTOUR_SLICES

CHANNELS: tuple[str, ...] = ("jaw", "smile", "left lids", "right lids", "brows", "gaze x", "gaze y")
"""What is read, in head units: the gap of the lips; half the mouth's width and the lift of its corners over the middle
of the lips, together; lid distance / eye width; the brows' height over the eyes; the irises' way from the middle of the
eyes in eye widths, x to the picture's right, y down.

The lift is taken within the mouth, because a tracker's mouth slides along the face as the head nods; with the width
alone, lips pressed wide in tears would be a smile.
"""

LEAST_SPREADS: tuple[float, ...] = (0.012, 0.012, 0.03, 0.03, 0.008, 0.02, 0.02)
"""Standard deviation up to which a performer does not act on a channel: twice a tracker's noise on a still face."""

MAX_LAG_FRAMES = 5
SHUT_OPENING = 0.2
BLINK_TOLERANCE_FRAMES = 2
_LEAST_PAIRS = 8

_EYES = (CONTOUR_SLICES["left_eye"], CONTOUR_SLICES["right_eye"])
_IRISES = (CONTOUR_SLICES["left_iris"], CONTOUR_SLICES["right_iris"])
_LIPS = CONTOUR_SLICES["outer_lips"].start
_LIP_MIDDLES = [CONTOUR_SLICES["inner_lips"].start + 5, CONTOUR_SLICES["inner_lips"].start + 15]


@dataclass(frozen=True)
class Correlation:
    """How alike two curves run.

    Attributes:
        value: Pearson's r at the best lag, -1..1; NaN where the reference hardly moves or too little is seen.
        lag_frames: By how many frames the output comes late (negative: early).
        num_frames: Pairs that were compared.
    """

    value: float
    lag_frames: int
    num_frames: int


@dataclass(frozen=True)
class EventScore:
    """How many events of a reference were found again.

    Attributes:
        num_expected: Events of the reference.
        num_found: Events of the output.
        num_matched: Events of both, within the tolerance, each counted once.
    """

    num_expected: int
    num_found: int
    num_matched: int

    @property
    def recall(self) -> float:
        """Share of the reference's events that were found, 0..1; NaN when it has none."""
        return self.num_matched / self.num_expected if self.num_expected else float("nan")

    @property
    def precision(self) -> float:
        """Share of the found events that the reference has, 0..1; NaN when none was found."""
        return self.num_matched / self.num_found if self.num_found else float("nan")


def read_channels(points: np.ndarray) -> np.ndarray:
    """Return (..., 7) float64, columns as `CHANNELS`, of contour points (..., K, 2 or 3) in head space.

    An absent eye (NaN) leaves its lids NaN; brows and gaze are then the other side's alone.
    """
    points = np.asarray(points, dtype=np.float64)
    lift = points[..., _LIP_MIDDLES, 1].mean(axis=-1) - points[..., [_LIPS, _LIPS + 10], 1].mean(axis=-1)
    lids = eye_apertures(points)
    gaze = np.stack([_read_gaze(points, side) for side in (0, 1)], axis=-1)
    columns = [lip_gap(points), 0.5 * mouth_width(points) + lift, lids[..., 0], lids[..., 1]]
    columns += [
        _mean_of_present(brow_heights(points)),
        _mean_of_present(gaze[..., 0, :]),
        _mean_of_present(gaze[..., 1, :]),
    ]
    return np.stack(columns, axis=-1)


def correlate_with_lag(
    reference: np.ndarray,
    output: np.ndarray,
    *,
    least_spread: float = 0.0,
    least_output_spread: float = 0.0,
    max_lag: int = MAX_LAG_FRAMES,
) -> Correlation:
    """Correlate two curves at the lag that fits best.

    A constant output (a frozen video) has no correlation and counts as 0; so does one that merely trembles.

    Args:
        reference: (T,) the performer's curve; NaN = not seen.
        output: (T,) the character's; NaN = not seen.
        least_spread: Standard deviation that the reference must exceed to be worth a comparison.
        least_output_spread: Standard deviation up to which the output counts as constant.
        max_lag: Largest shift in frames, to both sides.

    Source: Pearson 1895; the lag is that of the largest coefficient, the smallest of equals.
    """
    best = Correlation(float("nan"), 0, 0)
    for lag in sorted(range(-max_lag, max_lag + 1), key=abs):
        early, late = reference[max(0, -lag) : len(reference) - max(0, lag)], output[max(0, lag) :]
        late = late[: len(early)]
        is_seen = np.isfinite(early) & np.isfinite(late)
        if is_seen.sum() < _LEAST_PAIRS or early[is_seen].std() <= least_spread:
            continue
        is_constant = late[is_seen].std() <= least_output_spread
        value = 0.0 if is_constant else _correlate(early[is_seen], late[is_seen])
        if not best.value >= value:
            best = Correlation(value, lag, int(is_seen.sum()))
    return best


def find_blinks(opening: np.ndarray, *, shut_opening: float = SHUT_OPENING) -> np.ndarray:
    """Find the frames at which eyes fall shut.

    Args:
        opening: (T,), 0 shut, 1 as open as at rest; NaN = not seen.
        shut_opening: Opening under which an eye is shut.

    Returns:
        (N,) int, first frame of every blink; two runs with one frame between them are one blink.

    Source: a blink is an opening under 0.2 of its range.
    """
    is_shut = np.nan_to_num(opening, nan=1.0) < shut_opening
    is_shut[1:-1] |= is_shut[:-2] & is_shut[2:]
    return np.flatnonzero(is_shut & ~np.concatenate([[False], is_shut[:-1]]))


def match_events(expected: np.ndarray, found: np.ndarray, *, tolerance: int = BLINK_TOLERANCE_FRAMES) -> EventScore:
    """Pair events that lie within `tolerance` frames of each other, each with at most one.

    Args:
        expected: (N,) frames, increasing.
        found: (M,) frames, increasing.
        tolerance: Frames.
    """
    num_matched, at = 0, 0
    for frame in expected:
        while at < len(found) and found[at] < frame - tolerance:
            at += 1
        if at < len(found) and found[at] <= frame + tolerance:
            num_matched, at = num_matched + 1, at + 1
    return EventScore(len(expected), len(found), num_matched)


def measure_head_error_deg(rotation: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Measure the angle between rotations, (..., 3, 3) each.

    Returns:
        (...) float64 degrees, 0..180.

    Source: the geodesic distance on SO(3), arccos((tr(R1^T R2) - 1) / 2); Huynh, "Metrics for 3D rotations", 2009,
    eq. 23.
    """
    trace = np.einsum("...ij,...ij->...", np.asarray(rotation, np.float64), np.asarray(reference, np.float64))
    return np.rad2deg(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0)))


def _correlate(reference: np.ndarray, output: np.ndarray) -> float:
    a, b = reference - reference.mean(), output - output.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / scale) if scale > 1e-12 else 0.0


def _read_gaze(points: np.ndarray, side: int) -> np.ndarray:
    """Return (..., 2): the iris' centre against the middle of the eye's corners, in eye widths."""
    start = _EYES[side].start
    corners = points[..., [start, start + 8], :2]
    width = np.linalg.norm(corners[..., 0, :] - corners[..., 1, :], axis=-1)[..., None]
    return (points[..., _IRISES[side].start, :2] - corners.mean(axis=-2)) / np.maximum(width, 1e-6)


def _mean_of_present(sides: np.ndarray) -> np.ndarray:
    """Return the mean of both sides (..., 2), or of the one that is there."""
    left, right = sides[..., 0], sides[..., 1]
    return np.where(np.isnan(left), right, np.where(np.isnan(right), left, 0.5 * (left + right)))
