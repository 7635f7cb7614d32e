"""Muon: the momentum of every matrix, replaced by the nearest matrix whose singular values are all one.

In: gradients, averaged over the workers. Out: updated weights. A convolution counts as the matrix (out, in x h x w).
Biases, scales and embedding tables are not matrices of a map: `split_weights` leaves them to another optimiser.

PyTorch's own Muon takes no convolutions and computes in bfloat16, which is slow on processors without it.
Source: Jordan et al. 2024, Muon (kellerjordan.github.io/posts/muon), quintic Newton-Schulz iteration; the scale of an
update is sqrt(max(1, rows / columns)), as there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from perfkit.training.optimise.parallel import worker_count, worker_index

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NUM_ITERATIONS = 4


class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum; the work of a step is shared among the workers.

    Args:
        matrices: Weights of two dimensions or more, or groups of them, with equal gradients in every worker.
        lr: Learning rate: about the relative change of a weight in a step.
        momentum: Of the gradients; Nesterov's form is used.
    """

    def __init__(self, matrices: Iterable[Any], *, lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            for weight, direction in zip(weights, self._orthogonalise(weights, group["momentum"]), strict=True):
                matrix = direction.flatten(1)
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                weight.add_(direction, alpha=-group["lr"] * scale)

    def _orthogonalise(self, weights: list[nn.Parameter], momentum: float) -> list[Tensor]:
        """Return each weight's direction; every worker computes some and all get all."""
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        moments = [self.state[weight]["momentum"] for weight in weights]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        torch._foreach_lerp_(moments, gradients, 1 - momentum)
        own = slice(worker_index(), None, worker_count())
        ahead = torch._foreach_lerp(gradients[own], moments[own], momentum)
        parts = [torch.zeros(weight.numel(), device=weight.device) for weight in weights]
        parts[own] = [direction.flatten() for direction in orthogonalise([each.flatten(1) for each in ahead])]
        if worker_count() > 1:
            together = torch.cat(parts)
            dist.all_reduce(together)
            parts = list(together.split([part.numel() for part in parts]))
        return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]


def orthogonalise(matrices: list[Tensor]) -> list[Tensor]:
    """Return U V^T of each matrix U S V^T, roughly: singular values between 0.7 and 1.2.

    Every iteration multiplies from the left by a polynomial in x x^T. These commute, so they are multiplied up in the
    small square of the shorter side, for all matrices with this side at once, and the long matrix is touched twice.
    """
    wide = [matrix.T if matrix.shape[0] > matrix.shape[1] else matrix for matrix in matrices]
    wide = [matrix / matrix.norm().clamp_min(1e-7) for matrix in wide]
    numbers_of: dict[int, list[int]] = {}
    for number, matrix in enumerate(wide):
        numbers_of.setdefault(len(matrix), []).append(number)
    for numbers in numbers_of.values():
        products = _multiply_up(torch.stack([wide[number] @ wide[number].T for number in numbers]))
        for number, product in zip(numbers, products, strict=True):
            wide[number] = product @ wide[number]
    return [turned.T if turned.shape != matrix.shape else turned for turned, matrix in zip(wide, matrices, strict=True)]


def _multiply_up(gram: Tensor) -> Tensor:
    """Return the product of all iterations' polynomials, (B, R, R), for x x^T (B, R, R)."""
    a, b, c = NEWTON_SCHULZ
    identity = torch.eye(gram.shape[-1], device=gram.device)
    product = a * identity + b * gram + c * gram @ gram
    factor = product
    for _ in range(NUM_ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = a * identity + b * gram + c * gram @ gram
        product = factor @ product
    return product


@dataclass(frozen=True)
class SplitWeights:
    """A network's trainable weights: matrices of maps, tables of embeddings, all others."""

    matrices: list[nn.Parameter]
    embeddings: list[nn.Parameter]
    others: list[nn.Parameter]


def split_weights(networks: Iterable[nn.Module]) -> SplitWeights:
    """Sort the trainable weights; the weights of linear layers and full convolutions are matrices."""
    split = SplitWeights([], [], [])
    for network in networks:
        for module in network.modules():
            is_map = isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
            for name, weight in module.named_parameters(recurse=False):
                if not weight.requires_grad:
                    continue
                if isinstance(module, nn.Embedding):
                    split.embeddings.append(weight)
                else:
                    (split.matrices if is_map and name == "weight" else split.others).append(weight)
    return split
