"""What decides how the flow is trained: the numbers, and how the rates rise and fall over the steps."""

from dataclasses import dataclass

from perfkit.training.optimise.descent import Rates
from perfkit.training.optimise.schedule import trapezoid_scale

RATES = Rates(matrices=0.015, embeddings=1e-2, others=1e-3, average_decay=0.997)


@dataclass(frozen=True)
class FlowSettings:
    """Everything that changes the trained networks.

    Attributes:
        images: Length of the schedule, in drawings.
        batch: Drawings a step.
        rates: At the height of the schedule.
        cooldown: Share of the steps in which the rates fall.
        final_scale: Where they end.
        warmup_steps: Length of their rise.
        caption_drop: Part of the rows without a caption.
        control_drop: Part of the rows without a control picture.
        full_noise_share: Part of the rows at t = 1.
        rollout_share: Part of the others that start from the network's own answer at t = 1: second steps of a render.
        picture_weight: Of the loss of decoded pictures beside that of latents.
        window_cells: Side of the part of a picture that is decoded for it, in latents.
        reuse: How often a drawing is seen.
        pool_shards: How many shards a step chooses from.
        seed: Key of all randomness.
    """

    images: int = 300_000
    batch: int = 64
    rates: Rates = RATES
    cooldown: float = 0.3
    final_scale: float = 0.02
    warmup_steps: int = 100
    caption_drop: float = 0.05
    control_drop: float = 0.05
    full_noise_share: float = 0.6
    rollout_share: float = 1.0
    picture_weight: float = 6.0
    window_cells: int = 10
    reuse: int = 4
    pool_shards: int = 16
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
