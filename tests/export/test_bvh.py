"""BVH, read back and posed by an independent reader (bvhio)."""

import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from posed_performer import LEFT_ARM, UP, act_pose, hold_pose, make_limbs, make_times, move
from scipy.spatial.transform import Rotation

from perfkit.export import ExportRequest
from perfkit.export.bvh import angles_zxy_deg, export_bvh, format_bvh
from perfkit.export.performance import Performance
from perfkit.export.skeleton import JOINT_INDEX, JOINTS, place_joints
from perfkit.times import FrameTimes

with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)  # it imports PyGLM by its old name
    import bvhio


def read_places(path: Path, num_frames: int) -> np.ndarray:
    """Return (T, 13, 3) world places, rows as `skeleton.JOINTS`, as the reader poses them."""
    root = bvhio.readAsHierarchy(str(path))
    out = np.empty((num_frames, len(JOINTS), 3))
    for frame in range(num_frames):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            out[frame, JOINT_INDEX[joint.Name]] = list(joint.PositionWorld)
    return out


def write(tmp_path: Path, performance: Performance, rate_fps: Fraction = Fraction(30)) -> Path:
    path = tmp_path / "a.bvh"
    path.write_text(format_bvh(performance, rate_fps))
    return path


def test_the_reader_finds_every_joint_where_it_was_put(tmp_path):
    performance = move(make_times(12))
    _, expected = place_joints(performance.joints, performance.hips_cm)
    np.testing.assert_allclose(read_places(write(tmp_path, performance), 12), expected, atol=1e-3)


def test_a_head_turned_30_degrees_to_its_left_and_a_raised_left_arm(tmp_path):
    limbs = make_limbs(**dict.fromkeys(LEFT_ARM, UP))
    path = write(tmp_path, hold_pose(head_deg=(30, 0, 0), limbs=limbs))
    at = dict(zip((joint.name for joint in JOINTS), read_places(path, 4)[-1], strict=True))
    np.testing.assert_allclose(at["LeftHand"], [17, 193, 0], atol=1e-3)
    np.testing.assert_allclose(at["RightHand"], [-70, 140, 0], atol=1e-3)
    bvh = bvhio.readAsBvh(str(path))
    turns = {joint.Name: joint.Keyframes[-1].Rotation for joint, _, _ in bvh.Root.layout()}
    fifteen = Rotation.from_euler("y", 15, degrees=True)
    for name in ("Neck", "Head"):
        turn = Rotation.from_quat([turns[name].x, turns[name].y, turns[name].z, turns[name].w])
        np.testing.assert_allclose(turn.as_matrix(), fifteen.as_matrix(), atol=1e-6)


def test_the_hierarchy_is_a_t_pose_with_tips(tmp_path):
    bvh = bvhio.readAsBvh(str(write(tmp_path, move(make_times(2)))))
    offsets = {joint.Name: list(joint.Offset) for joint, _, _ in bvh.Root.layout()}
    assert list(offsets) == [joint.name for joint in JOINTS]
    for joint in JOINTS[1:]:
        np.testing.assert_allclose(offsets[joint.name], joint.offset_cm, atol=1e-6)


def test_the_frame_time_is_the_takes(tmp_path):
    performance = move(FrameTimes(np.arange(5, dtype=np.int64) * 1001, Fraction(1, 24000)))
    bvh = bvhio.readAsBvh(str(write(tmp_path, performance, performance.times.rate_fps)))
    assert bvh.FrameCount == 5
    assert bvh.FrameTime == pytest.approx(1001 / 24000, abs=1e-9)


def test_angles_are_scipys_zxy():
    rotations = Rotation.random(200, rng=4)
    angles = angles_zxy_deg(rotations.as_matrix())
    again = Rotation.from_euler("ZXY", angles, degrees=True)
    assert (again * rotations.inv()).magnitude().max() < 1e-9


def test_a_turn_through_half_a_circle_does_not_jump():
    turns = Rotation.from_euler("Y", np.linspace(150, 210, 61)[:, None], degrees=True).as_matrix()
    assert np.abs(np.diff(angles_zxy_deg(turns), axis=0)).max() < 1.01


def test_a_varying_take_is_resampled_to_its_own_mean_rate_and_says_so(tmp_path):
    track = act_pose(48)
    pts = track.times.pts.copy()
    pts[20:] += 2000
    varying = replace(track, times=FrameTimes(pts, track.times.time_base))
    result = export_bvh(varying, ExportRequest(tmp_path / "a.bvh"))
    bvh = bvhio.readAsBvh(str(tmp_path / "a.bvh"))
    assert bvh.FrameTime == pytest.approx((47 * 1000 + 2000) / 24000 / 47, abs=1e-9)
    assert result.notes == (f"bvh: resampled to 23.0204 frames/s, 48 to {bvh.FrameCount} frames",)
    assert bvh.FrameCount == 48


def test_the_asked_rate_is_met(tmp_path):
    export_bvh(act_pose(25), ExportRequest(tmp_path / "a.bvh", rate_fps=Fraction(60)))
    bvh = bvhio.readAsBvh(str(tmp_path / "a.bvh"))
    assert (bvh.FrameCount, bvh.FrameTime) == (61, pytest.approx(1 / 60))
