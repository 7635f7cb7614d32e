"""The loss of a rectified flow that answers with clean latents: how a base and its adapters are trained.

In: what a step's rows show, the networks. Out: a scalar, and the answer.

A render's second step starts from the first's answer, not from a drawing, and what that got wrong stays wrong if the
network has only ever seen noisy drawings. So some rows start from an answer of the network's own.
Source: the idea of Bengio et al. 2015 (arXiv:1506.03099), one step deep.
"""

from dataclasses import dataclass, replace

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
        start_BChw: What noise is mixed with: the drawing's latents, or an answer of the network's own at t = 1.
        weight_B1hw: How much each cell counts; None: all the same.
    """

    clean_BChw: Tensor
    noise_BChw: Tensor
    t_B: Tensor
    start_BChw: Tensor
    weight_B1hw: Tensor | None = None


def flow_loss(models: NanoModels, rows: FlowRows, text_BLE: Tensor, residuals: Residuals) -> tuple[Tensor, Tensor]:
    """Return the training loss, mean of weight * (answer - clean)^2 / max(t, `LEAST_WEIGHED_TIME`)^2, and the answer.

    Without the bound it would be the squared error of the velocity; renders in few steps never ask for small t.

    Returns:
        A scalar; (B, C, h, w) float32 clean latents that the network expects.
    """
    t = rows.t_B.view(-1, 1, 1, 1)
    x_BChw = ((1 - t) * rows.start_BChw + t * rows.noise_BChw).contiguous(memory_format=torch.channels_last)
    answer = predict_clean(models.unet, x_BChw, rows.t_B, text_BLE, (*residuals[0], residuals[1])).float()
    error = ((answer - rows.clean_BChw) / t.clamp_min(LEAST_WEIGHED_TIME)).square()
    loss = error.mean() if rows.weight_B1hw is None else (rows.weight_B1hw * error).mean()
    return loss, answer


@torch.no_grad()
def roll_out(
    models: NanoModels, rows: FlowRows, is_rolled_out_B: Tensor, text_BLE: Tensor, residuals: Residuals
) -> FlowRows:
    """Return the rows, those chosen starting from the network's answer to their noise alone."""
    chosen = is_rolled_out_B.nonzero()[:, 0]
    if not len(chosen):
        return rows
    noise = rows.noise_BChw[chosen].contiguous(memory_format=torch.channels_last)
    parts = [residual[chosen] for residual in (*residuals[0], residuals[1])]
    answer = predict_clean(models.unet, noise, torch.ones_like(rows.t_B[chosen]), text_BLE[chosen], parts)
    return replace(rows, start_BChw=rows.start_BChw.index_copy(0, chosen, answer.float()))
