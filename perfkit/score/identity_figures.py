"""Figures of identity and of likeness to the exact drawing.

In: a Scene, `Watched`, `Acting`, the colours of the art. Out: Figures.
"""

import numpy as np

from perfkit.geometry import fit_similarity
from perfkit.metrics.identity import LEAST_DISTANCE, LEAST_SHAPE_DISTANCE, measure_leak, measure_palette_distance
from perfkit.rig import face_points, present_rows, rest_points
from perfkit.score.acted import Acting
from perfkit.score.figure import Figure, mean_of_known, median_of_known
from perfkit.score.palettes import ArtPalette
from perfkit.score.reader import FIT_WEIGHTS
from perfkit.score.scene import Scene
from perfkit.score.watching import Watched
from perfkit.vocabulary import CONTOUR_SLICES


def measure_identity(scene: Scene, watched: Watched, acting: Acting, art: ArtPalette) -> list[Figure]:
    """Return colours against the art's, and what of the performer comes through."""
    distance = mean_of_known(measure_palette_distance(watched.palettes, art.palette))
    output, performer = median_of_known(watched.palettes), median_of_known(watched.performer_palettes)
    apart = float(measure_palette_distance(performer, art.palette))
    beside = f"the drawings among themselves {art.spread:.1f}, the performer {apart:.1f}"
    colour_leak = measure_leak(output, art.palette, performer, least_distance=LEAST_DISTANCE)
    shape_leak, shape_apart = _measure_shape_leak(scene, acting)
    ends = "0 = the character's own, 1 = the performer's"
    colours_beside = ends if np.isfinite(colour_leak) else "performer and character have like colours"
    shape_beside = f"{ends}; the two shapes are {shape_apart:.2f} head units apart"
    if not np.isfinite(shape_leak):
        shape_beside = "no face was read, or performer and character have like shapes"
    return [
        Figure("identity", "colours from the art", distance, "Lab", beside),
        Figure("identity", "colour leak", colour_leak, "", colours_beside),
        Figure("identity", "face shape leak", shape_leak, "", shape_beside),
    ]


def measure_pictures(watched: Watched) -> list[Figure]:
    """Return the distance from the exact drawing; nothing where there is none."""
    if "psnr" not in watched.curves:
        return []
    psnr = watched.curves["psnr"]
    is_equal = np.isinf(psnr)
    beside = f"{int(is_equal.sum())} frames equal the drawing" if is_equal.any() else "mean over frames"
    return [
        Figure("picture", "PSNR", float(psnr[~is_equal].mean()) if (~is_equal).any() else float("inf"), "dB", beside),
        Figure("picture", "SSIM", mean_of_known(watched.curves["ssim"])),
        Figure("picture", "alpha IoU", mean_of_known(watched.curves["alpha_iou"])),
    ]


def _measure_shape_leak(scene: Scene, acting: Acting) -> tuple[float, float]:
    """Return the leak of the performer's face shape, and how far the two shapes are apart, head units.

    A read face is laid on the character's by turn, place and size; so is the performer's, or a part of its shape would
    be taken for nearness to the camera.
    """
    rig = scene.pack.rig
    own_shape = rest_points(rig).astype(np.float64)
    laid = fit_similarity(
        own_shape, scene.calibration.neutral.astype(np.float64), weights=FIT_WEIGHTS * present_rows(rig)
    )
    performer = laid.apply_inverse(scene.calibration.neutral.astype(np.float64))[:, :2]
    own = own_shape[:, :2]
    asked = face_points(rig, scene.asked.weights).astype(np.float64)
    departs = np.where((acting.faces.visibility >= 0.5)[..., None], (acting.faces.head_points - asked)[..., :2], np.nan)
    output = own + median_of_known(departs)
    for name in ("left_iris", "right_iris"):
        output[CONTOUR_SLICES[name]] = np.nan
    leak = measure_leak(output, own, performer, least_distance=LEAST_SHAPE_DISTANCE)
    return leak, float(np.sqrt(((performer - own) ** 2).sum(axis=1).mean()))
