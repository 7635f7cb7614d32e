"""The flow's loss: by hand on numbers that a person can follow."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from perfkit.training.flow_loss import FlowRows, flow_loss, roll_out


def test_a_rolled_out_row_learns_from_the_networks_own_answer_and_only_from_its_second():
    gain = torch.tensor(0.75, requires_grad=True)

    def answer(x_BChw, time_B, text, **residuals):
        return (gain * x_BChw,)

    models, text, residuals = SimpleNamespace(unet=answer), torch.zeros(2, 1, 1), ([], torch.zeros(2, 1))
    clean, noise = torch.ones(2, 1, 1, 1), torch.full((2, 1, 1, 1), 2.0)
    drawn = FlowRows(clean, noise, torch.tensor([0.5, 0.5]), start_BChw=clean)
    rows = roll_out(models, drawn, torch.tensor([False, True]), text, residuals)
    loss, answers = flow_loss(models, rows, text, residuals)
    loss.backward()
    unit = 0.5**0.5  # at t = 0.5 the network sees x / sqrt(0.5)
    seen = (0.5 * 1 + 0.5 * 2) / unit, (0.5 * (0.75 * 2) + 0.5 * 2) / unit
    errors = [(0.75 * x - 1) / 0.5 for x in seen]
    assert loss.item() == pytest.approx(np.mean(np.square(errors)), rel=1e-5)
    assert answers.flatten().tolist() == pytest.approx([0.75 * x for x in seen])
    assert gain.grad.item() == pytest.approx(
        np.mean([2 * e * x / 0.5 for e, x in zip(errors, seen, strict=True)]), rel=1e-5
    )
