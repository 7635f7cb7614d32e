"""The batches of the flow training on a GPU: drawings made by the processor's cores, held in the GPU's memory.

In: latents.ShardStore. Out: the `FlowBatch` of any step, on the GPU, the same whatever came before.

    drawers (processes)     shard k drawn: pictures, control pictures, captions      -> shared memory, a place each
    loader (one thread)     shard k to the GPU, its pictures encoded there           -> ring of shards
    training                rows of the ring, noise made on the GPU

A GPU trains faster than one core draws a control picture, so these are drawn once and kept. Nothing goes to disk.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import (
    LATENT_CHANNELS,
    LATENT_PX,
    MAX_TOKENS,
    PICTURE_PX,
    control_input,
    tokenize,
)
from perfkit.training.nano.batches import FlowBatch, plan_step, pool_at, step_generator
from perfkit.training.nano.flow_settings import FlowSettings
from perfkit.training.nano.latents import SHARD_SIZE, ShardStore
from perfkit.training.nano.pictures import make_example
from perfkit.training.optimise.parallel import end_with_parent

_ENCODED_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Shared memory for shards between drawing and loading: P places of N drawings.

    Attributes:
        pictures: (P, N, 256, 256, 4) uint8 straight-alpha RGBA.
        controls: (P, N, 256, 256, 3) uint8 RGB.
    """

    pictures: Tensor
    controls: Tensor

    @staticmethod
    def make(num_places: int) -> "_Drawn":
        shape = (num_places, SHARD_SIZE, PICTURE_PX, PICTURE_PX)
        return _Drawn(*(torch.zeros(*shape, depth, dtype=torch.uint8).share_memory_() for depth in (4, 3)))


_shared: list[_Drawn] = []
"""In a drawer: the shared memory that it writes to."""


def _start_drawer(drawn: _Drawn) -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _shared.append(drawn)


def _draw_shard(number: int, place: int, size: int, seed: int) -> list[str]:
    """Draw shard `number` into a place; return the captions."""
    pictures, controls = _shared[0].pictures[place].numpy(), _shared[0].controls[place].numpy()
    captions = []
    for offset in range(size):
        example = make_example(number * size + offset, seed)
        pictures[offset], controls[offset] = example.drawing.rgba, example.control_rgb()
        captions.append(example.caption)
    return captions


class ResidentBatches:
    """Assembles the batch of any step from a ring of shards in the device's memory; later steps need later shards.

    A shard's place in the ring is taken by another only `num_ahead` shards after it has left the pool, long after the
    last step that reads it has run.
    """

    def __init__(self, store: ShardStore, settings: FlowSettings, drawers: ProcessPoolExecutor, drawn: _Drawn) -> None:
        self.store, self.settings, self.drawers, self.drawn = store, settings, drawers, drawn
        self.device = store.vae.device
        self.num_ahead = len(drawn.pictures)
        self.num_shards = settings.pool_shards + 2 * self.num_ahead
        rows = self.num_shards * SHARD_SIZE
        shape = (rows, LATENT_CHANNELS, LATENT_PX, LATENT_PX)
        self.latents = torch.empty(shape, dtype=torch.float16, device=self.device)
        self.tokens = torch.empty((rows, MAX_TOKENS), dtype=torch.int64, device=self.device)
        self.controls = torch.empty((rows, PICTURE_PX, PICTURE_PX, 3), dtype=torch.uint8, device=self.device)
        self.changed = threading.Condition()
        self.pool, self.num_loaded, self.is_closed = range(0), 0, False
        self.loader = ThreadPoolExecutor(1)
        self.loading: Future[None] | None = None

    def make_batch(self, step: int) -> FlowBatch:
        """Return step's batch on the device; waits for the drawings that it needs."""
        self._wait_for(pool_at(step, self.settings))
        plan = plan_step(step_generator(step, self.settings), self.pool, self.settings)
        rows = self._on_device(plan.shard % self.num_shards * SHARD_SIZE + plan.index)
        tokens, control = self.tokens[rows], control_input(self.controls[rows])
        tokens.masked_fill_(self._on_device(plan.drops_caption)[:, None], 0)
        control.masked_fill_(self._on_device(plan.drops_control)[:, None, None, None], 0)
        latents = self.latents[rows].float()
        generator = torch.Generator(self.device).manual_seed(self.settings.seed * 1_000_003 + step)
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        times, is_rolled_out = self._on_device(plan.times), self._on_device(plan.is_rolled_out)
        return FlowBatch(latents, tokens, control, noise, times, is_rolled_out, plan.window)

    def close(self) -> None:
        """Stop making shards."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()
        self.loader.shutdown()

    def _on_device(self, column: np.ndarray) -> Tensor:
        return torch.from_numpy(column).to(self.device)

    def _wait_for(self, pool: range) -> None:
        if self.loading is None:
            self.loading = self.loader.submit(self._load_shards, pool.start)
        with self.changed:
            self.pool = pool
            self.changed.notify_all()
            while self.num_loaded < pool.stop:
                if self.loading.done():
                    self.loading.result()
                self.changed.wait(timeout=1.0)

    def _load_shards(self, first: int) -> None:
        """Have shards drawn, and move them to the device in order, no further than `num_ahead` past the pool."""
        drawing = {number: self._draw(number) for number in range(first, first + self.num_ahead)}
        self.num_loaded = first
        while True:
            number = self.num_loaded
            captions = drawing.pop(number).result()
            with self.changed:
                self.changed.wait_for(lambda: self.is_closed or self.num_loaded < self.pool.stop + self.num_ahead)
                if self.is_closed:
                    break
            self._load(number, captions)
            drawing[number + self.num_ahead] = self._draw(number + self.num_ahead)
            with self.changed:
                self.num_loaded += 1
                self.changed.notify_all()
        for future in drawing.values():
            future.cancel()

    def _draw(self, number: int) -> Future[list[str]]:
        return self.drawers.submit(_draw_shard, number, number % self.num_ahead, SHARD_SIZE, self.store.seed)

    @torch.no_grad()
    def _load(self, number: int, captions: list[str]) -> None:
        place, start = number % self.num_ahead, number % self.num_shards * SHARD_SIZE
        rows = slice(start, start + SHARD_SIZE)
        self.controls[rows] = self.drawn.controls[place].to(self.device)
        self.tokens[rows] = tokenize(self.store.tokenizer, captions).to(self.device)
        pictures = self.drawn.pictures[place].to(self.device)
        self.latents[rows] = torch.cat([self.store.encode(part) for part in pictures.split(_ENCODED_AT_ONCE)])


@contextmanager
def open_resident_batches(store: ShardStore, settings: FlowSettings, *, num_drawers: int) -> Iterator[ResidentBatches]:
    """Start the drawers and yield the batches; at the end the drawers stop."""
    drawn = _Drawn.make(num_drawers + 4)
    context = torch.multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_drawers, context, _start_drawer, (drawn,)) as drawers:
        batches = ResidentBatches(store, settings, drawers, drawn)
        try:
            yield batches
        finally:
            batches.close()
