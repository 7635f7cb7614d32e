"""What an engine is: the one thing behind which a base network, its LoRA, its files and its framework disappear.

    control (uint8) --condition--> Conditioning --predict_velocity (steps times)--> latents --decode--> RGBA (uint8)

NumPy goes in and comes out; nothing that is true of one base only (autoencoder, text encoder, files) leaves its engine.
Legend: N frames, C latent channels, h w latent grid, H W canvas.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from perfkit.errors import SettingsError
from perfkit.inference.settings import RuntimeSettings

ENGINES: dict[str, str] = {"nano": "perfkit.inference.engines.nano:NanoEngine"}
"""Name -> "module:Class" of every engine; imported when asked for."""


@dataclass(frozen=True)
class Lora:
    """An adapter and its strength: 1 = as trained, 0 = nothing."""

    path: Path
    scale: float = 1.0


@dataclass(frozen=True)
class EngineRequest:
    """What an engine is made for: one character, fixed strengths.

    Attributes:
        caption: What the character is, in the words that the base knows.
        loras: Adapters for this engine, all merged into the weights; none: the bare base.
        control_scale: Strength of the control picture.
        precision: "f32" or "bf16".
        frames_per_call: Frames of one network call; 0 = as many as give the most frames a second, 1 = the least delay.
            Another number rounds differently.
    """

    caption: str
    loras: tuple[Lora, ...] = ()
    control_scale: float = 1.0
    precision: str = "f32"
    frames_per_call: int = 0


class Engine(Protocol):
    """A base network for one character. All three calls are pure and may be made from several threads at once.

    A frame's result never depends on its company: N frames in one call equal N calls of one frame, bit for bit.

    Attributes:
        name: Its name in `ENGINES`.
        digest: SHA-256 over all that the pixels depend on: weights, LoRA, caption, strengths, precision, backend.
        control_style: The style that `draw_control` must draw for it.
        canvas_wh: Size of control pictures and of decoded frames, px.
        latent_shape: (C, h, w).
        time_shift: Shift of the flow's times; 1 = evenly spaced.
        frames_per_call: Frames that are best given in one call.
        num_workers: Calls that are best made at once.
    """

    name: str
    digest: str
    control_style: str
    canvas_wh: tuple[int, int]
    latent_shape: tuple[int, int, int]
    time_shift: float
    frames_per_call: int
    num_workers: int

    def condition(self, control_NHW3: np.ndarray) -> Any:
        """Read control pictures, uint8 RGB, once per frame; the answer is opaque and goes to `predict_velocity`."""
        ...

    def predict_velocity(self, latents_NChw: np.ndarray, time: float, conditioning: Any) -> np.ndarray:
        """Return noise - clean, float32 as the latents, at `time` from 1 (noise) to 0 (clean)."""
        ...

    def decode(self, latents_NChw: np.ndarray) -> np.ndarray:
        """Return (N, H, W, 4) uint8 RGBA, straight alpha, of clean latents, float32."""
        ...


def make_engine(name: str, request: EngineRequest, runtime: RuntimeSettings | None = None) -> Engine:
    """Make the engine called `name` for one character.

    Raises:
        SettingsError: An unknown name.
        WeightsError: Weights or LoRA absent or damaged.
    """
    if name not in ENGINES:
        raise SettingsError(f"unknown engine {name!r}; known: {', '.join(sorted(ENGINES))}; give one of these")
    module, _, class_name = ENGINES[name].partition(":")
    engine_class = getattr(importlib.import_module(module), class_name)
    return engine_class(request, runtime or RuntimeSettings())


class EngineKeeper:
    """Makes engines and keeps the last, for jobs that follow one another with the same character."""

    def __init__(self) -> None:
        self._made_for: tuple[object, ...] = ()
        self._engine: Engine | None = None

    def make_engine(self, name: str, request: EngineRequest, runtime: RuntimeSettings) -> Engine:
        """Return the kept engine if it was made for the same from the same files, else as `make_engine` does."""
        stamps = [_stamp(lora.path) for lora in request.loras]
        wanted = (name, request, *stamps, runtime.backend, runtime.device, runtime.num_threads, runtime.cache_dir)
        if self._engine is None or wanted != self._made_for:
            self._engine = None  # its memory goes first
            self._engine = make_engine(name, request, runtime)
            self._made_for = wanted
        return self._engine


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written anew; None where it is absent, which the engine then says."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size
