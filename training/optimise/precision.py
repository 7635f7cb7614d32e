"""The precision that training computes in: bfloat16 where the device is fast at it, float32 elsewhere.

In: a device. Out: a context for forward passes. Weights, gradients, moments and averages stay float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 faster than float32: GPUs, and processors with AMX or AVX512-BF16."""
    if device.type != "cpu":
        return True
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@contextmanager
def low_precision(device: torch.device) -> Iterator[None]:
    """Compute in bfloat16 where `has_fast_bfloat16`.

    On processors attention is written out: the backward pass of torch's fused one takes ten times as long in bfloat16.
    """
    if not has_fast_bfloat16(device):
        yield
        return
    attention = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
    with torch.autocast(device.type, torch.bfloat16), attention:
        yield
