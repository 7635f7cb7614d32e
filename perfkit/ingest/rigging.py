"""A pack's rig, fitted to its own drawings.

In: a pack with control points. Out: the pack with its proportions, written, and a `RigFit` that says what they rest on.
"""

from dataclasses import replace

import numpy as np

from perfkit.art import read_landmarks, write_landmarks
from perfkit.errors import PackError
from perfkit.face_reading import fit_place
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, write_manifest
from perfkit.rig_fit import RigEvidence, RigFit, fit_rig

_SAID = ("drawn", "sidecar", "file name", "person")


def fit_pack_rig(pack: CharacterPack) -> tuple[CharacterPack, RigFit]:
    """Fit a pack's rig, and place the heads of its drawings by it; absent parts and channels stay as declared.

    Raises:
        PackError: The pack has no control points.
    """
    if pack.landmarks is None:
        raise PackError(f"{pack.folder}: has no [landmarks] to fit a rig to; give points in labels.json, or set fields")
    landmarks = pack.load_landmarks()
    evidence = RigEvidence(
        points=landmarks.face,
        visibility=landmarks.visibility,
        heads=landmarks.head,
        weights=landmarks.weights,
        is_told=np.array([item.sources.get("expression", "drawn") in _SAID for item in pack.art]),
        is_exact=np.array([item.sources.get("points", "drawn") != "landmark net" for item in pack.art]),
        has_turn=np.array([item.yaw_deg is not None for item in pack.art]),
    )
    fit = fit_rig(evidence, canvas_wh=pack.canvas_wh, kept=pack.rig)
    if not fit.num_ahead:
        return pack, fit
    head = landmarks.head.copy()
    for row, is_known in enumerate(evidence.has_turn & landmarks.visibility.any(axis=1)):
        if is_known:
            yaw_deg, pitch_deg, roll_deg = map(float, head[row, :3])
            angle_deg = (yaw_deg, pitch_deg, roll_deg)
            head[row] = fit_place(landmarks.face[row], landmarks.visibility[row], angle_deg, rig=fit.rig)
    path = pack.folder / pack.landmarks[0]
    write_landmarks(path, replace(read_landmarks(path, num_drawings=len(pack.art)), head=head))
    fitted = replace(pack, rig=fit.rig, landmarks=(pack.landmarks[0], digest_file(path)))
    return write_manifest(fitted), fit


def describe_fit(fit: RigFit) -> str:
    """Return what a rig rests on, in one line."""
    if not fit.num_ahead:
        return "the average adult's: no drawing with control points looks ahead or nearly so"
    parts = [f"fitted to {fit.num_ahead} drawings, ahead or turned least (to {fit.error:.1%} of the eye distance)"]
    parts.append(f"depth to {fit.num_turned} turned ones" if fit.num_turned else "depth is the average adult's")
    parts.append(f"travel to {fit.num_told} of told faces" if fit.num_told else "travel by the mouth's size")
    return "; ".join(parts)
