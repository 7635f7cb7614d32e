"""The loss of a rectified flow that answers with clean latents: how a base and its adapters are trained.

In: what a step's rows show, the networks. Out: a scalar.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from perfkit.inference.engines.nano_model import NanoModels, Residuals, predict_clean

LEAST_WEIGHED_TIME = 0.4


@dataclass(frozen=True, eq=False)
class FlowRows:
    """What B rows of a training step show.

    Attributes:
        clean_BChw: Latents of the drawings.
        noise_BChw: Standard normal.
        t_B: In (0, 1].
        is_rolled_out_B: bool, rows that start from the network's own answer at t = 1 instead of the drawing.
        weight_B1hw: How much each cell counts; None: all the same.
    """

    clean_BChw: Tensor
    noise_BChw: Tensor
    t_B: Tensor
    is_rolled_out_B: Tensor
    weight_B1hw: Tensor | None = None


def flow_loss(models: NanoModels, rows: FlowRows, text_BLE: Tensor, residuals: Residuals) -> Tensor:
    """Return the training loss: mean of weight * (predicted - clean)^2 / max(t, `LEAST_WEIGHED_TIME`)^2.

    Without the bound it would be the squared error of the velocity; renders in few steps never ask for small t.

    A render's second step starts from the first's answer, not from a drawing, and what that got wrong stays wrong if
    the network has only ever seen noisy drawings. Rows that are rolled out are such second steps: noise mixed with the
    network's own answer at t = 1. Source: the idea of Bengio et al. 2015 (arXiv:1506.03099), one step deep.
    """
    t = rows.t_B.view(-1, 1, 1, 1)
    seen_BChw = _roll_out(models, rows, text_BLE, residuals)
    x_BChw = ((1 - t) * seen_BChw + t * rows.noise_BChw).contiguous(memory_format=torch.channels_last)
    predicted = predict_clean(models.unet, x_BChw, rows.t_B, text_BLE, (*residuals[0], residuals[1]))
    error = ((predicted.float() - rows.clean_BChw) / t.clamp_min(LEAST_WEIGHED_TIME)).square()
    return error.mean() if rows.weight_B1hw is None else (rows.weight_B1hw * error).mean()


@torch.no_grad()
def _roll_out(models: NanoModels, rows: FlowRows, text_BLE: Tensor, residuals: Residuals) -> Tensor:
    """Return the clean latents, those of rolled out rows replaced by the network's answer to their noise alone."""
    chosen = rows.is_rolled_out_B.nonzero()[:, 0]
    if not len(chosen):
        return rows.clean_BChw
    noise = rows.noise_BChw[chosen].contiguous(memory_format=torch.channels_last)
    parts = [residual[chosen] for residual in (*residuals[0], residuals[1])]
    answer = predict_clean(models.unet, noise, torch.ones_like(rows.t_B[chosen]), text_BLE[chosen], parts)
    return rows.clean_BChw.index_copy(0, chosen, answer.float())
