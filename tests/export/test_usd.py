"""USD, read back and posed by usd-core."""

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from posed_performer import LEFT_ARM, UP, act_pose, hold_pose, make_limbs, make_times, move
from pxr import Usd, UsdGeom, UsdSkel

from perfkit.errors import ExportError, MediaError
from perfkit.export import ExportRequest
from perfkit.export.performance import Performance, clean_performance
from perfkit.export.skeleton import JOINT_INDEX, JOINTS, place_joints
from perfkit.export.usd import export_usd, make_stage
from perfkit.times import FrameTimes
from perfkit.vocabulary import BLENDSHAPES


def reread(tmp_path: Path, performance: Performance, suffix: str = ".usda") -> Usd.Stage:
    path = tmp_path / f"a{suffix}"
    assert make_stage(performance, take_digest="ab").GetRootLayer().Export(str(path))
    return Usd.Stage.Open(str(path))


def motion_of(stage: Usd.Stage) -> UsdSkel.Animation:
    return UsdSkel.Animation.Get(stage, "/Performer/Motion")


def pose(stage: Usd.Stage, code: float) -> tuple[np.ndarray, np.ndarray]:
    """Return world rotations (13, 3, 3) and places (13, 3) as UsdSkel poses the skeleton."""
    cache = UsdSkel.Cache()
    query = cache.GetSkelQuery(UsdSkel.Skeleton.Get(stage, "/Performer/Skeleton"))
    rows = np.array([np.array(matrix) for matrix in query.ComputeJointSkelTransforms(Usd.TimeCode(code))])
    return np.swapaxes(rows[:, :3, :3], 1, 2), rows[:, 3, :3]


@pytest.mark.parametrize("suffix", [".usda", ".usdc", ".usd"])
def test_usd_poses_every_joint_where_it_was_put(tmp_path, suffix):
    performance = move(make_times(6))
    stage = reread(tmp_path, performance, suffix)
    rotations, places = place_joints(performance.joints, performance.hips_cm)
    for frame in range(6):
        got_rotations, got_places = pose(stage, frame)
        np.testing.assert_allclose(got_rotations, rotations[frame], atol=1e-5)
        np.testing.assert_allclose(got_places, places[frame], atol=1e-3)


def test_a_head_turned_30_degrees_to_its_left_and_a_raised_left_arm(tmp_path):
    limbs = make_limbs(**dict.fromkeys(LEFT_ARM, UP))
    rotations, places = pose(reread(tmp_path, hold_pose(head_deg=(30, 0, 0), limbs=limbs)), 0)
    np.testing.assert_allclose(rotations[JOINT_INDEX["Head"]] @ [0, 0, 1], [0.5, 0, np.sqrt(0.75)], atol=1e-6)
    np.testing.assert_allclose(places[JOINT_INDEX["LeftHand"]], [17, 193, 0], atol=1e-4)
    np.testing.assert_allclose(places[JOINT_INDEX["RightHand"]], [-70, 140, 0], atol=1e-4)


def test_frames_of_a_varying_take_lie_at_their_own_times(tmp_path):
    pts = np.array([500, 1501, 2502, 5005, 6006], dtype=np.int64)
    performance = move(FrameTimes(pts, Fraction(1, 30000)))
    stage = reread(tmp_path, performance)
    rate = stage.GetTimeCodesPerSecond()
    assert rate == pytest.approx(4 * 30000 / 5506)
    for attribute in ("Rotations", "Translations", "BlendShapeWeights"):
        codes = np.array(getattr(motion_of(stage), f"Get{attribute}Attr")().GetTimeSamples())
        np.testing.assert_allclose(codes / rate, (pts - 500) / 30000, atol=1e-9)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, pytest.approx(4))


def test_frames_of_a_steady_take_have_whole_numbers(tmp_path):
    stage = reread(tmp_path, move(FrameTimes(np.arange(50, dtype=np.int64) * 1001, Fraction(1, 24000))))
    assert motion_of(stage).GetRotationsAttr().GetTimeSamples() == list(range(50))
    assert stage.GetTimeCodesPerSecond() == pytest.approx(24000 / 1001)


def test_weights_carry_arkits_names(tmp_path):
    performance = move(make_times(5))
    stage = reread(tmp_path, performance)
    motion = motion_of(stage)
    assert tuple(motion.GetBlendShapesAttr().Get()) == BLENDSHAPES
    for frame in range(5):
        got = np.array(motion.GetBlendShapeWeightsAttr().Get(frame))
        np.testing.assert_allclose(got, performance.weights[frame], atol=1e-6)


def test_the_stage_says_its_units_and_its_take(tmp_path):
    stage = reread(tmp_path, move(make_times(3)))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 0.01
    assert stage.GetDefaultPrim().GetTypeName() == "SkelRoot"
    assert stage.GetRootLayer().customLayerData["perfkit"]["take_sha256"] == "ab"


def test_the_rest_pose_is_the_t_pose(tmp_path):
    stage = reread(tmp_path, move(make_times(2)))
    skeleton = UsdSkel.Skeleton.Get(stage, "/Performer/Skeleton")
    bind = {
        path.rpartition("/")[2]: np.array(matrix)[3, :3]
        for path, matrix in zip(skeleton.GetJointsAttr().Get(), skeleton.GetBindTransformsAttr().Get(), strict=True)
    }
    assert list(bind) == [joint.name for joint in JOINTS]
    np.testing.assert_allclose(bind["LeftHand"], [70, 140, 0])
    assert UsdSkel.Topology(skeleton.GetJointsAttr().Get()).Validate()


def test_a_track_is_exported_whole(tmp_path):
    track = act_pose(head_deg=(30, 0, 0))
    result = export_usd(track, ExportRequest(tmp_path / "a.usda"))
    assert result.target == str(tmp_path / "a.usda") and result.notes == ("usd: 24 time codes a second",)
    rotations, _ = pose(Usd.Stage.Open(result.target), 23)
    expected = clean_performance(track).head_rotation[-1]
    np.testing.assert_allclose(rotations[JOINT_INDEX["Head"]], expected, atol=1e-5)


def test_one_frame_is_a_stage():
    stage = make_stage(hold_pose(times=make_times(1)), take_digest="")
    assert stage.GetTimeCodesPerSecond() == 30


def test_a_suffix_that_is_none_of_usds_is_refused(tmp_path):
    with pytest.raises(MediaError, match=r"\.usda"):
        export_usd(act_pose(), ExportRequest(tmp_path / "a.fbx"))


def test_without_usd_core_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(ExportError, match=r'run: pip install "perfkit\[export\]"'):
        export_usd(act_pose(), ExportRequest(tmp_path / "a.usda"))
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_when_usd_cannot_write(tmp_path, monkeypatch):
    path = tmp_path / "a.usda"
    path.write_text("older")
    monkeypatch.setattr("perfkit.export.usd._save_stage", lambda *_: (_ for _ in ()).throw(MediaError("full")))
    with pytest.raises(MediaError, match="full"):
        export_usd(replace(act_pose()), ExportRequest(path))
    assert path.read_text() == "older" and [file.name for file in tmp_path.iterdir()] == ["a.usda"]
