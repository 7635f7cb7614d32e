"""The picture and the events of a training."""

import cv2
import numpy as np
import pytest

from perfkit.training.lora.curves import smooth, write_curves, write_events


def test_curves_are_drawn_with_and_without_scores(tmp_path):
    losses = np.linspace(1, 0.3, 60).tolist()
    for scores in ([], [(20, 15.0), (40, 17.0), (60, 16.5)]):
        path = write_curves(tmp_path / "curves", title="zib", losses=losses, scores=scores, best_step=40)
        picture = cv2.imread(str(path))
        assert picture is not None and picture.std() > 10
    assert [file.name for file in (tmp_path / "curves").iterdir()] == ["train.png"]


def test_smoothing_keeps_a_straight_line_and_its_length():
    line = np.linspace(0, 1, 200)
    assert np.allclose(smooth(line)[10:-10], line[10:-10])
    assert len(smooth(line)) == 200


def test_events_hold_every_number(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for _ in range(2):
        assert write_events(tmp_path, losses=[1.0, 0.5], scores=[(2, 20.0)])
    assert len(list(tmp_path.iterdir())) == 1
    events = reader.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]
    assert [(event.step, event.value) for event in events.Scalars("held_out/psnr_db")] == [(2, 20.0)]
