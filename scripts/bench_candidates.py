"""Ways to hold frames together that were tried and left out, for scripts/bench.py: each must show what it is worth.

In: a Shot. Out: clean latents (N, C, h, w). Each stands on shared noise, as the wrappers of perfkit.inference do.
Legend: N frames, C latent channels, h w latent grid, B frames of one call, L tokens, E width.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from perfkit.control import ControlFrame
    from perfkit.inference.engine import Engine
    from perfkit.inference.settings import RenderSettings
    from perfkit.pack import CharacterPack

CARRY_FROM_STEP = 2
LATENT_AGREEMENT = 0.15
HELD_FRAMES = 24
ATTENTION_FRAMES = 24


@dataclass(frozen=True, eq=False)
class Shot:
    """All frames of a stretch at once, with the noise that they share."""

    engine: "Engine"
    pack: "CharacterPack"
    control_NHW3: np.ndarray
    points: list[np.ndarray]
    noise_NChw: np.ndarray
    times: np.ndarray
    pool: Executor

    @classmethod
    def make(
        cls,
        controls: "list[ControlFrame]",
        engine: "Engine",
        settings: "RenderSettings",
        pack: "CharacterPack",
        pool: Executor,
    ) -> "Shot":
        """Gather what a candidate may use."""
        from perfkit.inference.sampling import make_flow_times, make_shared_noise

        noise = make_shared_noise(engine.latent_shape, seed=settings.seed)
        points = [frame.points for frame in controls if frame.points is not None]
        pictures = np.stack([frame.image_rgb for frame in controls])
        times = make_flow_times(settings.steps, shift=engine.time_shift)
        return cls(engine, pack, pictures, points, np.repeat(noise[None], len(controls), axis=0), times, pool)


def sample(shot: Shot, start_NChw: np.ndarray, times: np.ndarray, couple: Callable | None = None) -> np.ndarray:
    """Follow the flow for all frames side by side; `couple` may mix their predictions in every step."""
    size, engine = shot.engine.frames_per_call, shot.engine
    parts = [slice(first, first + size) for first in range(0, len(start_NChw), size)]
    conditions = list(shot.pool.map(lambda part: engine.condition(shot.control_NHW3[part]), parts))
    latents = start_NChw
    for time, next_time in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        calls = shot.pool.map(
            lambda part, given: engine.predict_velocity(latents[part], time, given),  # noqa: B023
            parts,
            conditions,
        )
        velocity = np.concatenate(list(calls))
        latents = latents + np.float32(next_time - time) * (velocity if couple is None else couple(velocity))
    return latents


def blend_predictions(shot: Shot) -> np.ndarray:
    """Blend the predictions of neighbours in every step, where the control stands still.

    What overlapping windows come to for a network that sees one frame at a time: in two windows it predicts the same.
    """
    from perfkit.inference.temporal import BlendedOverTime, ControlWindow

    frames = np.arange(len(shot.control_NHW3))

    def couple(velocity_NChw: np.ndarray) -> np.ndarray:
        blended = BlendedOverTime(_Given(velocity_NChw), reach=1)
        return blended(ControlWindow(frames, shot.control_NHW3, shot.noise_NChw))

    return sample(shot, shot.noise_NChw, shot.times, couple)


@dataclass(frozen=True, eq=False)
class _Given:
    """A Denoiser whose answer is known."""

    answer_NChw: np.ndarray
    context_frames: int = 0

    def __call__(self, window: Any) -> np.ndarray:
        return self.answer_NChw


def warp_latents(shot: Shot) -> np.ndarray:
    """Carry the neighbours' clean latents along the motion of the control points, and blend what agrees."""
    from perfkit.inference.point_motion import estimate_motion, measure_nearness
    from perfkit.metrics.flow import warp

    latents = sample(shot, shot.noise_NChw, shot.times)
    height, width = latents.shape[2:]
    picture_px = shot.control_NHW3.shape[1]
    out = []
    for row, points in enumerate(shot.points):
        nearness = measure_nearness(points, (picture_px, picture_px))
        total, weight = latents[row].copy(), np.ones((1, height, width), np.float32)
        for other in {row - 1, row + 1} & set(range(len(latents))):
            motion = estimate_motion(points, shot.points[other], nearness)
            flow = cv2.resize(motion, (width, height), interpolation=cv2.INTER_AREA) * (width / picture_px)
            carried = np.concatenate([warp(plane[..., None], flow)[None] for plane in latents[other]])
            apart = np.abs(carried - latents[row]).mean(axis=0, keepdims=True)
            say = np.exp(-np.square(apart / LATENT_AGREEMENT))
            total, weight = total + say * carried, weight + say
        out.append(total / weight)
    return np.stack(out).astype(np.float32)


