"""What the steps of a LoRA training show, and what one hands to the next."""

from itertools import pairwise

import torch

from perfkit.training.lora import LoraSettings
from perfkit.training.lora.steps import carry_nothing, plan_step

SETTINGS = LoraSettings(batch_size=8, prior_share=0.25, full_noise_share=0.5, caption_drop=0.3)
NUM_CHOICES = (40, 5)


def walk(num_steps: int):
    """Yield (plan, what the step before handed on, the answer given to this one)."""
    carried = carry_nothing(SETTINGS.batch_size)
    for step in range(num_steps):
        plan = plan_step(torch.Generator().manual_seed(step), SETTINGS, NUM_CHOICES, carried)
        answer = torch.full_like(plan.noise_BChw, float(step))
        yield plan, carried
        carried = plan.carry(answer)


def test_a_row_at_pure_noise_goes_on_once_with_its_drawing_its_noise_and_the_answer():
    num_begun = 0
    plans = list(walk(40))
    for step, ((plan, _), (after, carried)) in enumerate(pairwise(plans)):
        begun = plan.t_B == 1
        num_begun += int(begun.sum())
        assert torch.equal(after.goes_on_B, begun)
        assert not (plan.goes_on_B & begun).any()
        for kept in ("index_B", "drops_caption_B", "noise_BChw"):
            assert torch.equal(getattr(after, kept)[begun], getattr(plan, kept)[begun])
        assert (carried.answer_BChw == step).all()
        assert not torch.equal(after.noise_BChw[~begun], plan.noise_BChw[~begun])
    assert 0.25 < num_begun / (39 * SETTINGS.batch_size) < 0.42  # p / (1 + p) with p = 0.5


def test_rows_choose_from_their_own_set_and_priors_keep_their_captions():
    for plan, _ in walk(20):
        assert plan.is_prior_B.tolist() == [False] * 6 + [True] * 2
        assert plan.index_B[:6].max() < 40 and plan.index_B[6:].max() < 5
        assert not plan.drops_caption_B[6:].any()
        assert ((plan.t_B > 0) & (plan.t_B <= 1)).all()
