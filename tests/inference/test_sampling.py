import numpy as np
import pytest

from perfkit.inference.sampling import make_flow_times, make_noise, make_shared_noise, sample_flow

SHAPE = (3, 4, 6)


def test_flow_times_fall_from_noise_to_clean():
    assert make_flow_times(4).tolist() == [1, 0.75, 0.5, 0.25, 0]


def test_time_shift_keeps_the_ends_and_moves_the_middle_towards_noise():
    times = make_flow_times(2, shift=3.0)
    assert times.tolist() == [1, 0.75, 0]


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_a_straight_flow_is_followed_exactly_in_any_number_of_steps(steps):
    clean, noise = np.full((1, 2, 2, 2), 0.25, np.float32), np.ones((1, 2, 2, 2), np.float32)
    found = sample_flow(lambda latents, time: noise - clean, noise, make_flow_times(steps))
    np.testing.assert_allclose(found, clean, atol=1e-6)


def test_euler_steps_of_a_known_field_match_a_calculation_by_hand():
    found = sample_flow(
        lambda latents, time: latents * np.float32(time), np.ones((1, 1, 1, 1), np.float32), make_flow_times(2)
    )
    assert found.item() == pytest.approx((1 - 0.5 * 1.0) * (1 - 0.5 * 0.5))


def test_noise_belongs_to_a_frame_and_not_to_a_batch():
    whole = make_noise(np.arange(10), SHAPE, seed=3)
    part = make_noise(np.array([7, 2]), SHAPE, seed=3)
    assert np.array_equal(part, whole[[7, 2]])


def test_noise_differs_between_frames_seeds_and_the_shared_one():
    drawn = [
        make_noise(np.array([0]), SHAPE, seed=0)[0],
        make_noise(np.array([1]), SHAPE, seed=0)[0],
        make_noise(np.array([0]), SHAPE, seed=1)[0],
        make_shared_noise(SHAPE, seed=0),
    ]
    assert len({noise.tobytes() for noise in drawn}) == 4


def test_noise_is_standard_normal():
    noise = make_noise(np.arange(200), (8, 16, 16), seed=5)
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.005
    assert abs(noise.std() - 1) < 0.005