def carry_latents(shot: Shot) -> np.ndarray:
    """Start every frame from the clean latents of the frame before, noised again, and sample the last steps anew."""
    latents = sample(shot, shot.noise_NChw, shot.times)
    before = np.concatenate([latents[:1], latents[:-1]])
    time = np.float32(shot.times[CARRY_FROM_STEP])
    return sample(shot, (1 - time) * before + time * shot.noise_NChw, shot.times[CARRY_FROM_STEP:])


def hold_statistics(shot: Shot) -> np.ndarray:
    """Give every window the mean and spread of each latent channel that the first one had."""
    latents = sample(shot, shot.noise_NChw, shot.times)
    windows = [latents[first : first + HELD_FRAMES] for first in range(0, len(latents), HELD_FRAMES)]
    (first_mean, first_spread), *_ = stats = [_describe(window) for window in windows]
    held = [
        (window - mean) / spread * first_spread + first_mean
        for window, (mean, spread) in zip(windows, stats, strict=True)
    ]
    return np.concatenate(held).astype(np.float32)


def _describe(window_NChw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    axes = (0, 2, 3)
    return window_NChw.mean(axis=axes, keepdims=True), window_NChw.std(axis=axes, keepdims=True)


def attend_across_frames(shot: Shot) -> np.ndarray:
    """Let every frame's self-attention see the window's first frame and the frame before: a feature bank.

    Exported networks take no features from outside, and the engine's public face has none: this is eager PyTorch.
    """
    import torch

    from perfkit.inference.engine import EngineRequest, Lora
    from perfkit.inference.engines.nano import WEIGHTS_DIR
    from perfkit.inference.engines.nano_graphs import build_graphs

    loras = (Lora(shot.pack.lora_path("nano")),) if "nano" in shot.pack.loras else ()
    graphs = build_graphs(EngineRequest(caption=shot.pack.prompt, loras=loras), WEIGHTS_DIR)
    unet: Any = graphs.up.unet
    own = unet.attn_processors
    unet.set_attn_processor({name: _attend_to_bank if "attn1" in name else each for name, each in own.items()})
    out = []
    with torch.inference_mode():
        for part in _split(len(shot.noise_NChw), ATTENTION_FRAMES):
            latents = torch.from_numpy(shot.noise_NChw[part])
            residuals = graphs.control(
                torch.from_numpy(shot.control_NHW3[part]), torch.zeros_like(latents), torch.ones(1)
            )
            for time, next_time in zip(shot.times[:-1].tolist(), shot.times[1:].tolist(), strict=True):
                features = graphs.down(latents, torch.tensor([time]))
                velocity = graphs.up(latents, torch.tensor([time]), *features, *residuals)
                latents = latents + (next_time - time) * velocity
            out.append(latents.numpy())
    return np.concatenate(out)


def _attend_to_bank(attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, *_: Any, **__: Any) -> Any:
    """Do what diffusers' own processor does, with keys and values of three frames; called with its names."""
    import torch

    assert encoder_hidden_states is None
    own_BLE = hidden_states
    bank = torch.cat([own_BLE, own_BLE[:1].expand_as(own_BLE), torch.cat([own_BLE[:1], own_BLE[:-1]])], dim=1)
    query, key, value = (
        layer(states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        for layer, states in ((attn.to_q, own_BLE), (attn.to_k, bank), (attn.to_v, bank))
    )
    attended = torch.nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    return attn.to_out[1](attn.to_out[0](attended))


def _split(num_frames: int, size: int) -> Iterable[slice]:
    return (slice(first, min(first + size, num_frames)) for first in range(0, num_frames, size))


CANDIDATES: tuple[tuple[str, Callable[[Shot], np.ndarray]], ...] = (
    ("predictions blended with 1 neighbour on each side", blend_predictions),
    ("latents carried along the motion, blended with 1", warp_latents),
    ("started from the frame before, half noised", carry_latents),
    ("latent statistics of windows held to the first's", hold_statistics),
    ("self-attention across frames", attend_across_frames),
)
