"""The performer's acting and the character's, side by side: three times the same channels, by the same rules.

    performer   measured on the take's face points, in the performer's own head space
    asked       what retargeting made of it: the CharacterTrack
    output      what the reader sees in the result
    truth       what it sees in the exact drawing, if there is one: how well anything can be read at all

In: a Scene, what was watched. Out: `Acting`.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.blinks import complete_blinks
from perfkit.expression import fit_weights
from perfkit.framing import usual_value
from perfkit.headspace import HeadMotion, measure_head, stand_upright
from perfkit.metrics import eye_distance_from_rig
from perfkit.metrics.acting import CHANNELS, read_channels
from perfkit.rig import face_points, head_angles_from_rotation, present_rows
from perfkit.score.reader import Faces, LandmarkReader, ReaderFloor, measure_reader, read_opening, understand_faces
from perfkit.score.scene import Scene
from perfkit.score.watching import Watched
from perfkit.vocabulary import BLENDSHAPE_INDEX

_BLINKS = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
_LEAST_CONFIDENCE = 0.9
"""Confidence from which a performer's face counts: under a hand neither tracker nor reader sees what it does."""


@dataclass(frozen=True, eq=False)
class Part:
    """One party's acting over T frames; NaN = not seen.

    Attributes:
        channels: (T, 7), columns as `acting.CHANNELS`.
        opening: (T,) of the eyes, 0 shut, 1 as at rest.
        angles: (T, 3) yaw, pitch, roll in degrees.
    """

    channels: np.ndarray
    opening: np.ndarray
    angles: np.ndarray


@dataclass(frozen=True, eq=False)
class Acting:
    """Who did what.

    Attributes:
        performer: The performer.
        asked: What the character was asked to do.
        output: The character in the result.
        truth: The exact drawing; None: there is none.
        faces: The faces read in the result.
        truth_faces: Those read in the exact drawing.
        floor: What the reader makes of the character's art.
        eye_distance_px: (T,) distance of the character's eyes as if seen from the front.
    """

    performer: Part
    asked: Part
    output: Part
    truth: Part | None
    faces: Faces
    truth_faces: Faces | None
    floor: ReaderFloor
    eye_distance_px: np.ndarray


def compare_acting(scene: Scene, watched: Watched, reader: LandmarkReader) -> Acting:
    """Read the acting of performer, character and exact drawing."""
    floor = measure_reader(reader, scene.pack)
    faces = understand_faces(watched.faces, scene.pack, scene.asked.weights, floor.bias)
    truth_faces = None
    if watched.truth_faces is not None:
        truth_faces = understand_faces(watched.truth_faces, scene.pack, scene.asked.weights, floor.bias)
    return Acting(
        performer=_read_performer(scene),
        asked=_read_asked(scene),
        output=_read_faces(faces, scene, floor),
        truth=None if truth_faces is None else _read_faces(truth_faces, scene, floor),
        faces=faces,
        truth_faces=truth_faces,
        floor=floor,
        eye_distance_px=eye_distance_from_rig(scene.pack.rig, scene.asked.head[:, 5]),
    )


def _read_performer(scene: Scene) -> Part:
    track = stand_upright(scene.track)
    motion = measure_head(track, scene.calibration.neutral.astype(np.float64))
    sure = motion.frames[track.face_confidence[motion.frames] >= _LEAST_CONFIDENCE]
    part = _make_empty(len(track))
    if not len(motion.frames):
        return part
    part.channels[motion.frames] = read_channels(motion.points())
    part.opening[motion.frames] = 1.0 - _read_blinks(scene, motion)
    part.angles[motion.frames] = _read_angles(scene, motion)
    unsure = np.setdiff1d(motion.frames, sure)
    part.channels[unsure], part.opening[unsure], part.angles[unsure] = np.nan, np.nan, np.nan
    return part


def _read_blinks(scene: Scene, motion: HeadMotion) -> np.ndarray:
    """Return (S,) how far the performer's eyes are shut, blinks completed to their bottom: a camera rarely meets it."""
    blendshapes = scene.track.blendshapes[motion.frames].astype(np.float64)
    fitted = fit_weights(motion, blendshapes, scene.calibration)[:, _BLINKS]
    return complete_blinks(scene.track.times.seconds[motion.frames], fitted, blendshapes[:, _BLINKS]).mean(axis=1)


def _read_angles(scene: Scene, motion: HeadMotion) -> np.ndarray:
    angles = np.unwrap(head_angles_from_rotation(motion.rotation), period=360.0, axis=0)
    return angles - usual_value(angles) if scene.settings.head_from == "neutral" else angles


def _read_asked(scene: Scene) -> Part:
    points = face_points(scene.pack.rig, scene.asked.weights).astype(np.float64)
    points[:, ~present_rows(scene.pack.rig)] = np.nan
    return Part(
        channels=read_channels(points),
        opening=1.0 - scene.asked.weights[:, _BLINKS].astype(np.float64).mean(axis=1),
        angles=scene.asked.head[:, :3].astype(np.float64),
    )


def _read_faces(faces: Faces, scene: Scene, floor: ReaderFloor) -> Part:
    angles = np.full((len(faces.head), 3), np.nan)
    is_known = np.isfinite(faces.head).all(axis=1)
    angles[is_known] = faces.head[is_known, :3] - floor.head_bias_deg
    return Part(read_channels(faces.head_points), read_opening(faces, scene.pack, floor), angles)


def _make_empty(num_frames: int) -> Part:
    return Part(
        np.full((num_frames, len(CHANNELS)), np.nan), np.full(num_frames, np.nan), np.full((num_frames, 3), np.nan)
    )
