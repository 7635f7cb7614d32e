"""The batches of the flow training on a processor: shards in a folder, control pictures drawn as they are used.

In: latents.ShardStore. Out: the `FlowBatch` of any step, the same whatever came before.

    pool at a step      shards a ... b-1      moves on two at a time, so that each drawing is seen about `reuse` times
    plan of a step      which drawings of the pool, at which times, without which captions and controls
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import LATENT_CHANNELS, LATENT_PX, control_tensor
from perfkit.training.nano.flow_settings import FlowSettings
from perfkit.training.nano.latents import SHARD_SIZE, Shard, ShardStore
from perfkit.training.optimise.parallel import agree, worker_count, worker_index, worker_rows


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """One step's inputs: latents, tokens and control pictures, with captions and controls dropped already."""

    latents_BChw: Tensor
    tokens_BL: Tensor
    control_BCHW: Tensor
    noise_BChw: Tensor
    t_B: Tensor
    is_rolled_out_B: Tensor
    window: tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class StepPlan:
    """What a step shows, of B drawings.

    Attributes:
        shard, index: (B,) which drawing, by its shard and its place there.
        times: (B,) float32, in (0, 1].
        is_rolled_out: (B,) bool, which start from the network's own answer.
        drops_caption, drops_control: (B,) bool.
        window: Rows and columns of the latents that are decoded to be looked at.
    """

    shard: np.ndarray
    index: np.ndarray
    times: np.ndarray
    is_rolled_out: np.ndarray
    drops_caption: np.ndarray
    drops_control: np.ndarray
    window: tuple[slice, slice]


def pool_at(step: int, settings: FlowSettings) -> range:
    """Return the numbers of the shards that a step chooses from."""
    last = 2 + 2 * (step * settings.batch // (2 * settings.reuse * SHARD_SIZE))
    return range(max(0, last - settings.pool_shards), last)


def plan_step(rng: np.random.Generator, pool: range, settings: FlowSettings) -> StepPlan:
    """Draw what a step shows from its own generator."""
    batch = settings.batch
    shard, index = rng.integers(pool.start, pool.stop, batch), rng.integers(SHARD_SIZE, size=batch)
    times = 1 / (1 + np.exp(-rng.standard_normal(batch)))
    times[rng.random(batch) < settings.full_noise_share] = 1.0
    drops = rng.random((2, batch)) < np.array([[settings.caption_drop], [settings.control_drop]])
    is_rolled_out = (rng.random(batch) < settings.rollout_share) & (times < 1)
    top, left = (int(place) for place in rng.integers(LATENT_PX - settings.window_cells + 1, size=2))
    window = slice(top, top + settings.window_cells), slice(left, left + settings.window_cells)
    return StepPlan(shard, index, times.astype(np.float32), is_rolled_out, drops[0], drops[1], window)


def step_generator(step: int, settings: FlowSettings) -> np.random.Generator:
    """Return the generator of a step's plan and, on a processor, of its noise."""
    return np.random.default_rng([settings.seed, step, 3])


class BatchMaker:
    """Assembles the batch of any step; holds the shards of that step's pool."""

    def __init__(self, store: ShardStore, settings: FlowSettings) -> None:
        self.store, self.settings = store, settings
        self.shards: dict[int, Shard] = {}
        self.pool = range(0)

    def make_batch(self, step: int) -> FlowBatch:
        """Return this worker's rows of step's batch, on the CPU."""
        settings = self.settings
        self._move_pool(pool_at(step, settings))
        rng = step_generator(step, settings)
        plan = plan_step(rng, self.pool, settings)
        noise = rng.standard_normal((settings.batch, LATENT_CHANNELS, LATENT_PX, LATENT_PX), dtype=np.float32)
        mine = worker_rows(settings.batch)
        rows = [(self._shard(int(n)), int(i)) for n, i in zip(plan.shard[mine], plan.index[mine], strict=True)]
        latents = torch.from_numpy(np.stack([shard.latents[index] for shard, index in rows]).astype(np.float32))
        tokens = np.stack([shard.tokens[index] for shard, index in rows])
        control = control_tensor(np.stack([shard.control_rgb(index) for shard, index in rows]))
        tokens[plan.drops_caption[mine]] = 0
        control[torch.from_numpy(plan.drops_control[mine])] = 0
        return FlowBatch(
            latents,
            torch.from_numpy(tokens),
            control,
            torch.from_numpy(noise[mine]),
            torch.from_numpy(plan.times[mine]),
            torch.from_numpy(plan.is_rolled_out[mine]),
            plan.window,
        )

    def _move_pool(self, pool: range) -> None:
        """Make the shards that the pool gains, each by one of the workers; forget those that it leaves behind."""
        if pool == self.pool:
            return
        for number in pool[worker_index() :: worker_count()]:
            self.store.make(number)
        agree(True)
        self.pool = pool
        self.shards = {number: shard for number, shard in self.shards.items() if number in pool}

    def _shard(self, number: int) -> Shard:
        if number not in self.shards:
            self.shards[number] = self.store.read(number)
        return self.shards[number]
