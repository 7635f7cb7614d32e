"""The loss of decoded pictures against the metric that it stands for."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from perfkit.metrics import measure_ssim
from perfkit.training.picture_loss import SSIM_SHARE, measure_mean_ssim, measure_picture_loss


def make_pair(seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two alike pictures (1, 3, 40, 32) in 0..1."""
    rng = np.random.default_rng(seed)
    a = rng.random((1, 3, 40, 32))
    return torch.from_numpy(a), torch.from_numpy(np.clip(a + rng.normal(0, 0.2, a.shape), 0, 1))


def test_mean_ssim_is_the_metrics_ssim():
    a, b = make_pair()
    expected = measure_ssim(*(x[0].permute(1, 2, 0).numpy() for x in (a, b)))
    assert 0.2 < expected < 0.95
    assert measure_mean_ssim(a, b).item() == pytest.approx(expected, abs=1e-6)


def test_a_stride_looks_at_some_of_the_places():
    a, b = make_pair()
    all_places, some = measure_mean_ssim(a, b).item(), measure_mean_ssim(a, b, stride=3).item()
    assert some != all_places
    assert some == pytest.approx(all_places, abs=0.05)


def test_the_loss_is_zero_for_the_same_latents_and_pulls_others_towards_them():
    def decode(latents: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=latents.repeat_interleave(16, dim=2).repeat_interleave(16, dim=3).tanh())

    vae = SimpleNamespace(decode=decode)
    generator = torch.Generator().manual_seed(0)
    clean, away = (torch.randn(1, 4, 3, 3, generator=generator) for _ in range(2))
    assert measure_picture_loss(vae, clean, clean).item() == pytest.approx(0, abs=1e-3)
    answer = (clean + away).requires_grad_()
    measure_picture_loss(vae, answer, clean).backward()
    assert (answer.grad * away).sum() > 0


def test_what_transparency_hides_does_not_count():
    premultiplied = torch.full((1, 4, 48, 48), -1.0)  # nothing anywhere: colours are black where alpha is zero
    vae = SimpleNamespace(decode=lambda latents: SimpleNamespace(sample=premultiplied + 2 * latents))
    opaque_grey = torch.tensor([0.5, 0.5, 0.5, 1.0]).view(1, 4, 1, 1).expand(1, 4, 48, 48)
    assert measure_picture_loss(vae, torch.zeros(1, 4, 48, 48), opaque_grey).item() == pytest.approx(0, abs=1e-3)
    white = torch.ones(1, 4, 48, 48)
    assert measure_picture_loss(vae, torch.zeros(1, 4, 48, 48), white).item() > (1 - SSIM_SHARE) * 0.4
