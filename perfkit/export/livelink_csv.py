"""Live Link Face's CSV, which Unreal Engine imports (plug-in "Live Link Face Importer") and Blender add-ons read.

In: a PerformanceTrack. Out: one row a frame: time code, 61, the 52 ARKit weights, turn of the head and of both eyes.

    Timecode,BlendShapeCount,EyeBlinkLeft,...,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,...,RightEyeRoll
    00:00:01:07.500,61,0.0123000000,...

The time code counts frames of 30 or 60 a second and fractions of them; Unreal takes it for 60 where a frame's number
is over 30. A take of a steady rate keeps its own frames, each at its own time; one of a varying rate is resampled.
Angles are radians. The head's are Unreal's, rolled first, then pitched, then yawed: yaw > 0 to the performer's right,
pitch > 0 up, roll > 0 tilts to their right shoulder. The eyes' are what the app records: yaw > 0 to the performer's
right, pitch > 0 down. Frames without a face are bridged, held or eased to neutral: see `export.performance`.
Source: Epic's importer, which reads the columns by name; recordings of the app: the columns' order, and its eyes, which
turn 35 degrees out, in and down and 25 degrees up where the weight of that look is 1.
"""

import csv
import io
from fractions import Fraction

import numpy as np

from perfkit.errors import SettingsError
from perfkit.export import ExportRequest, ExportResult, check_request
from perfkit.export.performance import Performance, clean_performance, has_steady_rate, resample
from perfkit.files import check_target, write_aside
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX

_EYE = ("EyeBlink", "EyeLookDown", "EyeLookIn", "EyeLookOut", "EyeLookUp", "EyeSquint", "EyeWide")
SHAPES: tuple[str, ...] = (
    *(f"{name}Left" for name in _EYE), *(f"{name}Right" for name in _EYE),
    "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker", "MouthRight",
    "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight", "MouthDimpleLeft",
    "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut",
)  # fmt: skip
"""ARKit's 52 names in the order of the app's files."""
TURNS: tuple[str, ...] = tuple(f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye")
                               for angle in ("Yaw", "Pitch", "Roll"))  # fmt: skip
COLUMNS: tuple[str, ...] = ("Timecode", "BlendShapeCount", *SHAPES, *TURNS)

CODE_RATES = (30, 60)
_SIDE_RADIANS, _DOWN_RADIANS, _UP_RADIANS = np.deg2rad([35.0, 35.0, 25.0])
_SHAPE_COLUMNS = [BLENDSHAPE_INDEX[name[0].lower() + name[1:]] for name in SHAPES]
_SHORTEST_AT_60_SECONDS = 0.6
"""A take shorter than that may hold no frame number over 30: its time code counts 30."""


def export_livelink_csv(track: PerformanceTrack, request: ExportRequest) -> ExportResult:
    """Write a track as Live Link Face's CSV; the protocol is `export.Exporter`'s.

    Raises:
        SettingsError: A rate that Unreal would not take the time code for.
    """
    check_request("livelink-csv", request, takes=frozenset({"output", "rate_fps", "calibration"}))
    assert request.output is not None
    if request.rate_fps is not None and request.rate_fps not in CODE_RATES:
        raise SettingsError(f"livelink-csv: a rate of {request.rate_fps} frames/s; Unreal reads 30 or 60, give one")
    check_target(request.output)
    performance = clean_performance(track, request.calibration)
    code_rate = int(request.rate_fps or _usual_code_rate(performance))
    notes = [f"livelink-csv: the time code counts {code_rate} frames/s"]
    if request.rate_fps is not None or not has_steady_rate(track.times):
        performance = resample(performance, Fraction(code_rate))
        notes.append(f"livelink-csv: resampled to {code_rate} frames/s, {len(track)} to {len(performance)} frames")
    with write_aside(request.output) as aside:
        aside.write_text(format_rows(performance, code_rate), newline="")
    return ExportResult(str(request.output), tuple(notes))


def format_rows(performance: Performance, code_rate: int) -> str:
    """Return a performance as the text of a CSV file, its time code counted in `code_rate` frames a second."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    values = np.concatenate([performance.weights[:, _SHAPE_COLUMNS], turns_radians(performance)], axis=1)
    for seconds, row in zip(performance.seconds, values, strict=True):
        writer.writerow([timecode(float(seconds), code_rate), len(row), *(f"{value:.10f}" for value in row + 0.0)])
    return text.getvalue()


def timecode(seconds: float, code_rate: int) -> str:
    """Return hh:mm:ss:ff.fff, the last in frames of `code_rate` a second."""
    frames, thousandths = divmod(round(seconds * code_rate * 1000), 1000)
    whole_seconds, frame = divmod(frames, code_rate)
    minutes, second = divmod(whole_seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}:{frame:02d}.{thousandths:03d}"


def turns_radians(performance: Performance) -> np.ndarray:
    """Return (T, 9) radians, columns as `TURNS`."""
    weight = {name: performance.weights[:, column] for name, column in BLENDSHAPE_INDEX.items()}
    out = np.zeros((len(performance), len(TURNS)))
    head = performance.head_rotation
    out[:, 0] = -np.arctan2(head[:, 0, 2], head[:, 2, 2])
    out[:, 1] = np.arcsin(np.clip(head[:, 1, 2], -1.0, 1.0))
    out[:, 2] = np.arctan2(head[:, 1, 0], head[:, 1, 1])
    for start, side, to_right in ((3, "Left", "In"), (6, "Right", "Out")):
        to_left = {"In": "Out", "Out": "In"}[to_right]
        out[:, start] = _SIDE_RADIANS * (weight[f"eyeLook{to_right}{side}"] - weight[f"eyeLook{to_left}{side}"])
        out[:, start + 1] = _DOWN_RADIANS * weight[f"eyeLookDown{side}"] - _UP_RADIANS * weight[f"eyeLookUp{side}"]
    return out


def _usual_code_rate(performance: Performance) -> int:
    is_fast = performance.times.rate_fps > Fraction(61, 2)
    return 60 if is_fast and performance.seconds[-1] > _SHORTEST_AT_60_SECONDS else 30
