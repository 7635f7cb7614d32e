"""The picture and the events of a training."""

import cv2
import numpy as np
import pytest

from perfkit.training.lora.curves import Curves, smooth, write_curves, write_events

STRIP = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3)).astype(np.uint8)


def test_curves_are_drawn_with_and_without_held_out_drawings(tmp_path):
    losses, rates = np.linspace(1, 0.3, 60).tolist(), np.linspace(0.02, 0, 60).tolist()
    scores = [(20, 15.0), (40, 17.0), (60, 16.5)]
    heights = []
    for curves in (Curves(losses, rates, 60), Curves(losses, rates, 40, scores, [STRIP] * 3, STRIP)):
        picture = cv2.imread(str(write_curves(tmp_path / "curves", curves, title="zib")))
        assert picture is not None and picture.std() > 10
        heights.append(picture.shape[0])
    assert heights[1] > 1.5 * heights[0]
    assert [file.name for file in (tmp_path / "curves").iterdir()] == ["train.png"]


def test_smoothing_keeps_a_straight_line_and_its_length():
    line = np.linspace(0, 1, 200)
    assert np.allclose(smooth(line)[10:-10], line[10:-10])
    assert len(smooth(line)) == 200


def test_events_hold_every_number_and_the_renders(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    curves = Curves([1.0, 0.5], [0.25, 0.125], 2, [(2, 20.0)], [STRIP], STRIP)
    for _ in range(2):
        assert write_events(tmp_path, curves)
    assert len(list(tmp_path.iterdir())) == 1
    events = reader.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]
    assert [(event.step, event.value) for event in events.Scalars("train/rate")] == [(1, 0.25), (2, 0.125)]
    assert [(event.step, event.value) for event in events.Scalars("held_out/psnr_db")] == [(2, 20.0)]
    [renders] = events.Images("held_out/renders")
    shown = cv2.imdecode(np.frombuffer(renders.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(shown[..., ::-1], np.concatenate(list(STRIP), axis=1))
