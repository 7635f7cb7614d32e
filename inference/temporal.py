"""From control pictures to clean latents, and what keeps neighbouring frames alike: wrappers of one interface.

    BlendedOverTime ( Remembered ( SharedNoise ( FlowDenoiser ( engine ) ) ) )

Each wrapper is a Denoiser that holds a Denoiser; none knows the others, any may be left out. What a wrapper needs of a
frame's neighbours it declares as `context_frames`, so that windows carry them: where one begins changes nothing. What
holds finished pictures together is in `steadying`; `python scripts/bench.py consistency` shows what each is worth.
Legend: N frames, C latent channels, h w latent grid, H W canvas.
"""

from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from perfkit.inference.engine import Engine
from perfkit.inference.sampling import make_flow_times, make_shared_noise, sample_flow

BLEND_TOLERANCE = 0.012
"""Mean change of a control cell, of full scale, at which a neighbour's say falls to 1/e."""


@dataclass(frozen=True, eq=False)
class ControlWindow:
    """What a Denoiser is given: N neighbouring frames.

    Attributes:
        frames: (N,) int64 absolute frame indices, increasing.
        control_NHW3: uint8 RGB.
        noise_NChw: float32 standard normal, each frame's own.
    """

    frames: np.ndarray
    control_NHW3: np.ndarray
    noise_NChw: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, rows: np.ndarray) -> "ControlWindow":
        """Return the frames at `rows`."""
        return ControlWindow(self.frames[rows], self.control_NHW3[rows], self.noise_NChw[rows])


class Denoiser(Protocol):
    """Turns a window of control and noise into (N, C, h, w) float32 clean latents.

    A frame's latents depend on the window's frames within `context_frames` of it, and on nothing else.
    """

    context_frames: int

    def __call__(self, window: ControlWindow) -> np.ndarray: ...


class FlowDenoiser:
    """Samples every frame by itself, several at once."""

    context_frames = 0

    def __init__(self, engine: Engine, steps: int, *, pool: Executor) -> None:
        self._engine = engine
        self._times = make_flow_times(steps, shift=engine.time_shift)
        self._pool = pool

    def __call__(self, window: ControlWindow) -> np.ndarray:
        return np.concatenate(list(self._pool.map(self._sample, self._split(window))))

    def _split(self, window: ControlWindow) -> list[ControlWindow]:
        size = self._engine.frames_per_call
        rows = np.arange(len(window))
        return [window.take(rows[start : start + size]) for start in range(0, len(window), size)]

    def _sample(self, window: ControlWindow) -> np.ndarray:
        return sample_controls(self._engine, window.control_NHW3, window.noise_NChw, self._times)


def sample_controls(engine: Engine, control_NHW3: np.ndarray, noise_NChw: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return (N, C, h, w) float32 clean latents of control pictures, uint8 RGB; `times` as of `make_flow_times`."""
    conditioning = engine.condition(control_NHW3)

    def predict_velocity(latents_NChw: np.ndarray, time: float) -> np.ndarray:
        return engine.predict_velocity(latents_NChw, time, conditioning)

    return sample_flow(predict_velocity, noise_NChw, times)


class SharedNoise:
    """Gives all frames some of the same noise, so that equal controls give equal pictures.

    Args:
        inner: The Denoiser that samples.
        share: Part of the variance that is common to all frames, 0..1.
        seed: Key of the common noise.
    """

    def __init__(self, inner: Denoiser, *, share: float, seed: int) -> None:
        self.context_frames = inner.context_frames
        self._inner = inner
        self._share = share
        self._seed = seed

    def __call__(self, window: ControlWindow) -> np.ndarray:
        _, *shape = window.noise_NChw.shape
        common_Chw = make_shared_noise((shape[0], shape[1], shape[2]), seed=self._seed)
        own, shared = np.float32(np.sqrt(1 - self._share)), np.float32(np.sqrt(self._share))
        return self._inner(replace(window, noise_NChw=own * window.noise_NChw + shared * common_Chw))


class Remembered:
    """Samples no frame twice: a window's context was, or will be, another window's core.

    Args:
        inner: A Denoiser without context of its own.
        capacity: Frames to remember; the longest unused are forgotten first.
    """

    context_frames = 0

    def __init__(self, inner: Denoiser, *, capacity: int) -> None:
        if inner.context_frames:
            raise ValueError(f"expected a Denoiser without context, got one with {inner.context_frames} frames")
        self._inner = inner
        self._capacity = capacity
        self._latents: OrderedDict[int, np.ndarray] = OrderedDict()

    def __call__(self, window: ControlWindow) -> np.ndarray:
        frames = window.frames.tolist()
        rows = np.array([row for row, frame in enumerate(frames) if frame not in self._latents], dtype=np.int64)
        if len(rows):
            self._latents.update(zip(window.frames[rows].tolist(), self._inner(window.take(rows)), strict=True))
        latents = np.stack([self._latents[frame] for frame in frames])
        for frame in frames:
            self._latents.move_to_end(frame)
        while len(self._latents) > max(self._capacity, len(frames)):
            self._latents.popitem(last=False)
        return latents


class BlendedOverTime:
    """Steadies a frame with its neighbours where the control stands still, and leaves it alone where something moves.

    In each cell of the latent grid a neighbour counts exp(-(change of the control around the cell / tolerance)^2).

    Args:
        inner: The Denoiser to steady.
        reach: Neighbours on each side.
        tolerance: See `BLEND_TOLERANCE`.
    """

    def __init__(self, inner: Denoiser, *, reach: int, tolerance: float = BLEND_TOLERANCE) -> None:
        self.context_frames = inner.context_frames + reach
        self._inner = inner
        self._reach = reach
        self._tolerance = tolerance

    def __call__(self, window: ControlWindow) -> np.ndarray:
        latents_NChw = self._inner(window)
        total, weights = latents_NChw.copy(), np.ones((len(window), 1, *latents_NChw.shape[2:]), np.float32)
        for distance in range(1, self._reach + 1):
            if distance >= len(window):
                break
            change_Mhw = _change_of_control(window.control_NHW3, distance, grid_hw=latents_NChw.shape[2:])
            likeness = np.exp(-np.square(change_Mhw / self._tolerance))[:, None]
            for here, there in (
                (slice(distance, None), slice(None, -distance)),
                (slice(None, -distance), slice(distance, None)),
            ):
                total[here] += likeness * latents_NChw[there]
                weights[here] += likeness
        return total / weights


def _change_of_control(control_NHW3: np.ndarray, distance: int, *, grid_hw: tuple[int, ...]) -> np.ndarray:
    """Return (N - distance, h, w) float32 in 0..1: mean change from frame n to n + distance, largest around a cell."""
    rows, columns = grid_hw
    changes = []
    for before, after in zip(control_NHW3[:-distance], control_NHW3[distance:], strict=True):
        change_HW = np.abs(after.astype(np.int16) - before).sum(axis=-1)
        height, width = change_HW.shape
        cells_hw = change_HW.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3)) / (3 * 255)
        changes.append(_dilate(cells_hw.astype(np.float32)))
    return np.stack(changes)


def _dilate(cells_hw: np.ndarray) -> np.ndarray:
    padded = np.pad(cells_hw, 1, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))
