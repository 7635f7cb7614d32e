"""Sampled performances: in range, varied, and fit for any rig."""

import numpy as np

from perfkit.rig import HUMAN_RIG
from perfkit.training.puppet import pose_performance, sample_performance
from perfkit.vocabulary import BLENDSHAPE_INDEX


def test_performances_stay_in_range_and_reach_the_extremes():
    sampled = [sample_performance(np.random.default_rng(seed)) for seed in range(600)]
    weights, heads = np.stack([each.weights for each in sampled]), np.stack([each.head for each in sampled])
    assert weights.min() >= 0 and weights.max() <= 1
    assert np.abs(heads[:, :3]).max(axis=0).tolist() <= [75, 35, 30]
    assert np.abs(heads[:, 0]).max() > 70 and np.abs(heads[:, 1]).max() > 33
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp", "mouthPucker", "eyeWideRight"):
        assert weights[:, BLENDSHAPE_INDEX[name]].max() > 0.8


def test_same_seed_same_performance():
    first, second = (sample_performance(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.body, second.body)


def test_zoom_and_shift_are_fractions_of_the_canvas():
    performance = sample_performance(np.random.default_rng(1))
    small, large = (pose_performance(HUMAN_RIG, performance, size=size) for size in (128, 256))
    np.testing.assert_allclose(2 * small.head[3:], large.head[3:], rtol=1e-5)
    np.testing.assert_allclose(2 * small.body[11:17, :2], large.body[11:17, :2], rtol=1e-4)
