"""OpenPose's JSON against its schema, and against the points of the take."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from posed_performer import act_pose, place_points
from synthetic_performer import lose_face

from perfkit.errors import MediaError
from perfkit.export import ExportRequest
from perfkit.export.openpose_json import export_openpose_json, format_frame
from perfkit.times import FrameTimes
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import POSE_INDEX

SCHEMA = json.loads((Path(__file__).parent / "openpose.schema.json").read_text())
COCO = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's order of its 18-point model, from its documentation."""


def points_of(frame: dict, name: str) -> np.ndarray:
    """Return (N, 3): x, y, confidence."""
    return np.array(frame["people"][0][f"{name}_keypoints_2d"]).reshape(-1, 3)


def with_hands(track: PerformanceTrack) -> PerformanceTrack:
    """Return the track with a left hand in every frame and a right one in the first."""
    hands = np.full_like(track.hands, np.nan)
    grid = np.arange(42, dtype=np.float32).reshape(21, 2)
    hands[:, 0, :, :2], hands[:1, 1, :, :2] = 100 + grid, 200 + grid
    hands[:, 0, :, 2], hands[:1, 1, :, 2] = 0, 0
    return replace(track, hands=hands)


def test_every_file_keeps_to_the_schema(tmp_path):
    track = with_hands(lose_face(act_pose(), slice(5, 9)))
    body = track.body.copy()
    body[10:12] = np.nan
    result = export_openpose_json(replace(track, body=body), ExportRequest(tmp_path / "take"))
    files = sorted((tmp_path / "take").iterdir())
    assert [file.name for file in files] == [f"take_{frame:012d}_keypoints.json" for frame in range(24)]
    for file in files:
        jsonschema.validate(json.loads(file.read_text()), SCHEMA)
    assert result.target == str(tmp_path / "take") and len(result.notes) == 1


def test_body_points_stand_in_cocos_order_in_px_of_the_take():
    track = place_points(act_pose(), left_wrist=(30, -200, 0), right_wrist=(-260, 90, 0))
    frame = format_frame(track, 7)
    points = dict(zip(COCO, points_of(frame, "pose"), strict=True))
    for name in ("left_shoulder", "right_shoulder", "left_wrist", "right_wrist", "left_hip"):
        expected = track.body[7, POSE_INDEX[name], :2]
        np.testing.assert_allclose(points[name], [*expected, 1], atol=1e-3)
    middle = (points["left_shoulder"] + points["right_shoulder"]) / 2
    np.testing.assert_allclose(points["neck"], middle, atol=1e-3)
    assert points["left_shoulder"][0] > points["right_shoulder"][0]
    assert points["left_eye"][0] > points["right_eye"][0]
    assert (frame["canvas_width"], frame["canvas_height"]) == (640, 360)


def test_what_is_not_believed_is_not_there():
    track = act_pose()
    body = track.body.copy()
    body[:, POSE_INDEX["left_shoulder"], 3] = 0.4
    points = dict(zip(COCO, points_of(format_frame(replace(track, body=body), 0), "pose"), strict=True))
    for name in ("left_shoulder", "neck"):
        np.testing.assert_array_equal(points[name], [0, 0, 0])
    assert points["right_shoulder"][2] == 1


def test_a_lost_face_is_not_there_and_neither_held_nor_eased():
    track = lose_face(act_pose(), slice(5, 9))
    np.testing.assert_array_equal(points_of(format_frame(track, 5), "face"), np.zeros((70, 3)))
    assert (points_of(format_frame(track, 4), "face")[:, 2] == 1).all()
    assert points_of(format_frame(track, 5), "pose")[0, 2] == 1


def test_the_left_hand_is_the_performers():
    track = with_hands(act_pose())
    left, right = points_of(format_frame(track, 0), "hand_left"), points_of(format_frame(track, 0), "hand_right")
    np.testing.assert_allclose(left[3], [106, 107, 1])
    np.testing.assert_allclose(right[3], [206, 207, 1])
    np.testing.assert_array_equal(points_of(format_frame(track, 1), "hand_right"), np.zeros((21, 3)))


def test_the_70_face_points_are_jaw_brows_nose_eyes_lips_and_pupils():
    track = act_pose()
    points = points_of(format_frame(track, 0), "face")[:, :2]
    for row, mesh_index in {8: 152, 30: 4, 36: 33, 45: 263, 48: 61, 54: 291, 68: 468, 69: 473}.items():
        np.testing.assert_allclose(points[row], track.face[0, mesh_index, :2], atol=1e-3)


def test_a_varying_rate_is_said_for_the_format_holds_no_times(tmp_path):
    track = act_pose()
    pts = track.times.pts.copy()
    pts[10:] += 5000
    varying = replace(track, times=FrameTimes(pts, track.times.time_base))
    assert "rate varies" in export_openpose_json(varying, ExportRequest(tmp_path / "a")).notes[1]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").write_text("x")
    with pytest.raises(MediaError, match="exists already"):
        export_openpose_json(act_pose(), ExportRequest(tmp_path / "a"))
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["mine.txt"]
