"""Placed drawings: picture and control points move together."""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from perfkit.control import NANO_COLOURS, draw_control_frame
from perfkit.errors import PackError
from perfkit.pack import CharacterPack
from perfkit.training import dataset
from perfkit.training.dataset import Placing, iterate_placed
from perfkit.vocabulary import NUM_CONTOUR_POINTS


class Rows(NamedTuple):
    """Placed drawings, stacked."""

    pictures: np.ndarray
    controls: np.ndarray
    features: np.ndarray
    drawing_index: np.ndarray


def make(pack: CharacterPack, num_placements: int = 3, seed: int = 0, side: int = 256, drawings=None) -> Rows:
    """Place drawings with the defaults of these tests."""
    rows = list(iterate_placed(pack, Placing((side, side), "nano", num_placements, seed), drawings))
    columns = zip(*((row.picture, row.control, row.features, row.drawing) for row in rows), strict=True)
    return Rows(*map(np.stack, columns))


def test_first_placement_is_the_drawing_as_it_is(tiny_pack):
    rows = make(tiny_pack)
    landmarks = tiny_pack.load_landmarks()
    assert rows.drawing_index.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for index in range(3):
        drawn = cv2.imread(str(tiny_pack.art_paths()[index]), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(rows.pictures[3 * index], cv2.cvtColor(drawn, cv2.COLOR_BGRA2RGBA))
        control = draw_control_frame(
            landmarks.face[index], landmarks.visibility[index], body=landmarks.body[index], hands=landmarks.hands[index]
        )
        assert np.array_equal(rows.controls[3 * index], control)


def test_same_seed_same_bytes_and_another_seed_others(tiny_pack):
    first, again, other = make(tiny_pack), make(tiny_pack), make(tiny_pack, seed=1)
    assert np.array_equal(first.pictures, again.pictures) and np.array_equal(first.controls, again.controls)
    assert not np.array_equal(first.pictures, other.pictures)


def test_a_drawing_is_placed_alike_whichever_others_are_asked_for(tiny_pack):
    assert np.array_equal(make(tiny_pack, drawings=[1]).pictures, make(tiny_pack).pictures[3:6])


def test_a_drawn_dot_moves_with_its_point():
    picture = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(picture, (140, 60), 6, (255, 255, 255, 255), -1)
    transform = dataset._make_similarity(np.array([6.0, 1.1, 0.04, -0.03]), (200, 200))
    moved = dataset._warp(picture, transform)[..., 3].astype(float)
    rows, columns = np.mgrid[:200, :200] + 0.5
    centre = np.array([(columns * moved).sum(), (rows * moved).sum()]) / moved.sum()
    assert np.allclose(centre, dataset._move(np.array([[140.5, 60.5]]), transform)[0], atol=0.1)


def test_colours_are_premultiplied(tiny_pack):
    path = tiny_pack.art_paths()[0]
    cv2.imwrite(str(path), np.full((256, 256, 4), (200, 100, 50, 51), np.uint8))
    assert make(tiny_pack, 1).pictures[0, 0, 0].tolist() == [10, 20, 40, 51]


def test_another_canvas_is_scaled_to_the_base(tiny_pack):
    rows = make(tiny_pack, 1, side=128)
    assert rows.pictures.shape == (3, 128, 128, 4) and rows.controls.shape == (3, 128, 128, 3)
    assert rows.pictures[0, 55, 64, 3] == 255


@pytest.mark.parametrize("wrong", [np.zeros((256, 256, 3), np.uint8), np.zeros((99, 256, 4), np.uint8), None])
def test_a_drawing_that_is_no_rgba_picture_of_the_canvas_is_refused(tiny_pack, wrong):
    path = tiny_pack.art_paths()[1]
    path.write_bytes(b"not a picture") if wrong is None else cv2.imwrite(str(path), wrong)
    with pytest.raises(PackError, match="expected an 8-bit RGBA"):
        make(tiny_pack)


def test_a_pack_without_drawings_or_landmarks_cannot_train(tiny_pack):
    with pytest.raises(PackError, match="needs drawings"):
        make(replace(tiny_pack, art=()))
    with pytest.raises(PackError, match="control points"):
        make(replace(tiny_pack, landmarks=None))


def test_features_are_where_the_control_picture_shows_eyes_brows_and_lips_and_nowhere_else(tiny_pack):
    rows = make(tiny_pack)
    lips = np.abs(rows.controls.astype(int) - NANO_COLOURS["outer_lips"]).max(axis=-1) < 8
    outline = np.abs(rows.controls.astype(int) - NANO_COLOURS["face_oval"]).max(axis=-1) < 8
    assert lips.any() and outline.any()
    assert rows.features[lips].all() and not rows.features[outline].all()
    assert 0.005 < rows.features.mean() < 0.1


def test_what_a_drawing_lacks_is_no_feature():
    nowhere = np.full((NUM_CONTOUR_POINTS, 2), np.nan)
    assert not dataset._find_features(nowhere, np.zeros(NUM_CONTOUR_POINTS), (64, 64)).any()
