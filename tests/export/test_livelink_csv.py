"""Live Link Face's CSV, read back by the rules of Unreal's importer."""

import csv
import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from posed_performer import act_pose, hold_pose, make_times, move
from scipy.spatial.transform import Rotation

from perfkit.errors import SettingsError
from perfkit.export import ExportRequest
from perfkit.export.livelink_csv import COLUMNS, export_livelink_csv, format_rows, timecode
from perfkit.export.performance import Performance, clean_performance
from perfkit.times import FrameTimes
from perfkit.vocabulary import BLENDSHAPES

APP_HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)
"""First line of the app's recordings."""


def import_as_unreal(text: str) -> tuple[np.ndarray, dict[str, np.ndarray], int]:
    """Return seconds, column name -> values and the rate that Unreal takes the file for."""
    header, *rows = list(csv.reader(io.StringIO(text)))
    codes = [[float(part) for part in row[0].split(":")] for row in rows]
    rate = 60 if any(code[3] > 30.0 for code in codes) else 30
    seconds = np.array([code[0] * 3600 + code[1] * 60 + code[2] + code[3] / rate for code in codes])
    values = {name: np.array([float(row[column]) for row in rows]) for column, name in enumerate(header) if column > 1}
    assert all(len(row) == len(header) for row in rows)
    assert all(row[1] == "61" for row in rows)
    return seconds, values, rate


def last_of(performance: Performance, *names: str) -> list[float]:
    """Return values of the last frame."""
    _, values, _ = import_as_unreal(format_rows(performance, 30))
    return [values[name][-1] for name in names]


def test_the_header_is_the_apps():
    assert ",".join(COLUMNS) == APP_HEADER


def test_every_weight_arrives_under_its_name_at_its_time():
    performance = move(FrameTimes(np.arange(70, dtype=np.int64) * 1001, Fraction(1, 24000)))
    seconds, values, rate = import_as_unreal(format_rows(performance, 30))
    assert rate == 30
    np.testing.assert_allclose(seconds, np.arange(70) * 1001 / 24000, atol=0.5e-3 / 30 + 1e-9)
    for column, name in enumerate(BLENDSHAPES):
        np.testing.assert_allclose(values[name[0].upper() + name[1:]], performance.weights[:, column], atol=1e-9)


HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")


@pytest.mark.parametrize(
    ("head_deg", "radians"),
    [
        ((30, 0, 0), (-0.5235987756, 0, 0)),
        ((-30, 0, 0), (0.5235987756, 0, 0)),
        ((0, 20, 0), (0, -0.3490658504, 0)),
        ((0, 0, -10), (0, 0, 0.1745329252)),
    ],
    ids=["30 to its left", "30 to its right", "20 down", "10 to the right shoulder"],
)
def test_the_heads_angles_are_unreals(head_deg, radians):
    np.testing.assert_allclose(last_of(hold_pose(head_deg=head_deg), *HEAD), radians, atol=1e-9)


def test_a_head_turned_about_all_axes_is_the_same_rotation():
    performance = hold_pose(head_deg=(40, -25, 30))
    yaw, pitch, roll = last_of(performance, *HEAD)
    again = Rotation.from_euler("YXZ", [-yaw, -pitch, roll]).as_matrix()
    np.testing.assert_allclose(again, performance.head_rotation[0], atol=1e-9)


