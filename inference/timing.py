"""Where a render's time goes, stage by stage, measured as it runs.

In: iterators and engines, wrapped. Out: `StageSeconds`. Stages run beside each other: their sum may exceed the whole.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from perfkit.inference.engine import Engine

Item = TypeVar("Item")


@dataclass(frozen=True)
class StageSeconds:
    """Wall-clock seconds during which each stage was at work.

    Attributes:
        capture: Decoding and tracking; 0 for a .perf.
        prepare: Loading, merging and compiling the networks.
        retarget: Calibration, smoothing, retargeting.
        control: Drawing control pictures.
        stylize: From control pictures to character pictures, waiting for the former included.
        network: The part of it during which a network was running.
        decode: Reading the take's pictures for the composite.
        composite: Background, side by side, contact sheet.
        encode: Encoding and writing.
        render: From the track to the finished file.
        total: Since the clock was made.
    """

    capture: float = 0.0
    prepare: float = 0.0
    retarget: float = 0.0
    control: float = 0.0
    stylize: float = 0.0
    network: float = 0.0
    decode: float = 0.0
    composite: float = 0.0
    encode: float = 0.0
    render: float = 0.0
    total: float = 0.0


class StageClock:
    """Adds up each stage's time; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the block's time for a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def iterate(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on; count the time that making each takes."""
        source = iter(items)
        while True:
            with self.measure(stage):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds for a stage."""
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def read(self) -> StageSeconds:
        """Return what has been counted so far."""
        with self._lock:
            counted = {**self._seconds, "total": time.perf_counter() - self._start}
        return StageSeconds(**{stage: round(seconds, 3) for stage, seconds in counted.items()})


class TimedEngine:
    """An engine whose busy time is counted as the stage `network`; several calls at once count once."""

    def __init__(self, engine: Engine, clock: StageClock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._num_running = 0
        self._since = 0.0
        self.name = engine.name
        self.digest = engine.digest
        self.control_style = engine.control_style
        self.canvas_wh = engine.canvas_wh
        self.latent_shape = engine.latent_shape
        self.time_shift = engine.time_shift
        self.frames_per_call = engine.frames_per_call
        self.num_workers = engine.num_workers

    def condition(self, control_NHW3: np.ndarray) -> Any:
        with self._running():
            return self._engine.condition(control_NHW3)

    def predict_velocity(self, latents_NChw: np.ndarray, time: float, conditioning: Any) -> np.ndarray:
        with self._running():
            return self._engine.predict_velocity(latents_NChw, time, conditioning)

    def decode(self, latents_NChw: np.ndarray) -> np.ndarray:
        with self._running():
            return self._engine.decode(latents_NChw)

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self._lock:
            self._num_running += 1
            if self._num_running == 1:
                self._since = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._num_running -= 1
                if self._num_running == 0:
                    self._clock.add("network", time.perf_counter() - self._since)
