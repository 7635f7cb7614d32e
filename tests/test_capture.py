"""Capture: times are the take's, the first frame has settled, small faces are found, and what cannot be is said."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from clips import make_clip

from perfkit import models
from perfkit.capture import CaptureSettings, capture_take
from perfkit.capture.crops import CROP_PX, FaceCrop, crop_at_head
from perfkit.capture.hands import FoundHand, HandSides, covered_share
from perfkit.capture.recording import record
from perfkit.capture.replay import ReplayTracker
from perfkit.errors import CaptureError, MediaError
from perfkit.track import FrameFlag, load_track, save_track
from perfkit.video import VideoWriter, iterate_frames, open_take
from perfkit.vocabulary import CONTOUR_INDICES, CONTOUR_SLICES, POSE_INDEX

pytestmark = pytest.mark.timeout(200)
FACE_ONLY = CaptureSettings(with_pose=False, with_hands=False)


@pytest.fixture(scope="module")
def images(short_take):
    return [image for _, _, image in iterate_frames(open_take(short_take))]


@pytest.fixture(scope="module")
def track(short_take):
    return capture_take(short_take)


def write_take(path, images, pts, time_base):
    with VideoWriter(path, time_base=time_base) as writer:
        for image, stamp in zip(images, pts, strict=False):
            writer.write(image, stamp)
    return path


def test_the_track_has_the_takes_times_size_and_digest(track, short_take, tmp_path):
    take = open_take(short_take)
    assert list(track.times.pts) == [pts for _, pts, _ in iterate_frames(take)]
    assert track.times.time_base == take.info.time_base
    assert track.size_wh == take.info.size_wh
    assert (track.face_confidence > 0).all() and not track.flags.any()
    assert np.isfinite(track.body).all()
    save_track(track, tmp_path / "a.perf")
    assert np.array_equal(load_track(tmp_path / "a.perf").face, track.face)


def test_the_same_take_gives_the_same_bits(track, short_take):
    again = capture_take(short_take)
    assert all(
        np.array_equal(getattr(track, name), getattr(again, name), equal_nan=True)
        for name in ("face", "blendshapes", "camera_from_head", "body", "hands", "face_confidence")
    )


def test_the_first_frame_has_settled(images, tmp_path):
    """On a still, nothing may move: MediaPipe's own first frame is off by 17 px of 130."""
    still = write_take(tmp_path / "still.mp4", [images[0]] * 15, range(15), Fraction(1, 24))
    face = capture_take(still, FACE_ONLY).face[..., :2]
    assert np.abs(face[0] - face[-1]).max() < 0.02 * np.ptp(face[0, :, 0])


def test_times_closer_than_a_millisecond_do_not_kill_the_tracker(images, tmp_path):
    pts = [0, 10, 20, 5000, 5001, 5002]
    take = write_take(tmp_path / "odd.mov", images, pts, Fraction(1, 90000))
    track = capture_take(take, FACE_ONLY)
    assert list(track.times.pts) == pts
    assert (track.face_confidence > 0).all()


def test_a_small_face_is_found_at_the_poses_head(images, track, tmp_path):
    """The take shrunk into a corner of a wide frame: every point lies where the shrinking puts it."""
    scale, corner = 0.3, np.array([0, 612])
    wide = []
    for image in images[:6]:
        frame = np.full((720, 1280, 3), image.mean((0, 1)).astype(np.uint8))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        frame[corner[1] : corner[1] + small.shape[0], corner[0] : corner[0] + small.shape[1]] = small
        wide.append(frame)
    small_track = capture_take(write_take(tmp_path / "small.mp4", wide, range(6), Fraction(1, 24)))
    found = small_track.face_confidence > 0
    assert found.mean() > 0.8
    assert (small_track.flags[found] == FrameFlag.FACE_FROM_CROP).all()
    expected = track.face[:6, :, :2] * scale + corner
    error = np.linalg.norm(small_track.face[..., :2] - expected, axis=-1)[found]
    assert np.median(error) < 0.04 * np.ptp(expected[0, :, 0])
    turned = small_track.camera_from_head[found][0][:3, :3] @ track.camera_from_head[found.argmax()][:3, :3].T
    assert np.degrees(np.arccos((np.trace(turned) - 1) / 2)) < 15


def test_the_crop_maps_its_own_corners_back():
    crop = FaceCrop(np.zeros((CROP_PX, CROP_PX, 3), np.uint8), (100.0, 40.0), 64.0, (640, 360))
    corners = np.array([[0, 0, 0], [CROP_PX, CROP_PX, CROP_PX]], np.float32)
    assert np.allclose(crop.frame_from_crop(corners), [[100, 40, 0], [164, 104, 64]])


def test_the_crops_camera_puts_the_head_where_the_frames_camera_sees_it():
    """Project the head's origin with both pinhole cameras by hand: same pixel, same size of a centimetre."""
    crop = FaceCrop(np.zeros((CROP_PX, CROP_PX, 3), np.uint8), (500.0, 40.0), 80.0, (640, 360))
    crop_camera_from_head = np.eye(4, dtype=np.float32)
    crop_camera_from_head[:3, 3] = [2.0, -1.0, -40.0]
    focal_per_height = 1 / (2 * np.tan(np.radians(63 / 2)))

    def project(matrix, size, center):
        x, y, z = matrix[:3, 3]
        focal = focal_per_height * size
        return np.array([center[0] + focal * x / -z, center[1] - focal * y / -z]), focal / -z

    in_crop, cm_in_crop = project(crop_camera_from_head, 80.0, (540.0, 80.0))
    in_frame, cm_in_frame = project(crop.frame_camera_from_head(crop_camera_from_head), 360.0, (320.0, 180.0))
    assert np.abs(in_crop - in_frame).max() < 1e-3
    assert abs(cm_in_frame / cm_in_crop - 1) < 1e-6


