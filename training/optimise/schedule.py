"""How the learning rates of a training rise and fall, as parts of their full height."""

import math


def cosine_scale(step: int, *, num_steps: int, warmup_steps: int, final_scale: float = 0.0) -> float:
    """Return the part of the full rates at a step: linear warm-up, then half a cosine down to `final_scale`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    phase = min(1.0, (step - warmup_steps) / max(1, num_steps - warmup_steps))
    return final_scale + (1 - final_scale) * (1 + math.cos(math.pi * phase)) / 2


def trapezoid_scale(
    step: int, *, num_steps: int, warmup_steps: int, cooldown: float, final_scale: float = 0.0
) -> float:
    """Return the part of the full rates at a step: linear warm-up, constant, and a linear fall to `final_scale`.

    Args:
        step: Steps taken before.
        num_steps: Steps in all.
        warmup_steps: Length of the rise.
        cooldown: Share of the steps that the fall takes.
        final_scale: Where it ends.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    start = num_steps * (1 - cooldown)
    phase = min(1.0, max(0.0, (step - start) / max(1.0, num_steps - start)))
    return 1 + (final_scale - 1) * phase
