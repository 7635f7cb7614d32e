"""MediaPipe Tasks as a tracker: the only module that imports mediapipe. Face required, pose and hands optional.

In: upright RGB frames with their times. Out: observations in px of those frames. `StillFaces` reads single pictures.

VIDEO mode keeps state between frames, with three consequences that live here: a task gets strictly increasing
milliseconds of its own; a face that (re)appears is fed until the task has settled; one face only, because more switch
the task's smoothing off. Faces too small for the whole frame are searched at the pose's head, enlarged.
"""

import contextlib
import ctypes
import os
from dataclasses import dataclass, replace

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from perfkit.capture.crops import crop_at_head
from perfkit.capture.hands import FoundHand, HandSides, covered_share
from perfkit.capture.protocol import Observation, make_empty_observation
from perfkit.capture.settings import CaptureSettings
from perfkit.face_reading import StillReadings, estimate_visibility
from perfkit.models import TRACKER_FILES, find_model, require_model
from perfkit.queues import SideBySide
from perfkit.quiet import quiet_stderr
from perfkit.track import FrameFlag
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_INDICES, NUM_CONTOUR_POINTS

_SETTLE_FRAMES = 15
_SETTLE_STEP_MS = 33
_SETTLED_SHARE = 0.002
"""A face has settled when no point moves by more than this share of the face's width."""

_POSE_REPEATS = 3
_LIBC = ctypes.CDLL(None) if os.name == "posix" else None
_M_ARENA_MAX = -8
"""As in glibc's malloc.h."""


class MediaPipeTracker:
    """Face, pose and hands of one performer; one instance per take."""

    def __init__(self, settings: CaptureSettings) -> None:
        face_file = str(require_model("face"))
        pose_file = find_model("pose") if settings.with_pose else None
        hands_file = find_model("hands") if settings.with_hands else None
        _few_heaps()
        with quiet_stderr():
            self._face = _FaceTask(face_file)
            self._crop_face = _FaceTask(face_file) if pose_file else None
            self._pose = _PoseTask(str(pose_file)) if pose_file else None
            self._hands = _HandsTask(str(hands_file)) if hands_file else None
        self._sides = HandSides()
        self._pool = SideBySide()
        self._has_seen = False

    @property
    def versions(self) -> dict[str, str]:
        """Name -> "version sha256" of every tracker that runs."""
        running = {"face": self._face, "pose": self._pose, "hands": self._hands}
        version = f"mediapipe-{mediapipe.__version__}"
        return {name: f"{version} {TRACKER_FILES[name].sha256}" for name, task in running.items() if task is not None}

    def track(self, image_rgb: np.ndarray, seconds: float) -> Observation:
        """Return what is seen in the next frame."""
        with contextlib.nullcontext() if self._has_seen else quiet_stderr():
            observation = self._track(image_rgb, seconds)
        self._has_seen |= observation.has_face
        return observation

    def _track(self, image_rgb: np.ndarray, seconds: float) -> Observation:
        picture = _picture_of(image_rgb)
        empty = make_empty_observation()
        (face, hands), body = self._pool.run(
            lambda: (
                self._face.track(picture, seconds),
                self._hands.track(picture, seconds) if self._hands else [],
            ),
            lambda: self._pose.track(picture, seconds) if self._pose else None,
        )
        body = empty.body if body is None else body
        sorted_hands = self._sides.sort(hands, body, seconds)
        is_from_crop = face is None
        face = self._track_in_crop(image_rgb, body, seconds) if face is None else face
        if face is None:
            return replace(empty, body=body, hands=sorted_hands)
        return Observation(
            face=face.points,
            blendshapes=face.blendshapes,
            camera_from_head=face.camera_from_head,
            face_confidence=_confidence(face.points, sorted_hands),
            body=body,
            hands=sorted_hands,
            flags=FrameFlag.FACE_FROM_CROP if is_from_crop else FrameFlag(0),
        )

    def close(self) -> None:
        """Close the tasks; MediaPipe complains at exit about those left open."""
        self._pool.close()
        for task in (self._face, self._crop_face, self._pose, self._hands):
            if task is not None:
                task.close()
        _give_back_memory()

    def _track_in_crop(self, image_rgb: np.ndarray, body: np.ndarray, seconds: float) -> "_Face | None":
        crop = crop_at_head(image_rgb, body) if self._crop_face else None
        if crop is None or self._crop_face is None:
            return None
        face = self._crop_face.track(_picture_of(crop.image_rgb), seconds)
        if face is None:
            return None
        return _Face(
            crop.frame_from_crop(face.points), face.blendshapes, crop.frame_camera_from_head(face.camera_from_head)
        )


