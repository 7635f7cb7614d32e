"""The table counts what drawings show, and says what it cannot place."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from labelled_art import LIGHT, make_item, make_pack

from perfkit.coverage import Cell, measure_coverage
from perfkit.coverage.bins import FACES, NODS, TURNS, find_bin, find_faces
from perfkit.coverage.proof import Proof
from perfkit.coverage.table import find_cells
from perfkit.expression_names import EXPRESSION_WEIGHTS
from perfkit.pack import list_character_names, load_pack


@pytest.mark.parametrize(
    ("yaw_deg", "name"),
    [(-90, "profile left"), (-75.1, "profile left"), (-75, "far left"), (-45, "left"), (-15.01, "left"),
     (-15, "front"), (0, "front"), (14.9, "front"), (15, "right"), (45, "far right"), (75, "profile right"),
     (180, "profile right"), (-180, "profile left")],
)  # fmt: skip
def test_every_angle_lies_in_one_bin(yaw_deg, name):
    assert find_bin(TURNS, yaw_deg).name == name


def test_bins_leave_no_room_between_them_and_uses_sum_to_one():
    for bins in (TURNS, NODS):
        assert all(left.high_deg == right.low_deg for left, right in pairwise(bins))
        assert all(each.low_deg <= each.middle_deg < each.high_deg for each in bins)
        assert sum(each.use for each in bins) == pytest.approx(1)
    assert sum(face.use for face in FACES) == pytest.approx(1)


@pytest.mark.parametrize(
    ("weights", "faces"),
    [
        ({}, {"calm"}),
        ({"mouthSmileLeft": 0.34, "mouthSmileRight": 0.34}, {"calm"}),
        ({"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "jawOpen": 0.6}, {"smile", "mouth open"}),
        ({"jawOpen": 0.6, "mouthClose": 1.0}, {"calm"}),
        ({"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, {"eyes shut"}),
        ({"eyeBlinkLeft": 1}, {"wink"}),
        ({"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5}, {"calm"}),
        ({"browDownLeft": 0.8, "browDownRight": 0.8}, {"angry"}),
        ({"browInnerUp": 0.7}, {"sad"}),
        ({"browInnerUp": 0.7, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7}, {"surprised"}),
    ],
)
def test_faces_are_read_off_weights(weights, faces):
    assert set(find_faces(weights)) == faces


def test_every_bin_of_the_face_has_a_name_that_people_use():
    named = {face for weights in EXPRESSION_WEIGHTS.values() for face in find_faces(weights)}
    assert named == {face.name for face in FACES}


def test_a_drawing_counts_once_in_turn_and_in_every_face_that_it_makes():
    weights = {"jawOpen": 0.6, "mouthSmileLeft": 1, "mouthSmileRight": 1}
    laugh = make_item("a.png", yaw_deg=-40, pitch_deg=20, expression="laugh", weights=weights)
    coverage = measure_coverage(make_pack(laugh, make_item("b.png")))
    assert coverage.cells == {
        Cell("left", "down", "mouth open", LIGHT): (0,),
        Cell("left", "down", "smile", LIGHT): (0,),
        Cell("front", "level", "calm", LIGHT): (1,),
    }
    assert coverage.find(turn="left") == (0,) and coverage.find(face="smile", nod="down") == (0,)
    assert coverage.find(light="hard leftlight") == () and coverage.find() == (0, 1)


def test_a_name_without_shape_has_a_row_of_its_own():
    smug = make_item("a.png", expression="smug", sources={"expression": "sidecar"})
    coverage = measure_coverage(make_pack(smug))
    assert coverage.faces[-1] == "smug" and coverage.find(face="smug") == (0,)


def test_a_name_with_a_shape_counts_by_it():
    assert find_cells(make_item("a.png", expression="Happy", sources={"expression": "person"}))[0].face == "smile"


def test_what_is_not_known_is_in_no_cell_and_named():
    unknown = [
        make_item("a.png", yaw_deg=None, pitch_deg=None, expression="smile", sources={"expression": "person"}),
        make_item("b.png", sources={"angle": "person", "light": "assumed"}),
        make_item("c.png", yaw_deg=None, pitch_deg=None, sources={"light": "assumed"}),
    ]
    coverage = measure_coverage(make_pack(*unknown))
    assert not coverage.cells
    assert [(each.file, each.missing) for each in coverage.unplaced] == [
        ("a.png", "angle"), ("b.png", "expression"), ("c.png", "angle and expression")
    ]  # fmt: skip
    assert coverage.without_points == ("a.png", "b.png", "c.png")


def test_the_packs_own_light_comes_first():
    pack = make_pack(make_item("a.png", light="hard leftlight"), make_item("b.png"))
    assert measure_coverage(pack).lights == (LIGHT, "hard leftlight")


def test_scores_are_averaged_over_nods_and_lights():
    cells = {Cell("front", "level", "calm", LIGHT): 20.0, Cell("front", "up", "calm", LIGHT): 30.0}
    coverage = replace(measure_coverage(make_pack(make_item("a.png"))), proof=Proof(cells, (), frozenset()))
    assert coverage.find_score(turn="front", face="calm") == 25.0
    assert coverage.find_score(turn="front", face="smile") is None


@pytest.mark.parametrize("name", list_character_names())
def test_expressions_without_name_or_weights_are_read_off_the_points(name):
    """Shut eyes and open mouths of the samples are found from their control points alone."""
    pack = load_pack(name)
    bare = tuple(replace(item, weights={}, sources={"light": "drawn"}) for item in pack.art)
    known, read = measure_coverage(pack), measure_coverage(replace(pack, art=bare))
    assert not read.unplaced and not read.without_points
    for face, least in (("eyes shut", 0.8), ("mouth open", 0.8)):
        truth, found = set(known.find(face=face)), set(read.find(face=face))
        assert len(truth & found) >= least * len(truth)
        assert len(found - truth) <= 0.2 * len(pack.art)


@pytest.mark.parametrize("name", list_character_names())
def test_every_sample_drawing_has_its_place(name):
    coverage = measure_coverage(load_pack(name))
    assert not coverage.unplaced and not coverage.without_points
    counted = [index for turn in TURNS for index in coverage.find(turn=turn.name)]
    assert sorted(counted) == list(np.arange(len(coverage.files)))
