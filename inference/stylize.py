"""Control pictures in, character pictures out: a generator that holds one window at a time.

In: ControlFrames. Out: StylizedFrames, RGBA, in the same order, one for one.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain

import numpy as np

from perfkit.composite import StylizedFrame
from perfkit.control import ControlFrame
from perfkit.errors import SettingsError
from perfkit.inference.engine import Engine
from perfkit.inference.sampling import make_noise
from perfkit.inference.settings import RenderSettings
from perfkit.inference.steadying import steady_along_motion
from perfkit.inference.temporal import (
    BlendedOverTime,
    ControlWindow,
    Denoiser,
    FlowDenoiser,
    Remembered,
    SharedNoise,
)
from perfkit.inference.windows import Window, iterate_windows

CALLS_PER_WORKER = 3
"""Network calls that a window holds for each worker: enough that none waits long for another at a window's end."""


def stylize(
    controls: Iterable[ControlFrame],
    engine: Engine,
    settings: RenderSettings,
    *,
    window_frames: int = 0,
    first: int = 0,
) -> Iterator[StylizedFrame]:
    """Yield the character's picture for every control picture.

    Args:
        controls: In order of their index.
        engine: The base network, made for the character.
        settings: Steps, seed and consistency.
        window_frames: Frames held at a time; 0 = what suits the engine. It changes no pixel.
        first: Index of the first frame wanted; earlier ones are context. To resume, start `settings.context_frames`
            before it.

    Raises:
        SettingsError: Control pictures of another size than the engine's canvas.
    """
    size = count_window_frames(engine, window_frames)
    with ThreadPoolExecutor(engine.num_workers, thread_name_prefix="network") as pool:
        denoise = make_denoiser(engine, settings, pool=pool, num_remembered=size + 2 * settings.blend_frames)

        def draw(window: Window[ControlFrame]) -> Iterator[StylizedFrame]:
            core = [frame for frame in window.items[window.core] if frame.index >= first - settings.steady_frames]
            if not core:
                return
            latents_NChw = denoise(_read_window(window.items, engine, settings.seed))[window.core][-len(core) :]
            pictures = _decode(engine, latents_NChw, pool)
            for frame, latents_Chw, rgba in zip(core, latents_NChw, pictures, strict=True):
                yield StylizedFrame(frame.index, frame.seconds, rgba, latents_Chw, frame.points)

        windows = iterate_windows(controls, size=size, context=denoise.context_frames)
        frames: Iterator[StylizedFrame] = chain.from_iterable(map(draw, windows))
        if settings.steady_frames:
            frames = steady_along_motion(frames, reach=settings.steady_frames, window_frames=size, pool=pool)
        yield from (frame for frame in frames if frame.index >= first)


def count_window_frames(engine: Engine, window_frames: int = 0) -> int:
    """Return how many frames a window holds: as wished, or what suits the engine."""
    return window_frames or CALLS_PER_WORKER * engine.num_workers * engine.frames_per_call


def make_denoiser(engine: Engine, settings: RenderSettings, *, pool: Executor, num_remembered: int) -> Denoiser:
    """Stack the wrappers that the settings ask for."""
    denoise: Denoiser = FlowDenoiser(engine, settings.steps, pool=pool)
    if settings.noise_share:
        denoise = SharedNoise(denoise, share=settings.noise_share, seed=settings.seed)
    if settings.blend_frames:
        denoise = Remembered(denoise, capacity=num_remembered)
        denoise = BlendedOverTime(denoise, reach=settings.blend_frames)
    return denoise


def _read_window(frames: tuple[ControlFrame, ...], engine: Engine, seed: int) -> ControlWindow:
    width, height = engine.canvas_wh
    for frame in frames:
        got_height, got_width = frame.image_rgb.shape[:2]
        if (got_width, got_height) != (width, height):
            raise SettingsError(
                f"frame {frame.index}: control picture is {got_width}x{got_height}, engine {engine.name} needs "
                f"{width}x{height}; draw it in that size"
            )
    indices = np.array([frame.index for frame in frames], dtype=np.int64)
    control_NHW3 = np.stack([frame.image_rgb for frame in frames])
    return ControlWindow(indices, control_NHW3, make_noise(indices, engine.latent_shape, seed=seed))


def _decode(engine: Engine, latents_NChw: np.ndarray, pool: Executor) -> Iterator[np.ndarray]:
    size = engine.frames_per_call
    parts = [latents_NChw[start : start + size] for start in range(0, len(latents_NChw), size)]
    for part_NHW4 in pool.map(engine.decode, parts):
        yield from part_NHW4