def _few_heaps() -> None:
    """Let threads share two heaps: MediaPipe starts its threads anew for every take, and glibc gives each its own."""
    if _LIBC is not None and hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 2)


def _give_back_memory() -> None:
    """Hand freed memory back to the system; glibc keeps it, a take's after the other's."""
    if _LIBC is not None and hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


class BodyTracker:
    """Body and hands alone, for who looks at them less often than at the face.

    Args:
        settings: Which of the two.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        pose_file = find_model("pose") if settings.with_pose else None
        hands_file = find_model("hands") if settings.with_hands else None
        with quiet_stderr():
            self._pose = _PoseTask(str(pose_file)) if pose_file else None
            self._hands = _HandsTask(str(hands_file)) if hands_file else None
        self._sides = HandSides()
        self._has_seen = False

    @property
    def is_blind(self) -> bool:
        """Whether neither tracker file is there."""
        return self._pose is None and self._hands is None

    def track(self, image_rgb: np.ndarray, seconds: float) -> Observation:
        """Return body and hands of the next frame; its face is never seen."""
        with contextlib.nullcontext() if self._has_seen else quiet_stderr():
            picture = _picture_of(image_rgb)
            body = self._pose.track(picture, seconds) if self._pose else None
            hands = self._hands.track(picture, seconds) if self._hands else []
        self._has_seen |= body is not None and bool(hands)
        empty = make_empty_observation()
        body = empty.body if body is None else body
        return replace(empty, body=body, hands=self._sides.sort(hands, body, seconds))

    def close(self) -> None:
        """Close the tasks."""
        for task in (self._pose, self._hands):
            if task is not None:
                task.close()


def lower_confidence(observation: Observation, hands: np.ndarray) -> Observation:
    """Return a face's observation with hands (2, 21, 3) that were seen apart: what they cover is not seen."""
    if not observation.has_face:
        return replace(observation, hands=hands)
    return replace(observation, hands=hands, face_confidence=_confidence(observation.face, hands))


class StillFaces:
    """Reads faces in single pictures, each by itself: a `face_reading.LandmarkReader`. MediaPipe knows people.

    It gives no visibility: points count as seen as far as an average head turned likewise shows them.
    """

    def __init__(self) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(require_model("face"))),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=1,
        )
        with quiet_stderr():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)

    def predict(self, images_rgb: np.ndarray) -> StillReadings:
        """Return what is found in pictures (N, H, W, 3) uint8; confidence is 1 where a face was found, else 0."""
        num = len(images_rgb)
        points = np.zeros((num, NUM_CONTOUR_POINTS, 2), np.float32)
        is_found = np.zeros(num, dtype=bool)
        with quiet_stderr():
            for row, image_rgb in enumerate(images_rgb):
                picture = _picture_of(np.ascontiguousarray(image_rgb))
                result = self._landmarker.detect(picture.image)
                if result.face_landmarks:
                    is_found[row] = True
                    mesh = np.array([(p.x, p.y) for p in result.face_landmarks[0]], np.float32)
                    points[row] = mesh[CONTOUR_INDICES] * (picture.width, picture.height)
        visibility = np.zeros(points.shape[:2], np.float32)
        visibility[is_found] = estimate_visibility(points[is_found])
        return StillReadings(points, visibility, is_found.astype(np.float32))

    def close(self) -> None:
        """Close the task; MediaPipe complains at exit about one left open."""
        self._landmarker.close()


@dataclass(frozen=True, eq=False)
class _Picture:
    image: mediapipe.Image
    width: int
    height: int

    @property
    def scale_xyz(self) -> np.ndarray:
        """Px per normalised unit; MediaPipe's z has the scale of x."""
        return np.array([self.width, self.height, self.width], np.float32)


def _picture_of(image_rgb: np.ndarray) -> _Picture:
    height, width = image_rgb.shape[:2]
    return _Picture(mediapipe.Image(mediapipe.ImageFormat.SRGB, image_rgb), width, height)


@dataclass(frozen=True, eq=False)
class _Face:
    points: np.ndarray
    blendshapes: np.ndarray
    camera_from_head: np.ndarray


