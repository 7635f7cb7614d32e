"""What an answer looks like once decoded: the loss that keeps edges where a mean over latents would blur them.

In: clean latents and an answer to compare with them, the autoencoder. Out: a scalar.

The squared error of latents asks for the mean of all drawings that fit, which is soft; structural similarity asks for
their contrast, too. Source: Zhao et al. 2017, Loss functions for image restoration (arXiv:1511.08861).
"""

import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import NanoAutoencoder
from perfkit.metrics.pictures import GREY, map_ssim
from perfkit.training.optimise.precision import low_precision

SSIM_SHARE = 0.84
"""Against L1's share, as in the source."""
_REACH_PX, _SIGMA_PX = 5, 1.5
_STRIDE_PX = 4


def measure_picture_loss(vae: NanoAutoencoder, answer_BChw: Tensor, clean_BChw: Tensor) -> Tensor:
    """Return `compare_pictures` of what both decode to.

    Args:
        vae: The autoencoder, whose own weights need no gradient.
        answer_BChw: Latents with a graph; a part of a picture will do: both sides then lack what lies around it.
        clean_BChw: Those of the drawings.
    """
    with torch.no_grad():
        truth = decode_pictures(vae, clean_BChw)
    return compare_pictures(decode_pictures(vae, answer_BChw), truth)


def decode_pictures(vae: NanoAutoencoder, latents_BChw: Tensor) -> Tensor:
    """Return premultiplied RGBA (B, 4, H, W) in [-1, 1], in bfloat16 where that is fast."""
    with low_precision(latents_BChw.device):
        decoded: Tensor = vae.decode(latents_BChw).sample
    return decoded


def compare_pictures(a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
    """Return SSIM_SHARE * (1 - SSIM) + (1 - SSIM_SHARE) * mean |difference| over grey.

    Args:
        a_BCHW: Premultiplied RGBA in [-1, 1].
        b_BCHW: Same size.
    """
    with torch.autocast(a_BCHW.device.type, enabled=False):  # variances are differences of nearly equal numbers
        a, b = _over_grey(a_BCHW.float()), _over_grey(b_BCHW.float())
        ssim = measure_mean_ssim(a, b, stride=_STRIDE_PX)
    return SSIM_SHARE * (1 - ssim) + (1 - SSIM_SHARE) * (a - b).abs().mean()


def measure_mean_ssim(a_BCHW: Tensor, b_BCHW: Tensor, *, stride: int = 1) -> Tensor:
    """Return what `metrics.measure_ssim` does, of a batch and with a graph.

    Args:
        a_BCHW: Pictures in 0..1.
        b_BCHW: Same size.
        stride: Look at every so many places only, in either direction.
    """
    blur_a, blur_b = (_make_blur(size, stride, like=a_BCHW) for size in a_BCHW.shape[2:])
    raw = torch.stack([a_BCHW, b_BCHW, a_BCHW.square(), b_BCHW.square(), a_BCHW * b_BCHW])
    similarity: Tensor = map_ssim(*(blur_a @ raw @ blur_b.T))
    return similarity.mean()


def _over_grey(premultiplied_BCHW: Tensor) -> Tensor:
    unit = premultiplied_BCHW / 2 + 0.5
    return unit[:, :3] + GREY * (1 - unit[:, 3:])


def _make_blur(size: int, stride: int, *, like: Tensor) -> Tensor:
    """Return (places, size): each row the Gaussian window at one place, where all of it lies in the picture."""
    centres = torch.arange(_REACH_PX, size - _REACH_PX, stride, device=like.device, dtype=like.dtype)
    distance = torch.arange(size, device=like.device, dtype=like.dtype) - centres[:, None]
    window = torch.exp(-0.5 * (distance / _SIGMA_PX).square()) * (distance.abs() <= _REACH_PX)
    return window / window.sum(dim=1, keepdim=True)
