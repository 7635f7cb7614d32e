"""OpenPose's JSON, one file a frame, with the 18 body points that ControlNet's tools read.

In: a PerformanceTrack. Out: a folder of NAME_000000000000_keypoints.json, numbered as the take's frames. Each holds one
person: x, y, confidence of 18 body points (COCO's order, not BODY_25), 70 of the face, 21 of each hand, in px of the
displayed take, y down. These are the points as they were seen, not smoothed. `left` is the performer's.
A confidence is 1 (seen) or 0: ControlNet's tools drop whatever has less than 1. What was not seen is 0, 0, 0: body
points that the tracker believes by less than half, and all points of a face or hand that was lost in that frame.
Source: OpenPose's doc/02_output.md; canvas_width and canvas_height as ControlNet's preprocessors write them.
"""

import json
from pathlib import Path

import numpy as np

from perfkit.body import SEEN_FROM
from perfkit.control_openpose import FACE_POINTS, body_points_18
from perfkit.export import ExportRequest, ExportResult, check_request
from perfkit.export.performance import has_steady_rate
from perfkit.files import build_aside
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import CONTOUR_INDICES

_DECIMALS = 3


def export_openpose_json(track: PerformanceTrack, request: ExportRequest) -> ExportResult:
    """Write a track as a folder of OpenPose JSON; the protocol is `export.Exporter`'s."""
    check_request("openpose-json", request, takes=frozenset({"output"}))
    assert request.output is not None
    folder = Path(request.output)
    with build_aside(folder) as aside:
        for frame in range(len(track)):
            name = f"{folder.name}_{frame:012d}_keypoints.json"
            (aside / name).write_text(json.dumps(format_frame(track, frame), separators=(",", ":")))
    notes = [f"openpose-json: {len(track)} frames, 18 body points (COCO's order), in px of {track.size_wh}"]
    if not has_steady_rate(track.times):
        notes.append("openpose-json: the take's rate varies, and the format holds no times; number n is frame n")
    return ExportResult(str(folder), tuple(notes))


def format_frame(track: PerformanceTrack, frame: int) -> dict:
    """Return one frame as OpenPose writes it."""
    face = track.face[frame, :, :2].astype(np.float64)
    contour = face[CONTOUR_INDICES], np.full(len(CONTOUR_INDICES), float(track.face_confidence[frame] > 0))
    body = track.body[frame][:, [0, 1, 3]].astype(np.float64)
    body[~(body[:, 2] >= SEEN_FROM)] = np.nan
    person: dict = {
        "person_id": [-1],
        "pose_keypoints_2d": _flatten(body_points_18(contour, body)[:, :2]),
        "face_keypoints_2d": _flatten(face[list(FACE_POINTS)]),
        "hand_left_keypoints_2d": _flatten(track.hands[frame, 0, :, :2].astype(np.float64)),
        "hand_right_keypoints_2d": _flatten(track.hands[frame, 1, :, :2].astype(np.float64)),
    }
    person |= {f"{name}_keypoints_3d": [] for name in ("pose", "face", "hand_left", "hand_right")}
    width, height = track.size_wh
    return {"version": 1.3, "people": [person], "canvas_width": width, "canvas_height": height}


def _flatten(points: np.ndarray) -> list[float]:
    """Return x, y, 1, x, y, 1 ... of points (N, 2); 0, 0, 0 for those that are NaN."""
    known = np.isfinite(points).all(axis=1, keepdims=True)
    rows = np.concatenate([np.where(known, points, 0.0), known], axis=1)
    return np.round(rows, _DECIMALS).ravel().tolist()
