"""What a result is worth, in numbers. Plain functions on NumPy arrays; each names its source, its range and its unit.

pictures    how close two pictures or mattes are
landmarks   how far points are off; jitter and motion
acting      expression curves, blinks, the head's turn
head_fit    the head's turn from points in a picture
flow        warp error along the motion of the input video
steadiness  change, flicker, seams, drift
identity    colours and shape against the character's own and the performer's
"""

from perfkit.metrics.landmarks import eye_distance_from_rig, measure_landmark_error
from perfkit.metrics.pictures import (
    composite_over_grey,
    measure_alpha_iou,
    measure_psnr_db,
    measure_ssim,
)

__all__ = [
    "composite_over_grey",
    "eye_distance_from_rig",
    "measure_alpha_iou",
    "measure_landmark_error",
    "measure_psnr_db",
    "measure_ssim",
]