def test_no_pose_or_a_head_outside_gives_no_crop():
    image = np.zeros((100, 100, 3), np.uint8)
    assert crop_at_head(image, np.full((33, 4), np.nan, np.float32)) is None
    assert crop_at_head(image, np.full((33, 4), 500, np.float32)) is None


def test_no_face_in_the_take_says_how_many_frames_were_searched(models_dir, tmp_path):
    take = make_clip(tmp_path / "bars.mp4", source="smptebars=size=160x120:rate=25", frames=12)
    with pytest.raises(CaptureError) as error:
        capture_take(take)
    assert "12 frames" in str(error.value) and "\n" not in str(error.value)


def test_a_broken_take_is_refused_with_the_frame(short_take, tmp_path):
    path = tmp_path / "broken.mp4"
    content = bytearray(short_take.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(MediaError, match="broken at frame"):
        capture_take(path, FACE_ONLY)


def test_without_the_face_tracker_capture_says_what_to_run(short_take, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "model_folders", lambda: [tmp_path])
    with pytest.raises(CaptureError, match="fetch_models"):
        capture_take(short_take)


def test_pose_and_hands_are_optional(short_take, models_dir, tmp_path, monkeypatch):
    face = models.require_model("face")
    (tmp_path / face.name).symlink_to(face)
    monkeypatch.setattr(models, "model_folders", lambda: [tmp_path])
    track = capture_take(short_take)
    assert track.trackers.keys() == {"face"}
    assert np.isnan(track.body).all() and np.isnan(track.hands).all()


def test_progress_is_told_after_every_frame(track, short_take):
    told = []
    record(open_take(short_take), ReplayTracker(track), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(n + 1, len(track)) for n in range(len(track))]


def test_a_replayed_track_is_the_same_track(track, short_take):
    again = record(open_take(short_take), ReplayTracker(track))
    for name in ("face", "blendshapes", "camera_from_head", "body", "hands", "face_confidence", "flags"):
        assert np.array_equal(getattr(again, name), getattr(track, name), equal_nan=True), name
        assert getattr(again, name).dtype == getattr(track, name).dtype, name
    assert again.times == track.times and again.trackers == track.trackers


def test_what_was_odd_in_the_take_stands_in_the_track(track, short_take):
    take = open_take(short_take)
    odd = replace(take, info=replace(take.info, notes=("it may be cut short",)))
    assert record(odd, ReplayTracker(track)).notes == ("it may be cut short",)


def test_replay_refuses_another_take(track, short_take, tmp_path):
    take = make_clip(tmp_path / "other.mp4", frames=3)
    with pytest.raises(CaptureError, match="px"):
        record(open_take(take), ReplayTracker(track))


def hand_at(x: float, y: float, *, is_left: bool, score: float = 0.9) -> FoundHand:
    points = np.zeros((21, 3), np.float32)
    points[:, 0] = x + np.linspace(0, 20, 21)
    points[:, 1] = y - np.linspace(0, 60, 21)
    return FoundHand(points, is_left, score)


def body_with_wrists(left_x: float, right_x: float) -> np.ndarray:
    body = np.ones((33, 4), np.float32)
    body[POSE_INDEX["left_wrist"], :2] = left_x, 200
    body[POSE_INDEX["right_wrist"], :2] = right_x, 200
    return body


def test_hands_go_to_the_wrist_they_hang_on_even_against_the_label():
    sides = HandSides()
    hands = [hand_at(300, 200, is_left=False), hand_at(100, 200, is_left=False)]
    out = sides.sort(hands, body_with_wrists(300, 100), 0.0)
    assert out[0, 0, 0] == 300 and out[1, 0, 0] == 100


def test_a_hand_that_jumps_stays_with_its_wrist_against_a_wrong_label():
    sides = HandSides()
    sides.sort([hand_at(100, 200, is_left=False)], body_with_wrists(300, 100), 0.0)
    body = body_with_wrists(400, 250)
    body[:, 3] = 0.6
    out = sides.sort([hand_at(250, 200, is_left=True)], body, 0.2)
    assert np.isnan(out[0]).all() and out[1, 0, 0] == 250


def test_a_hand_keeps_its_side_through_one_wrong_label():
    sides, nowhere = HandSides(), np.full((33, 4), np.nan, np.float32)
    for number, is_left in enumerate([True, True, False, True]):
        out = sides.sort([hand_at(300 + number, 200, is_left=is_left)], nowhere, number / 30)
        assert np.isfinite(out[0]).all() and np.isnan(out[1]).all()


def test_a_hand_over_the_mouth_lowers_the_confidence(track):
    contours = track.face[0][CONTOUR_INDICES, :2]
    lips = contours[CONTOUR_SLICES["outer_lips"]]
    hand = np.full((2, 21, 3), np.nan, np.float32)
    assert covered_share(contours, hand) == 0
    angles = np.linspace(0, 2 * np.pi, 21)
    radius = np.ptp(lips[:, 0])
    hand[0, :, 2] = 0
    hand[0, :, :2] = lips.mean(0) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert 0.2 < covered_share(contours, hand) < 0.8
