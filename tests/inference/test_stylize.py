from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from fake_engine import FakeEngine, make_controls

from perfkit.control import ControlFrame
from perfkit.errors import SettingsError
from perfkit.inference.sampling import make_noise
from perfkit.inference.settings import RenderSettings
from perfkit.inference.stylize import stylize
from perfkit.inference.temporal import BlendedOverTime, ControlWindow, FlowDenoiser, Remembered, SharedNoise

PLAIN = RenderSettings(steps=3, blend_frames=0, steady_frames=0, noise_share=0.0)


def pictures(frames):
    return np.stack([frame.image_rgba for frame in frames])


def make_window(num_frames, engine, *, still=False, seed=0):
    frames = np.arange(num_frames)
    control = np.stack([frame.image_rgb for frame in make_controls(num_frames, still=still)])
    return ControlWindow(frames, control, make_noise(frames, engine.latent_shape, seed=seed))


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as executor:
        yield executor


def test_identity_engine_returns_the_control_frames_in_order_with_their_times():
    controls = make_controls(23)
    frames = list(stylize(controls, FakeEngine(), PLAIN))
    assert [(frame.index, frame.seconds) for frame in frames] == [(frame.index, frame.seconds) for frame in controls]
    assert np.array_equal(pictures(frames)[..., :3], np.stack([frame.image_rgb for frame in controls]))


@pytest.mark.parametrize(
    "settings", [PLAIN, RenderSettings(steps=2), RenderSettings(steps=2, noise_share=0.5, blend_frames=3)]
)
@pytest.mark.parametrize("window_frames", [1, 4, 7, 100])
def test_windows_joined_equal_the_whole(settings, window_frames):
    controls = make_controls(19)
    whole = pictures(stylize(controls, FakeEngine(leak=0.3), settings, window_frames=19))
    joined = pictures(stylize(controls, FakeEngine(leak=0.3), settings, window_frames=window_frames))
    assert np.array_equal(joined, whole)


@pytest.mark.parametrize(("frames_per_call", "num_workers"), [(1, 1), (3, 2), (5, 4)])
def test_batch_and_workers_change_no_pixel(frames_per_call, num_workers):
    controls, settings = make_controls(11), RenderSettings(steps=2, noise_share=0.5)
    reference = pictures(stylize(controls, FakeEngine(leak=0.3), settings))
    engine = FakeEngine(leak=0.3, frames_per_call=frames_per_call, num_workers=num_workers)
    assert np.array_equal(pictures(stylize(controls, engine, settings)), reference)


@pytest.mark.parametrize("first", [1, 6, 10])
def test_a_resumed_render_goes_on_with_the_same_pixels(first):
    controls, settings = make_controls(13), RenderSettings(steps=2, noise_share=0.5, blend_frames=2, steady_frames=1)
    whole = pictures(stylize(controls, FakeEngine(leak=0.3), settings))
    context = controls[max(0, first - settings.context_frames) :]
    resumed = list(stylize(context, FakeEngine(leak=0.3), settings, first=first))
    assert resumed[0].index == first
    assert np.array_equal(pictures(resumed), whole[first:])


def test_the_same_performance_played_again_later_gives_the_same_pixels():
    """Nothing but its neighbours reaches a frame: a take of any length cannot drift away from its beginning."""
    controls, settings = make_controls(12), RenderSettings()
    again = [replace(frame, index=frame.index + 12, seconds=frame.seconds + 600) for frame in controls]
    played = pictures(stylize([*controls, *again], FakeEngine(leak=0.3), settings))
    inner = slice(settings.context_frames, 12 - settings.context_frames)
    assert np.array_equal(played[:12][inner], played[12:][inner])


def test_no_frame_is_sampled_twice_although_windows_overlap():
    engine = FakeEngine()
    frames = list(stylize(make_controls(40), engine, RenderSettings(steps=1, blend_frames=3), window_frames=5))
    assert len(frames) == engine.num_sampled == 40


def test_control_pictures_of_another_size_are_refused_in_one_line():
    wrong = [ControlFrame(0, 0.0, np.zeros((8, 10, 3), np.uint8))]
    with pytest.raises(SettingsError, match="frame 0: control picture is 10x8, engine fake needs 12x8"):
        list(stylize(wrong, FakeEngine(), PLAIN))


def test_shared_noise_makes_equal_controls_equal_pictures_and_own_noise_does_not(pool):
    engine = FakeEngine(leak=0.3)
    window = make_window(6, engine, still=True)
    flow = FlowDenoiser(engine, 2, pool=pool)
    shared = SharedNoise(flow, share=1.0, seed=0)(window)
    assert all(np.array_equal(latents, shared[0]) for latents in shared)
    assert flow(window).std(axis=0).max() > 0.01


def test_mixed_noise_keeps_the_variance():
    seen = []

    class Recorder:
        context_frames = 0

        def __call__(self, window):
            seen.append(window.noise_NChw)
            return window.noise_NChw

    window = make_window(400, FakeEngine())
    SharedNoise(Recorder(), share=0.3, seed=1)(window)
    assert abs((seen[0] ** 2).mean() - 1) < 0.1
    assert abs(np.corrcoef(seen[0][:100].ravel(), seen[0][100:200].ravel())[0, 1] - 0.3) < 0.1


def test_blending_steadies_what_stands_still_and_leaves_alone_what_moves(pool):
    engine = FakeEngine(leak=0.5)
    flow = FlowDenoiser(engine, 1, pool=pool)
    still, moving = make_window(9, engine, still=True), make_window(9, engine)
    blended = BlendedOverTime(flow, reach=2)
    assert blended(still).std(axis=0).mean() < 0.6 * flow(still).std(axis=0).mean()
    np.testing.assert_allclose(blended(moving), flow(moving), atol=1e-4)


def test_blending_by_hand(pool):
    """Three still frames: the middle is the mean of all, an end the mean of two."""
    engine = FakeEngine(leak=0.5)
    flow = FlowDenoiser(engine, 1, pool=pool)
    window = make_window(3, engine, still=True)
    plain, blended = flow(window), BlendedOverTime(flow, reach=1)(window)
    np.testing.assert_allclose(blended[1], plain.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(blended[0], plain[:2].mean(axis=0), atol=1e-6)


def test_wrappers_stack_in_any_order_and_add_up_their_context(pool):
    engine = FakeEngine(leak=0.3)
    window = make_window(8, engine, still=True)
    inner = SharedNoise(Remembered(FlowDenoiser(engine, 1, pool=pool), capacity=8), share=1.0, seed=0)
    outer = BlendedOverTime(BlendedOverTime(inner, reach=1), reach=2)
    assert outer.context_frames == 3
    assert outer(window).shape == window.noise_NChw.shape


def test_memory_of_latents_is_bounded(pool):
    engine = FakeEngine()
    remembered = Remembered(FlowDenoiser(engine, 1, pool=pool), capacity=4)
    window = make_window(12, engine)
    for start in range(0, 12, 4):
        remembered(window.take(np.arange(start, start + 4)))
    remembered(window.take(np.arange(0, 4)))
    assert engine.num_sampled == 16


def test_settings_out_of_range_are_refused_in_one_line():
    with pytest.raises(SettingsError, match="steps: got 0, expected 1 to 64"):
        replace(PLAIN, steps=0)
    with pytest.raises(SettingsError, match="exclude each other"):
        RenderSettings(alpha=True, side_by_side=True)
