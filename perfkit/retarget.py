"""A performer's motion on a character: the arrow from PerformanceTrack to CharacterTrack.

In: a performance, a rig, the performer's calibration. Out: what the character does on its own canvas.

    face points --headspace--> expression --> 52 weights --rig--> contours --pose_face--> canvas px
                          \\--> head turn, place, size --framing--> head channels --^
    body, hands --> limb directions, hands at the face --rig's bones--> body px

Nothing but the 52 weights, the head's channels and the limb directions crosses over: the performer's face shape cannot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from perfkit.arms import place_body
from perfkit.body import BodyMotion, measure_body
from perfkit.calibrate import Calibration, fit_calibration
from perfkit.cleaning import clean_weights, head_doubt_deg, seen_mask
from perfkit.errors import SettingsError
from perfkit.framing import HEAD_NOISE, frame_head, measure_usual_head
from perfkit.gains import MAX_GAIN, REGIONS, scale_head, scale_weights, shape_channels
from perfkit.headspace import HeadMotion, measure_head, stand_upright
from perfkit.measures import feature_places
from perfkit.proportions import Rig
from perfkit.rig import face_points, hands_from_body, pose_body, pose_face, present_rows, rest_head, rest_limbs
from perfkit.rows import iterate_parts, keep_rows
from perfkit.smoothing import fill_gaps, smooth_offline
from perfkit.track import CharacterTrack, PerformanceTrack


@dataclass(frozen=True)
class RetargetSettings:
    """What a person changes about a retarget.

    Attributes:
        canvas_wh: The character's canvas, px.
        head_from: "camera" turns the head as the camera sees it; "neutral" makes the performer's usual turn the
            character's straight ahead (for a camera that stands at the side, above or below).
        position_gain: How much of the performer's way across their picture the character's head goes, 0 = none.
        size_gain: How much of their coming nearer and going away it follows, 0 = none.
        smoothing: Reach of the smoothing in time against the usual, 0 = none.
        expressiveness: Gain of all expression, blinks and gaze apart.
        mouth_gain, brows_gain, eyes_gain, gaze_gain, head_gain: Gain of each region of `gains.REGIONS`, 0 = muted.
        with_body: Whether shoulders, arms and hands follow the performer's; else they rest below the head.
    """

    canvas_wh: tuple[int, int] = (256, 256)
    head_from: str = "camera"
    position_gain: float = 0.8
    size_gain: float = 0.7
    smoothing: float = 1.0
    expressiveness: float = 1.0
    mouth_gain: float = 1.0
    brows_gain: float = 1.0
    eyes_gain: float = 1.0
    gaze_gain: float = 1.0
    head_gain: float = 1.0
    with_body: bool = True

    def __post_init__(self) -> None:
        if self.head_from not in ("camera", "neutral"):
            raise SettingsError(f"retarget: head_from is {self.head_from!r}, expected 'camera' or 'neutral'")
        for name in ("position_gain", "size_gain", "smoothing", "expressiveness", *map(gain_field, REGIONS)):
            if not 0.0 <= getattr(self, name) <= MAX_GAIN:
                raise SettingsError(f"retarget: {name} is {getattr(self, name)}, expected 0 to {MAX_GAIN:g}")
        if min(self.canvas_wh) < 16:
            raise SettingsError(f"retarget: canvas_wh is {self.canvas_wh}, expected at least 16 x 16 px")


def retarget_settings_from_table(table: Mapping[str, Any]) -> RetargetSettings:
    """Return settings that were written as JSON, where tuples are lists.

    Raises:
        SettingsError: A key that is not one of theirs, or a value outside its range.
    """
    if unknown := sorted(set(table) - {each.name for each in fields(RetargetSettings)}):
        raise SettingsError(f"was retargeted with {', '.join(unknown)}, which this perfkit does not know")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return RetargetSettings(**values)


def gain_field(region: str) -> str:
    """Return the name of the setting that holds a region's gain."""
    return f"{region}_gain"


