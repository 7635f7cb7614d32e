"""What decides how the flow is trained: the numbers, and how the rates rise and fall over the steps."""

from dataclasses import dataclass

from perfkit.training.optimise.descent import Rates
from perfkit.training.optimise.schedule import trapezoid_scale

RATES = Rates(matrices=0.015, embeddings=1e-2, others=1e-3, average_decay=0.997)


@dataclass(frozen=True)
class FlowSettings:
    """Everything that changes the trained networks."""

    images: int = 300_000
    batch: int = 64
    rates: Rates = RATES
    cooldown: float = 0.3
    final_scale: float = 0.02
    warmup_steps: int = 100
    caption_drop: float = 0.05
    control_drop: float = 0.05
    full_noise_share: float = 0.6
    reuse: int = 4
    pool_shards: int = 64
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.images // self.batch

    def scale_at(self, step: int) -> float:
        """Return the part of the full rates at a step."""
        return trapezoid_scale(
            step,
            num_steps=self.steps,
            warmup_steps=self.warmup_steps,
            cooldown=self.cooldown,
            final_scale=self.final_scale,
        )