class _Clock:
    """Milliseconds for one task: strictly increasing whatever the take's times do, with room for repeated frames."""

    def __init__(self) -> None:
        self._zero_seconds: float | None = None
        self._shift_ms = 0
        self._last_ms = -1

    def ms_at(self, seconds: float) -> int:
        if self._zero_seconds is None:
            self._zero_seconds = seconds
        wished_ms = round((seconds - self._zero_seconds) * 1000) + self._shift_ms
        self._last_ms = max(wished_ms, self._last_ms + 1)
        return self._last_ms

    def ms_of_repeat(self) -> int:
        self._shift_ms += _SETTLE_STEP_MS
        self._last_ms += _SETTLE_STEP_MS
        return self._last_ms


class _FaceTask:
    """One face; the first sight of it after none is repeated until it has settled."""

    def __init__(self, path: str) -> None:
        self._landmarker = vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=path),
                running_mode=vision.RunningMode.VIDEO,
                num_faces=1,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
        )
        self._clock = _Clock()
        self._had_face = False

    def track(self, picture: _Picture, seconds: float) -> _Face | None:
        face = self._detect(picture, self._clock.ms_at(seconds))
        if face is not None and not self._had_face:
            face = self._settle(picture, face)
        self._had_face = face is not None
        return face

    def close(self) -> None:
        self._landmarker.close()

    def _settle(self, picture: _Picture, face: _Face | None) -> _Face | None:
        for _ in range(_SETTLE_FRAMES):
            before, face = face, self._detect(picture, self._clock.ms_of_repeat())
            if face is None or before is None:
                return face
            if np.abs(face.points - before.points).max() < _SETTLED_SHARE * np.ptp(face.points[:, 0]):
                break
        return face

    def _detect(self, picture: _Picture, timestamp_ms: int) -> _Face | None:
        result = self._landmarker.detect_for_video(picture.image, timestamp_ms)
        if not result.face_landmarks:
            return None
        points = np.array([(p.x, p.y, p.z) for p in result.face_landmarks[0]], np.float32)
        blendshapes = np.zeros(len(BLENDSHAPES), np.float32)
        for category in result.face_blendshapes[0]:
            index = BLENDSHAPE_INDEX.get(category.category_name)
            if index is not None:
                blendshapes[index] = category.score
        matrix = np.array(result.facial_transformation_matrixes[0], np.float32)
        return _Face(points * picture.scale_xyz, blendshapes, matrix)


class _PoseTask:
    """One body."""

    def __init__(self, path: str) -> None:
        self._landmarker = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=path), running_mode=vision.RunningMode.VIDEO, num_poses=1
            )
        )
        self._clock = _Clock()
        self._had_body = False

    def track(self, picture: _Picture, seconds: float) -> np.ndarray | None:
        result = self._landmarker.detect_for_video(picture.image, self._clock.ms_at(seconds))
        if result.pose_landmarks and not self._had_body:
            for _ in range(_POSE_REPEATS):
                result = self._landmarker.detect_for_video(picture.image, self._clock.ms_of_repeat())
        self._had_body = bool(result.pose_landmarks)
        if not result.pose_landmarks:
            return None
        body = np.array([(p.x, p.y, p.z, p.visibility) for p in result.pose_landmarks[0]], np.float32)
        body[:, :3] *= picture.scale_xyz
        return body

    def close(self) -> None:
        self._landmarker.close()


class _HandsTask:
    """At most two hands."""

    def __init__(self, path: str) -> None:
        self._landmarker = vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=BaseOptions(model_asset_path=path), running_mode=vision.RunningMode.VIDEO, num_hands=2
            )
        )
        self._clock = _Clock()

    def track(self, picture: _Picture, seconds: float) -> list[FoundHand]:
        result = self._landmarker.detect_for_video(picture.image, self._clock.ms_at(seconds))
        hands = []
        for landmarks, handedness in zip(result.hand_landmarks, result.handedness, strict=True):
            points = np.array([(p.x, p.y, p.z) for p in landmarks], np.float32) * picture.scale_xyz
            # The task of this version names the performer's own side; the older solutions named the mirror's.
            is_left = handedness[0].category_name == "Left"
            hands.append(FoundHand(points, is_left, handedness[0].score))
        return hands

    def close(self) -> None:
        self._landmarker.close()


def _confidence(face_points: np.ndarray, hands: np.ndarray) -> float:
    """MediaPipe gives no confidence and finds faces through hands: what a hand covers is not seen."""
    return 1.0 - 0.9 * covered_share(face_points[CONTOUR_INDICES, :2], hands)
