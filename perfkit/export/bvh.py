"""Biovision's BVH: the skeleton and its motion as text, for Blender, MotionBuilder, Maya.

In: a PerformanceTrack. Out: a hierarchy in centimetres and one row of numbers a frame: the hips' place, then degrees
about Z, X and Y of every joint, to be multiplied in that order (R = Rz Rx Ry). y is up, the performer looks along +z,
their left is +x. BVH knows one length of frame only: a take of a varying rate is resampled, at --rate or its own
mean. It holds no expression. Lost faces and unseen limbs: see `export.performance`.
Source: Meredith and Maddock 2001, "Motion capture file formats explained".
"""

from fractions import Fraction

import numpy as np

from perfkit.export import ExportRequest, ExportResult, check_request
from perfkit.export.performance import Performance, clean_performance, has_steady_rate, resample
from perfkit.export.skeleton import JOINTS, OFFSETS_CM
from perfkit.files import check_target, write_aside
from perfkit.track import PerformanceTrack

_TURNS = "Zrotation Xrotation Yrotation"
_LONE_FRAME_FPS = Fraction(30)


def export_bvh(track: PerformanceTrack, request: ExportRequest) -> ExportResult:
    """Write a track as BVH; the protocol is `export.Exporter`'s."""
    check_request("bvh", request, takes=frozenset({"output", "rate_fps", "calibration"}))
    assert request.output is not None
    check_target(request.output)
    performance = clean_performance(track, request.calibration)
    rate_fps = request.rate_fps or track.times.rate_fps or _LONE_FRAME_FPS
    notes = [f"bvh: {float(rate_fps):.6g} frames/s"]
    if request.rate_fps is not None or not has_steady_rate(track.times):
        performance = resample(performance, rate_fps)
        notes = [f"bvh: resampled to {float(rate_fps):.6g} frames/s, {len(track)} to {len(performance)} frames"]
    with write_aside(request.output) as aside:
        aside.write_text(format_bvh(performance, rate_fps), newline="")
    return ExportResult(str(request.output), tuple(notes))


def format_bvh(performance: Performance, rate_fps: Fraction) -> str:
    """Return a performance of a steady rate as the text of a BVH file."""
    lines = ["HIERARCHY", *_joint_lines(0, "")]
    lines += ["MOTION", f"Frames: {len(performance)}", f"Frame Time: {float(1 / rate_fps):.9f}"]
    turns = angles_zxy_deg(performance.joints).reshape(len(performance), -1)
    for row in np.concatenate([performance.hips_cm, turns], axis=1):
        lines.append(" ".join(f"{value:.6f}" for value in row))
    return "\n".join(lines) + "\n"


def angles_zxy_deg(rotation: np.ndarray) -> np.ndarray:
    """Return (T, ..., 3) degrees about Z, X, Y with R = Rz Rx Ry, without jumps from one frame to the next.

    X is the middle one, about which an arm of the T-pose hardly turns: none comes near where Z and Y are one.
    """
    about_z = np.arctan2(-rotation[..., 0, 1], rotation[..., 1, 1])
    about_x = np.arcsin(np.clip(rotation[..., 2, 1], -1.0, 1.0))
    about_y = np.arctan2(-rotation[..., 2, 0], rotation[..., 2, 2])
    return np.unwrap(np.rad2deg(np.stack([about_z, about_x, about_y], axis=-1)), period=360.0, axis=0)


def _joint_lines(row: int, indent: str) -> list[str]:
    joint = JOINTS[row]
    inner = indent + "\t"
    is_root = not joint.parent
    channels = f"6 Xposition Yposition Zposition {_TURNS}" if is_root else f"3 {_TURNS}"
    lines = [f"{indent}{'ROOT' if is_root else 'JOINT'} {joint.name}", f"{indent}{{"]
    # The hips' place is in their channels: readers add the root's offset to it.
    offset = (0.0, 0.0, 0.0) if is_root else OFFSETS_CM[row]
    lines += [f"{inner}OFFSET {_format_offset(offset)}", f"{inner}CHANNELS {channels}"]
    for child, candidate in enumerate(JOINTS):
        if candidate.parent == joint.name:
            lines += _joint_lines(child, inner)
    if joint.tip_cm is not None:
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}\tOFFSET {_format_offset(joint.tip_cm)}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def _format_offset(offset: np.ndarray | tuple[float, float, float]) -> str:
    return " ".join(f"{value:.6f}" for value in offset)