def retarget(
    track: PerformanceTrack,
    rig: Rig,
    *,
    calibration: Calibration | None = None,
    settings: RetargetSettings | None = None,
) -> CharacterTrack:
    """Let a character perform a take.

    Args:
        track: The performance.
        rig: The character's proportions.
        calibration: The performer at rest; fitted from this take when not given.
        settings: What to follow and how much.

    Returns:
        CharacterTrack with a value in every frame; its flags say where no face was seen.

    Raises:
        CalibrationError: No calibration was given and too few frames hold a face.
    """
    settings = settings or RetargetSettings()
    track = stand_upright(track)
    calibration = calibration or fit_calibration(track)
    motion = measure_head(track, calibration.neutral.astype(np.float64))
    weights, gap_flags = clean_weights(track, motion, calibration, smoothing=settings.smoothing)
    gains = {region: getattr(settings, gain_field(region)) for region in REGIONS}
    weights = scale_weights(weights, gains, expressiveness=settings.expressiveness)
    weights = shape_channels(weights, rig.channels)
    head = _head_over_time(track, motion, (rig, settings))
    weights, face, visibility = keep_rows(_pose_faces(rig, weights, head))
    body, hands = keep_rows(_pose_bodies(track, motion, (rig, settings, head, calibration.neutral)))
    return CharacterTrack(
        times=track.times,
        canvas_wh=settings.canvas_wh,
        weights=weights,
        head=head,
        face=face,
        face_visibility=visibility,
        body=body,
        hands=hands,
        flags=(track.flags | gap_flags).astype(np.uint8),
        rig_digest=rig.digest(),
    )


def _pose_faces(rig: Rig, weights: np.ndarray, head: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield, part after part, weights, contours on the canvas (t, K, 2) and their visibility (t, K), all float32."""
    rows = present_rows(rig)
    for part in iterate_parts(len(weights)):
        face, seen = pose_face(face_points(rig, weights[part]), head[part])
        yield weights[part], face, seen * rows


def _head_over_time(track: PerformanceTrack, motion: HeadMotion, how: tuple[Rig, RetargetSettings]) -> np.ndarray:
    rig, settings = how
    rest = rest_head(rig, settings.canvas_wh).astype(np.float64)
    head = np.tile(rest, (len(track), 1))
    seen = seen_mask(track, motion)
    if len(motion.frames):
        head[seen] = frame_head(
            motion,
            rest,
            canvas_wh=settings.canvas_wh,
            gains=(settings.position_gain, settings.size_gain),
            usual=measure_usual_head(motion, from_neutral=settings.head_from == "neutral"),
        )
    seconds = track.times.seconds
    head, _ = fill_gaps(seconds, head, seen, rest)
    if settings.smoothing > 0:
        unit = np.array([1, 1, 1, *[min(settings.canvas_wh) / 256] * 3])
        limits = np.array(HEAD_NOISE).T * unit
        doubt = np.zeros((len(track), 6))
        doubt[:, :3] = head_doubt_deg(track)[:, None]
        for columns, reach in ((slice(0, 5), 0.12), (slice(5, 6), 0.3)):
            head[:, columns] = smooth_offline(
                seconds,
                head[:, columns],
                reach_seconds=reach * settings.smoothing,
                noise_limits=(limits[0, columns], limits[1, columns]),
                doubt=doubt[:, columns],
            )
    return scale_head(head, rest, settings.head_gain).astype(np.float32)


def _pose_bodies(
    track: PerformanceTrack, motion: HeadMotion, how: tuple[Rig, RetargetSettings, np.ndarray, np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, part after part, the body on the canvas, (t, 33, 3), and the hands on it, (t, 2, 21, 2), both float32."""
    rig, settings, head, neutral = how
    follows = settings.with_body and len(motion.frames) > 0
    performed = _measure_body(track, motion) if follows else None
    places = feature_places(neutral)
    for part in iterate_parts(len(track)):
        if performed is None:
            body = pose_body(rig, np.tile(rest_limbs(), (part.stop - part.start, 1, 1)), head[part])
        else:
            body = place_body(performed[part], rig, head[part], places, canvas_wh=settings.canvas_wh)
        yield body, hands_from_body(body)


def _measure_body(track: PerformanceTrack, motion: HeadMotion) -> BodyMotion:
    frames = np.arange(len(track))
    center_px = np.stack([np.interp(frames, motion.frames, motion.center_px[:, axis]) for axis in range(2)], axis=1)
    scale_px = np.interp(frames, motion.frames, motion.scale_px)
    return measure_body(track, center_px=center_px, scale_px=scale_px)
