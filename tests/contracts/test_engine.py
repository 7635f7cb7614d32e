"""What every engine promises. A new engine adds its maker to the list."""

from dataclasses import replace

import numpy as np
import pytest
from fake_engine import FakeEngine

from perfkit.errors import SettingsError
from perfkit.inference.engine import ENGINES, EngineKeeper, EngineRequest, Lora, make_engine
from perfkit.inference.engines.nano import WEIGHTS_DIR
from perfkit.inference.sampling import make_noise
from perfkit.inference.settings import RuntimeSettings

CAPTION = "human brown hair"


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "perfkit-cache"


@pytest.fixture(scope="module", params=["fake", "nano openvino", "nano torch"])
def engine(request, cache_dir):
    name, _, backend = request.param.partition(" ")
    if name == "fake":
        return FakeEngine()
    if not WEIGHTS_DIR.is_dir():
        pytest.skip("the base's weights are not there")
    return make_engine(
        name, EngineRequest(CAPTION), RuntimeSettings(backend=backend, device="cpu", cache_dir=cache_dir)
    )


@pytest.fixture(scope="module")
def control_NHW3(engine):
    width, height = engine.canvas_wh
    return np.random.default_rng(0).integers(0, 256, (6, height, width, 3), dtype=np.uint8)


def test_shapes_and_types_are_as_declared(engine, control_NHW3):
    width, height = engine.canvas_wh
    noise = make_noise(np.arange(6), engine.latent_shape, seed=0)
    velocity = engine.predict_velocity(noise, 1.0, engine.condition(control_NHW3))
    assert (velocity.shape, velocity.dtype) == (noise.shape, np.float32)
    assert np.isfinite(velocity).all()
    pictures = engine.decode(noise)
    assert (pictures.shape, pictures.dtype) == ((6, height, width, 4), np.uint8)


def test_a_frame_does_not_depend_on_its_company(engine, control_NHW3):
    noise = make_noise(np.arange(6), engine.latent_shape, seed=0)
    together = engine.predict_velocity(noise, 0.5, engine.condition(control_NHW3))
    for rows in ([3], [5, 0], [1, 2, 3, 4, 5]):
        alone = engine.predict_velocity(noise[rows], 0.5, engine.condition(control_NHW3[rows]))
        assert np.array_equal(alone, together[rows])
        assert np.array_equal(engine.decode(noise[rows]), engine.decode(noise)[rows])


def test_the_same_call_gives_the_same_answer_again_and_again(engine, control_NHW3):
    noise = make_noise(np.arange(2), engine.latent_shape, seed=0)

    def call():
        velocity = engine.predict_velocity(noise, 0.75, engine.condition(control_NHW3[:2]))
        return velocity.tobytes() + engine.decode(noise).tobytes()

    first = call()
    for _ in range(2 * engine.num_workers):
        engine.predict_velocity(noise, 0.25, engine.condition(control_NHW3[2:4]))
        assert call() == first


def test_inputs_are_left_as_they_were(engine, control_NHW3):
    noise = make_noise(np.arange(3), engine.latent_shape, seed=0)
    before_noise, before_control = noise.copy(), control_NHW3.copy()
    engine.predict_velocity(noise, 1.0, engine.condition(control_NHW3[:3]))
    engine.decode(noise)
    assert np.array_equal(noise, before_noise)
    assert np.array_equal(control_NHW3, before_control)


def test_calls_from_several_threads_do_not_disturb_each_other(engine, control_NHW3):
    from concurrent.futures import ThreadPoolExecutor

    noise = make_noise(np.arange(6), engine.latent_shape, seed=0)

    def sample(row):
        return engine.predict_velocity(noise[row : row + 1], 0.5, engine.condition(control_NHW3[row : row + 1]))[0]

    with ThreadPoolExecutor(3) as pool:
        threaded = list(pool.map(sample, [0, 1, 2, 3, 4, 5] * 2))
    for row, velocity in enumerate(threaded):
        assert np.array_equal(velocity, sample(row % 6))


def test_an_unknown_engine_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"unknown engine 'nana'; known: .*nano"):
        make_engine("nana", EngineRequest(CAPTION))


def test_every_engine_of_the_table_is_in_this_suite():
    assert set(ENGINES) == {"nano"}


def test_a_keeper_makes_an_engine_anew_only_for_another_request_or_another_lora(tmp_path, monkeypatch):
    made = []

    def make(name, request, runtime):
        made.append(request)
        return object()

    monkeypatch.setattr("perfkit.inference.engine.make_engine", make)
    keeper, runtime, lora = EngineKeeper(), RuntimeSettings(num_threads=1), tmp_path / "a.safetensors"
    lora.write_bytes(b"one")
    request = EngineRequest(CAPTION, (Lora(lora),))
    first = keeper.make_engine("nano", request, runtime)
    assert keeper.make_engine("nano", request, replace(runtime, contact_sheet=tmp_path / "sheet.png")) is first
    assert keeper.make_engine("nano", replace(request, control_scale=0.5), runtime) is not first
    again = keeper.make_engine("nano", request, runtime)
    lora.write_bytes(b"other")
    assert keeper.make_engine("nano", request, runtime) is not again
    assert keeper.make_engine("nano", request, replace(runtime, num_threads=2)) is not again
    assert len(made) == 5
