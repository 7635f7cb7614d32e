"""Rectified-flow sampling in few steps, as plain functions, and noise that belongs to a frame and not to a batch.

    x_t = (1 - t) clean + t noise,   velocity = noise - clean,   so   clean = x_t - t velocity

Legend: N frames, C latent channels, h w latent grid.
Source: Liu et al., Flow Straight and Fast (2022), eq. 1; Esser et al., Scaling Rectified Flow (2024), eq. 23 (shift).
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

SHARED_FRAME = 2**64 - 1
"""The frame number under which the noise that all frames have in common is drawn."""

PredictVelocity = Callable[[np.ndarray, float], np.ndarray]


def make_flow_times(steps: int, *, shift: float = 1.0) -> np.ndarray:
    """Return the (steps + 1,) times from 1 (noise) to 0 (clean) between which the flow is integrated."""
    even = np.linspace(1.0, 0.0, steps + 1)
    return shift * even / (1 + (shift - 1) * even)


def sample_flow(predict_velocity: PredictVelocity, noise_NChw: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Follow the flow from noise to clean latents with Euler steps.

    Args:
        predict_velocity: (latents, time) -> noise - clean.
        noise_NChw: Standard normal, float32.
        times: Falling from 1 to 0, as `make_flow_times` returns them.

    Returns:
        (N, C, h, w) float32 clean latents.
    """
    latents = noise_NChw
    for time, next_time in pairwise(times.tolist()):
        latents = latents + np.float32(next_time - time) * predict_velocity(latents, time)
    return latents


def make_noise(frames: np.ndarray, shape: tuple[int, int, int], *, seed: int) -> np.ndarray:
    """Return each frame's own standard normal noise, (N, *shape) float32.

    A counter-based generator is keyed by (seed, absolute frame index): what else is drawn, and when, changes nothing.
    """
    return np.stack([_noise_of_frame(seed, int(frame), shape) for frame in frames])


@lru_cache(maxsize=4)
def make_shared_noise(shape: tuple[int, int, int], *, seed: int) -> np.ndarray:
    """Return the standard normal noise that all frames of a seed have in common, (*shape) float32, read-only."""
    noise = _noise_of_frame(seed, SHARED_FRAME, shape)
    noise.flags.writeable = False
    return noise


def _noise_of_frame(seed: int, frame: int, shape: tuple[int, int, int]) -> np.ndarray:
    key = np.array([seed, frame], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(shape, dtype=np.float32)
