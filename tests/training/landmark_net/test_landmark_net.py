"""The landmark network learns, resumes, and reads pictures of any size."""

import numpy as np
import pytest
import torch

from perfkit.errors import WeightsError
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.landmark_net.crops import CROPS_PER_DRAWING, make_crops
from perfkit.training.landmark_net.net import WEIGHTS_PATH, tensor_from_crops
from perfkit.training.landmark_net.network import LandmarkNetwork
from perfkit.training.landmark_net.train import (
    NETWORK,
    RATES,
    LandmarkSettings,
    learn,
    make_landmark_state,
    measure_landmark_net,
    save_weights,
    train_landmark_net,
)
from perfkit.training.optimise.loop import Pace
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS

SHORT = LandmarkSettings(steps=3, num_drawings=1)


def test_crops_are_a_function_of_their_index():
    first, again, other = (make_crops(index, num_drawings=1) for index in (5, 5, 6))
    assert first.pictures.shape == (CROPS_PER_DRAWING, 128, 128, 3)
    assert first.points.shape == (CROPS_PER_DRAWING, NUM_CONTOUR_POINTS, 2)
    assert np.array_equal(first.pictures, again.pictures) and np.array_equal(first.points, again.points)
    assert not np.array_equal(first.pictures, other.pictures)


def test_the_first_crop_of_a_drawing_is_as_close_as_the_last_look():
    for index in range(4):
        crops = make_crops(index, num_drawings=2)
        close = crops.points[::CROPS_PER_DRAWING]
        spans = (close.max(axis=1) - close.min(axis=1)).max(axis=-1)
        assert np.all((spans > 0.45) & (spans < 1.0)), spans


def test_a_training_begins_from_given_weights(tmp_path):
    network = LandmarkNetwork()
    save_weights(LandmarkNet(network), tmp_path / "w.safetensors")
    settings = LandmarkSettings(steps=2, num_drawings=1, start=tmp_path / "w.safetensors", rates=RATES.scaled(0.0))
    begun = make_landmark_state(settings).networks[NETWORK].state_dict()
    assert all(torch.equal(begun[name], tensor.half().float()) for name, tensor in network.named_parameters())
    trained = train_landmark_net(tmp_path / "run", settings).network
    assert all(torch.equal(begun[name], tensor) for name, tensor in trained.named_parameters())


def test_network_learns_one_drawing_by_heart():
    crops = make_crops(3, num_drawings=1)
    settings = LandmarkSettings(steps=100, warmup_steps=5)
    state = make_landmark_state(settings)
    losses = [learn(state, crops, step, settings) for step in range(settings.steps)]
    assert losses[-1] < 0.35 * losses[0]
    with torch.no_grad():
        points, _, _ = state.networks[NETWORK](tensor_from_crops(crops.pictures))
    seen = crops.visibility >= 0.5
    assert np.linalg.norm(points.numpy() - crops.points, axis=-1)[seen].mean() < 0.05


def test_a_resumed_training_gives_the_same_weights(tmp_path):
    def stop(step: int, loss: float, drawings_per_second: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    whole = train_landmark_net(tmp_path / "whole", SHORT).network.state_dict()
    with pytest.raises(KeyboardInterrupt):
        train_landmark_net(tmp_path / "parts", SHORT, Pace(on_progress=stop, progress_steps=1, save_steps=1))
    resumed = train_landmark_net(tmp_path / "parts", SHORT).network.state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    train_landmark_net(tmp_path / "run", SHORT)
    (tmp_path / "run" / "landmarks.safetensors").write_bytes(b"\x10" * 50)
    with pytest.raises(WeightsError, match="delete it"):
        train_landmark_net(tmp_path / "run", SHORT)


def test_predictions_scale_with_the_picture(tmp_path):
    save_weights(LandmarkNet(LandmarkNetwork()), tmp_path / "w.safetensors")
    net = LandmarkNet.load(tmp_path / "w.safetensors")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    small = net.predict(pictures)
    large = net.predict(pictures.repeat(4, axis=1).repeat(4, axis=2))
    assert small.points.shape == (2, NUM_CONTOUR_POINTS, 2) and small.confidence.shape == (2,)
    assert small.visibility.shape == (2, NUM_CONTOUR_POINTS)
    assert np.abs(large.points / 4 - small.points).max() < 3
    assert net.predict(pictures[:0]).points.shape == (0, NUM_CONTOUR_POINTS, 2)


def test_variances_past_the_end_of_float16_are_kept(tmp_path):
    network = LandmarkNetwork()
    network.fine_mix[1].running_var.fill_(90_000.0)
    save_weights(LandmarkNet(network), tmp_path / "w.safetensors")
    assert LandmarkNet.load(tmp_path / "w.safetensors").network.fine_mix[1].running_var.eq(90_000.0).all()


def test_pictures_that_are_no_rgb_bytes_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        LandmarkNet(LandmarkNetwork()).predict(np.zeros((1, 8, 8, 4), np.uint8))


def test_absent_and_foreign_weights_are_refused_in_one_line(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"\x00" * 9)
    for path in (tmp_path / "none.safetensors", tmp_path / "bad.safetensors"):
        with pytest.raises(WeightsError, match="landmark network does not load") as caught:
            LandmarkNet.load(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not WEIGHTS_PATH.is_file(), reason="the landmark network is not trained yet")
def test_packaged_network_reads_held_out_puppets():
    assert WEIGHTS_PATH.stat().st_size <= 8_000_000
    assert measure_landmark_net(LandmarkNet.load(), 24).median < 0.08


def test_one_head_unit_is_half_the_height_of_a_face():
    crops = make_crops(11, num_drawings=2)
    oval = crops.points[:, CONTOUR_SLICES["face_oval"]]
    height = np.linalg.norm(oval.max(axis=1) - oval.min(axis=1), axis=-1)
    assert np.all((1.6 * crops.unit < height) & (height < 4 * crops.unit))
