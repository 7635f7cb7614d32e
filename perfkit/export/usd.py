"""USD: a UsdSkel skeleton with its animation and the 52 blend shape weights, for Omniverse, Houdini, Maya, Blender.

In: a PerformanceTrack. Out: .usda (text), .usdc or .usd (binary). Centimetres, y up, right-handed; the performer looks
along +z, their left is +x. Time codes are frames of the take's mean rate, counted from the first frame; a frame of a
varying rate lies where its own time stamp says, between whole numbers. Weights carry ARKit's names.
Lost faces and unseen limbs: see `export.performance`.

    /Performer (SkelRoot)   Skeleton (Skeleton, animated by Motion)   Motion (SkelAnimation)
"""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perfkit.errors import ExportError, MediaError
from perfkit.export import INSTALL_COMMAND, ExportRequest, ExportResult, check_request
from perfkit.export.performance import Performance, clean_performance
from perfkit.export.skeleton import HIPS_CM, JOINTS, OFFSETS_CM, PARENTS
from perfkit.files import check_target, write_aside
from perfkit.geometry import quaternion_from_rotation
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPES

if TYPE_CHECKING:
    from pxr import Usd

SUFFIXES = (".usda", ".usdc", ".usd")
_LONE_FRAME_FPS = Fraction(30)


def export_usd(track: PerformanceTrack, request: ExportRequest) -> ExportResult:
    """Write a track as USD; the protocol is `export.Exporter`'s.

    Raises:
        ExportError: usd-core is not installed.
        MediaError: The suffix is none of USD's, or the file cannot be written.
    """
    check_request("usd", request, takes=frozenset({"output", "calibration"}))
    assert request.output is not None
    if request.output.suffix.lower() not in SUFFIXES:
        raise MediaError(f"{request.output}: no suffix of USD; use {', '.join(SUFFIXES)}")
    check_target(request.output)
    _require_usd()
    stage = make_stage(clean_performance(track, request.calibration), take_digest=track.take_digest)
    with write_aside(request.output) as aside:
        _save_stage(stage, aside)
    return ExportResult(str(request.output), (f"usd: {stage.GetTimeCodesPerSecond():.6g} time codes a second",))


def make_stage(performance: Performance, *, take_digest: str) -> "Usd.Stage":
    """Return a performance as a stage in memory.

    Raises:
        ExportError: usd-core is not installed.
    """
    _require_usd()
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt

    stage = Usd.Stage.CreateInMemory(".usda")
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    rate_fps = float(performance.times.rate_fps or _LONE_FRAME_FPS)
    codes = np.round(performance.seconds * rate_fps, 9)
    stage.SetTimeCodesPerSecond(rate_fps)
    stage.SetFramesPerSecond(rate_fps)
    stage.SetStartTimeCode(codes[0])
    stage.SetEndTimeCode(codes[-1])
    stage.GetRootLayer().customLayerData = {"perfkit": {"take_sha256": take_digest}}

    root = UsdSkel.Root.Define(stage, "/Performer")
    stage.SetDefaultPrim(root.GetPrim())
    skeleton = UsdSkel.Skeleton.Define(stage, "/Performer/Skeleton")
    paths = Vt.TokenArray(_joint_paths())
    rest = [Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(*map(float, offset))) for offset in OFFSETS_CM]
    bind = list(rest)
    for row, parent in enumerate(PARENTS[1:], start=1):
        bind[row] = rest[row] * bind[parent]
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray(rest))
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(bind))

    motion = UsdSkel.Animation.Define(stage, "/Performer/Motion")
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([Sdf.Path("/Performer/Motion")])
    motion.CreateJointsAttr(paths)
    motion.CreateBlendShapesAttr(Vt.TokenArray(list(BLENDSHAPES)))
    motion.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(JOINTS)))
    _set_motion(motion, performance, codes)
    return stage


def _set_motion(motion: Any, performance: Performance, codes: np.ndarray) -> None:
    """Write the samples of every frame."""
    from pxr import Vt

    rotations, translations = motion.CreateRotationsAttr(), motion.CreateTranslationsAttr()
    weights = motion.CreateBlendShapeWeightsAttr()
    quaternions = quaternion_from_rotation(performance.joints)[..., [1, 2, 3, 0]].astype(np.float32)
    offsets = np.tile(OFFSETS_CM, (len(performance), 1, 1))
    offsets[:, 0] += performance.hips_cm - HIPS_CM
    for frame, code in enumerate(codes):
        rotations.Set(Vt.QuatfArray.FromNumpy(quaternions[frame]), code)
        translations.Set(Vt.Vec3fArray.FromNumpy(offsets[frame].astype(np.float32)), code)
        weights.Set(Vt.FloatArray.FromNumpy(performance.weights[frame].astype(np.float32)), code)


def _joint_paths() -> list[str]:
    paths: list[str] = []
    for joint, parent in zip(JOINTS, PARENTS, strict=True):
        paths.append(f"{paths[parent]}/{joint.name}" if joint.parent else joint.name)
    return paths


def _save_stage(stage: "Usd.Stage", path: Path) -> None:
    from pxr import Tf

    try:
        is_saved = stage.GetRootLayer().Export(str(path))
    except Tf.ErrorException as error:
        raise MediaError(f"{path}: cannot be written ({error}); write to another place") from error
    if not is_saved:
        raise MediaError(f"{path}: cannot be written; write to another place")


def _require_usd() -> None:
    try:
        from pxr import Usd  # noqa: F401
    except ImportError as error:
        raise ExportError(f"usd: needs the package usd-core ({error}); run: {INSTALL_COMMAND}") from error
