"""Hand-placed points: what was committed holds together, and a reader is measured against them as it should be."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from perfkit.errors import PackError
from perfkit.face_reading import StillReadings
from perfkit.training.landmark_net import LandmarkNet
from perfkit.training.landmark_net.marks import MarkedDrawing, MarkedSet, measure_art, measure_marks, read_marks
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS


def test_every_set_says_whose_the_drawings_are_and_marks_enough_of_them():
    sets = read_marks()
    assert {name for name, each in sets.items() if each.licence.startswith("CC")} == set(sets)
    assert len(sets["godette"].drawings) >= 12 and len(sets) >= 4
    for each in sets.values():
        assert each.source and len(each.drawings) >= 6
        for drawing in each.drawings:
            places = np.array(list(drawing.points.values()))
            assert len(places) >= 10 and (places >= 0).all() and (places <= 512).all(), drawing.file
            if {"left_iris", "right_iris"} <= drawing.points.keys():
                assert drawing.points["left_iris"][0] > drawing.points["right_iris"][0], drawing.file
            assert drawing.points["upper_lip"][1] <= drawing.points["lower_lip"][1] < drawing.points["chin"][1]


def test_error_counts_in_eye_distances_and_only_where_a_face_was_seen():
    contours = np.zeros((2, NUM_CONTOUR_POINTS, 2))
    contours[:, CONTOUR_SLICES["left_iris"].start] = 60, 50
    contours[:, CONTOUR_SLICES["face_oval"]] = np.linspace([0, 0], [0, 100], 36)
    marks = {"left_iris": np.array([60.0, 53.0]), "jaw_left": np.array([8.0, 31.0])}
    marked = MarkedSet("s", "us", "CC0-1.0", 40.0, (MarkedDrawing("a", marks), MarkedDrawing("b", marks)))
    figures = measure_marks(marked, contours, np.array([True, False]))
    assert (figures.num_drawings, figures.num_found) == (2, 1)
    assert figures.by_part["irises"] == pytest.approx(3 / 40)
    assert figures.by_part["face"] == pytest.approx(8 / 40)
    assert figures.error == pytest.approx(5.5 / 40)
    assert np.isnan(measure_marks(marked, contours, np.array([False, False])).error)


def test_marks_read_as_points_give_no_error_but_at_the_jaw(tmp_path):
    """Whatever maps marks to contour points maps each to its own."""
    for each in read_marks().values():
        drawing = each.drawings[0]
        for name, place in drawing.points.items():
            if not name.startswith("jaw"):
                alone = MarkedSet("s", "us", "CC0-1.0", 100.0, (MarkedDrawing("a", {name: place}),))
                assert measure_marks(alone, np.tile(place, (1, NUM_CONTOUR_POINTS, 1)), np.array([True])).error == 0


def test_a_folder_of_another_name_is_refused(tmp_path):
    with pytest.raises(PackError, match="marked are godette"):
        measure_art(tmp_path, LandmarkNet.load(), read_marks())


def test_packaged_network_finds_a_strangers_3d_character(godette_dir):
    figures = measure_art(godette_dir, LandmarkNet.load(), read_marks())
    assert figures.num_found == 12 and figures.median < 0.12


@pytest.mark.skipif(importlib.util.find_spec("dicebear") is None, reason="dicebear is not installed")
def test_drawings_made_on_the_spot_are_those_that_were_marked(tmp_path):
    spec = importlib.util.spec_from_file_location(
        "draw_dicebear", Path(__file__).resolve().parents[3] / "scripts" / "draw_dicebear.py"
    )
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.draw_faces("lorelei", tmp_path / "lorelei", 11)
    figures = measure_art(tmp_path / "lorelei", LandmarkNet.load(), read_marks())
    assert figures.num_found == 6 and figures.by_part["irises"] < 0.1


class Nobody:
    """A reader that sees no face."""

    def predict(self, images_rgb: np.ndarray) -> StillReadings:
        """Return nothing for every picture."""
        num = len(images_rgb)
        return StillReadings(np.zeros((num, NUM_CONTOUR_POINTS, 2)), np.zeros((num, NUM_CONTOUR_POINTS)), np.zeros(num))


def test_a_reader_that_sees_nobody_has_found_nothing(godette_dir):
    figures = measure_art(godette_dir, Nobody(), read_marks())
    assert figures.num_found == 0 and np.isnan(figures.error)
