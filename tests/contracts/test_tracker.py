"""What every tracker promises. A new tracker adds its name to the list."""

import numpy as np
import pytest

from perfkit.capture import CaptureSettings, capture_take
from perfkit.capture.recording import TRACKERS, make_tracker
from perfkit.capture.replay import ReplayTracker
from perfkit.errors import SettingsError
from perfkit.track import FrameFlag
from perfkit.video import iterate_frames, open_take

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def frames(short_take):
    take = open_take(short_take)
    return [(image, float(pts * take.info.time_base)) for index, pts, image in iterate_frames(take) if index < 5]


@pytest.fixture(scope="module")
def short_track(short_take):
    return capture_take(short_take)


@pytest.fixture(params=["replay", *TRACKERS])
def tracker(request, models_dir, short_track):
    if request.param == "replay":
        tracker = ReplayTracker(short_track)
    else:
        tracker = make_tracker(CaptureSettings(tracker=request.param))
    yield tracker
    tracker.close()


def test_every_frame_gives_one_observation_of_the_declared_shapes(tracker, frames):
    for image, seconds in frames:
        seen = tracker.track(image, seconds)
        arrays = [seen.face, seen.blendshapes, seen.camera_from_head, seen.body, seen.hands]
        assert [array.shape for array in arrays] == [(478, 3), (52,), (4, 4), (33, 4), (2, 21, 3)]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
        assert 0 <= seen.face_confidence <= 1
        assert isinstance(seen.flags, FrameFlag)


def test_what_is_seen_is_in_pixels_of_the_frame(tracker, frames):
    image, seconds = frames[0]
    seen = tracker.track(image, seconds)
    height, width = image.shape[:2]
    assert seen.has_face
    assert 0 < seen.face[:, 0].min() < seen.face[:, 0].max() < width
    assert 0 < seen.face[:, 1].min() < seen.face[:, 1].max() < height
    assert 0.1 * height < np.ptp(seen.face[:, 1])
    assert 0 <= seen.blendshapes.min() <= seen.blendshapes.max() <= 1
    rotation = seen.camera_from_head[:3, :3]
    assert np.allclose(rotation @ rotation.T / np.linalg.det(rotation) ** (2 / 3), np.eye(3), atol=0.02)


def test_versions_name_every_tracker_with_its_digest(tracker):
    assert "face" in tracker.versions
    assert all(len(version.split()[-1]) == 64 for version in tracker.versions.values())


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match="mediapipe"):
        make_tracker(CaptureSettings(tracker="no such"))