@pytest.mark.parametrize(
    ("weights", "left_yaw_pitch", "right_yaw_pitch"),
    [
        ({"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}, (-35, 0), (-35, 0)),
        ({"eyeLookInLeft": 0.5, "eyeLookOutRight": 1.0}, (17.5, 0), (35, 0)),
        ({"eyeLookDownLeft": 1.0, "eyeLookDownRight": 0.5}, (0, 35), (0, 17.5)),
        ({"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0}, (0, -25), (0, -25)),
    ],
    ids=["left", "right", "down", "up"],
)
def test_eyes_turn_as_the_app_records_them(weights, left_yaw_pitch, right_yaw_pitch):
    names = ("LeftEyeYaw", "LeftEyePitch", "RightEyeYaw", "RightEyePitch")
    expected = np.deg2rad([*left_yaw_pitch, *right_yaw_pitch])
    np.testing.assert_allclose(last_of(hold_pose(weights=weights), *names), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("seconds", "code_rate", "expected"),
    [
        (0.0, 30, "00:00:00:00.000"),
        (0.25, 30, "00:00:00:07.500"),
        (59.99999, 30, "00:01:00:00.000"),
        (3661.5, 60, "01:01:01:30.000"),
        (1001 / 30000, 30, "00:00:00:01.001"),
        (1.999, 60, "00:00:01:59.940"),
    ],
)
def test_timecodes_carry(seconds, code_rate, expected):
    assert timecode(seconds, code_rate) == expected


def test_an_hour_of_ntsc_loses_no_frame():
    performance = hold_pose(times=FrameTimes(np.array([0, 107892 * 1001], dtype=np.int64), Fraction(1, 30000)))
    seconds, _, _ = import_as_unreal(format_rows(performance, 30))
    assert seconds[1] == pytest.approx(3599.9964, abs=2e-5)


def export(tmp_path: Path, track, rate: int | None = None):
    request = ExportRequest(tmp_path / "a.csv", rate_fps=None if rate is None else Fraction(rate))
    result = export_livelink_csv(track, request)
    assert result.target == str(tmp_path / "a.csv")
    return import_as_unreal((tmp_path / "a.csv").read_text()), result.notes


def test_a_steady_take_keeps_its_own_frames(tmp_path):
    track = act_pose(48, head_deg=(20, 0, 0))
    (seconds, values, rate), notes = export(tmp_path, track)
    np.testing.assert_allclose(seconds, np.arange(48) / 24, atol=1e-4)
    assert rate == 30
    assert notes == ("livelink-csv: the time code counts 30 frames/s",)
    expected = -np.deg2rad(clean_performance(track).head_deg[:, 0])
    np.testing.assert_allclose(values["HeadYaw"], expected, atol=1e-3)


def test_a_varying_take_is_resampled_and_says_so(tmp_path):
    track = act_pose(48, head_deg=(20, 0, 0))
    pts = track.times.pts.copy()
    pts[20:] += 4321
    (seconds, _, _), notes = export(tmp_path, replace(track, times=FrameTimes(pts, track.times.time_base)))
    np.testing.assert_allclose(seconds, np.arange(len(seconds)) / 30, atol=1e-9)
    assert len(seconds) == int((pts[-1] / 24000) * 30 + 1e-6) + 1
    assert notes[1] == f"livelink-csv: resampled to 30 frames/s, 48 to {len(seconds)} frames"


def test_the_asked_rate_is_met(tmp_path):
    (seconds, _, rate), notes = export(tmp_path, act_pose(48), rate=60)
    np.testing.assert_allclose(np.diff(seconds), 1 / 60, atol=1e-9)
    assert rate == 60 and "resampled to 60" in notes[1]


@pytest.mark.parametrize(("num_frames", "rate"), [(120, 60), (20, 30)])
def test_unreal_takes_a_fast_take_for_the_rate_it_is_written_in(tmp_path, num_frames, rate):
    track = act_pose(num_frames)
    fast = replace(track, times=make_times(num_frames, Fraction(60)))
    (seconds, _, inferred), notes = export(tmp_path, fast)
    assert inferred == rate and str(rate) in notes[0]
    np.testing.assert_allclose(seconds, np.arange(num_frames) / 60, atol=2e-5)


def test_a_rate_that_unreal_does_not_read_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="30 or 60"):
        export(tmp_path, act_pose(), rate=24)
    assert list(tmp_path.iterdir()) == []
