"""How close two pictures or mattes are. Plain functions on NumPy arrays; each names its source.

In: pictures as uint8 or as float in 0..1. Out: floats.

RGBA pictures are straight alpha and are compared over mid grey, so that what lies under a transparent pixel never
counts.
"""

from typing import Any

import cv2
import numpy as np

GREY = 0.5


def composite_over_grey(picture: np.ndarray) -> np.ndarray:
    """Return (..., 3) float64 in 0..1: RGBA over mid grey; RGB passes through.

    Args:
        picture: (..., 3) or (..., 4), uint8 or float in 0..1, straight alpha.
    """
    unit = unit_from_picture(picture)
    if unit.shape[-1] == 3:
        return unit
    if unit.shape[-1] != 4:
        raise ValueError(f"picture must be (..., 3) RGB or (..., 4) RGBA, got {picture.shape}")
    alpha = unit[..., 3:]
    return unit[..., :3] * alpha + GREY * (1 - alpha)


def measure_psnr_db(picture: np.ndarray, reference: np.ndarray) -> float:
    """Measure peak signal-to-noise ratio in dB, over grey; equal pictures give infinity.

    PSNR = 10 log10(1 / mean((a - b)^2)), mean over all pixels and the three colours, peak 1.

    Args:
        picture: (..., H, W, 3 or 4), uint8 or float in 0..1.
        reference: Same size.

    Source: Huynh-Thu and Ghanbari, "Scope of validity of PSNR in image/video quality assessment", 2008, eq. 1.
    """
    error = _paired(picture, reference)
    mean_square = float(np.mean((error[0] - error[1]) ** 2))
    return float("inf") if mean_square == 0 else -10 * float(np.log10(mean_square))


def measure_ssim(picture: np.ndarray, reference: np.ndarray) -> float:
    """Measure structural similarity, over grey: 11x11 Gaussian window of sigma 1.5, mean over pixels and colours.

    The 5 px border, where the window would leave the picture, is left out.

    Args:
        picture: (H, W, 3 or 4), uint8 or float in 0..1; at least 11 px a side.
        reference: Same size.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004, eq. 13 with
    K1 = 0.01, K2 = 0.03, L = 1 and population (co)variances.
    """
    a, b = _paired(picture, reference)
    if a.ndim != 3 or min(a.shape[:2]) < 11:
        raise ValueError(f"SSIM needs one picture of at least 11x11 px, got {a.shape}")
    similarity = map_ssim(_blur(a), _blur(b), _blur(a * a), _blur(b * b), _blur(a * b))
    return float(np.mean(similarity[5:-5, 5:-5]))


def map_ssim(mean_a: Any, mean_b: Any, square_a: Any, square_b: Any, product: Any) -> Any:
    """Return structural similarity wherever means over a window are given; arrays or tensors of one shape.

    Args:
        mean_a, mean_b: Of both pictures.
        square_a, square_b: Of their squares.
        product: Of the one times the other.
    """
    c1, c2 = 0.01**2, 0.03**2
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return top / bottom


def measure_alpha_iou(alpha: np.ndarray, reference: np.ndarray) -> float:
    """Measure the overlap of two mattes, thresholded at one half; two empty mattes give 1.

    Args:
        alpha: (..., H, W), uint8 or float in 0..1.
        reference: Same size.

    Source: Jaccard index, |A and B| / |A or B|.
    """
    if alpha.shape != reference.shape:
        raise ValueError(f"mattes differ in size: {alpha.shape} and {reference.shape}")
    a, b = unit_from_picture(alpha) >= 0.5, unit_from_picture(reference) >= 0.5
    union = int(np.count_nonzero(a | b))
    return 1.0 if union == 0 else int(np.count_nonzero(a & b)) / union


def unit_from_picture(picture: np.ndarray) -> np.ndarray:
    """Return a picture as float64: uint8 becomes 0..1, floats stay."""
    return picture.astype(np.float64) / 255 if picture.dtype == np.uint8 else picture.astype(np.float64)


def _paired(picture: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = composite_over_grey(picture), composite_over_grey(reference)
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {picture.shape} and {reference.shape}")
    return a, b


def _blur(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)
