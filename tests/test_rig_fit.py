"""A rig fitted to points that a known rig drew is that rig; what no drawing shows stays the average adult's."""

from dataclasses import replace

import numpy as np
import pytest

from perfkit.pack import list_character_names, load_pack
from perfkit.proportions import Channel
from perfkit.rig import HUMAN_RIG, Rig, face_points, pose_face, present_rows, rest_head, rest_points
from perfkit.rig_fit import RigEvidence, fit_rig
from perfkit.training.puppet import sample_character
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES, CONTOUR_SLICES

CANVAS_WH = (256, 256)
TURNS_DEG = (0.0, -6.0, 8.0, -35.0, 35.0, 60.0)
OPEN, DOWN, SHUT = (
    {"jawOpen": 0.8},
    {"browDownLeft": 1.0, "browDownRight": 1.0},
    {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
)


def draw(rig: Rig, *, turns_deg=TURNS_DEG, faces=({},), exact: bool = True) -> RigEvidence:
    """Return what is known of a rig's drawings: every turn with every face, each a little aside of the last."""
    rows, told = [], []
    for face in faces:
        for index, yaw_deg in enumerate(turns_deg):
            head = rest_head(rig, CANVAS_WH)
            head[:3], head[3:5] = (yaw_deg, 0, 3), head[3:5] + 2 * index
            row = np.zeros(len(BLENDSHAPES), np.float32)
            for name, weight in face.items():
                row[BLENDSHAPE_INDEX[name]] = weight
            rows.append(head)
            told.append(row)
    heads, weights = np.array(rows), np.array(told)
    points, visibility = pose_face(face_points(rig, weights), heads)
    num = len(heads)
    everyone = np.ones(num, dtype=bool)
    return RigEvidence(points, visibility * present_rows(rig), heads, weights, everyone, np.full(num, exact), everyone)


def error_of(rig: Rig, truth: Rig) -> float:
    """Return the mean way between two rigs' contours at rest, in eye distances of the second."""
    rows = present_rows(truth)
    way = np.linalg.norm(rest_points(rig) - rest_points(truth), axis=1)[rows]
    return float(way.mean() / (2 * truth.eye_x))


@pytest.mark.parametrize("seed", range(6))
def test_a_puppets_rig_comes_back_from_its_points(seed):
    truth = sample_character(seed).rig
    fit = fit_rig(draw(truth), canvas_wh=CANVAS_WH)
    assert (fit.num_ahead, fit.num_turned, fit.num_told) == (3, 3, 0)
    assert fit.error < 0.02
    assert error_of(fit.rig, truth) < 0.25 * error_of(HUMAN_RIG, truth) + 0.01
    assert fit.rig.head_scale == pytest.approx(truth.head_scale, rel=0.03)
    assert abs(fit.rig.depth - truth.depth) < 0.6 * abs(HUMAN_RIG.depth - truth.depth) + 0.05


@pytest.mark.parametrize("name", list_character_names())
def test_a_sample_characters_rig_comes_back_from_its_drawings(name):
    pack = load_pack(name)
    marks, num = pack.load_landmarks(), len(pack.art)
    everyone = np.ones(num, dtype=bool)
    evidence = RigEvidence(marks.face, marks.visibility, marks.head, marks.weights, everyone, everyone, everyone)
    fit = fit_rig(evidence, canvas_wh=pack.canvas_wh)
    assert error_of(fit.rig, pack.rig) < 0.02 < error_of(HUMAN_RIG, pack.rig)
    assert fit.rig.mouth_open == pytest.approx(pack.rig.mouth_open, abs=0.03)


def test_faces_that_are_told_say_how_far_mouth_brows_and_lids_travel():
    truth = replace(HUMAN_RIG, eye_height=0.4, mouth_open=0.7, brow_gain=0.28, lid_close=0.55, jaw_drop=0.1)
    faces = ({}, OPEN, DOWN, SHUT)
    fit = fit_rig(draw(truth, faces=faces, turns_deg=(0.0, 10.0, -10.0)), canvas_wh=CANVAS_WH)
    assert fit.num_told == 9
    for name in ("mouth_open", "brow_gain", "lid_close", "jaw_drop"):
        assert getattr(fit.rig, name) == pytest.approx(getattr(truth, name), abs=0.03, rel=0.08), name


def test_the_networks_reading_of_an_extreme_face_is_no_measure_of_travel():
    truth = replace(HUMAN_RIG, mouth_open=0.7, mouth_width=0.26)
    fit = fit_rig(draw(truth, faces=({}, OPEN), exact=False), canvas_wh=CANVAS_WH)
    assert fit.num_told == 0
    assert fit.rig.mouth_open == pytest.approx(0.5 * HUMAN_RIG.mouth_open, rel=0.1)


def test_depth_stays_usual_where_no_head_is_turned():
    truth = replace(HUMAN_RIG, depth=1.1, eye_width=0.5)
    fit = fit_rig(draw(truth, turns_deg=(0.0, 0.0, 0.0)), canvas_wh=CANVAS_WH)
    assert fit.num_turned == 0 and fit.rig.depth == HUMAN_RIG.depth
    assert fit.rig.eye_width == pytest.approx(0.5, abs=0.02)


def test_drawings_in_three_quarter_view_alone_will_do():
    truth = sample_character(3).rig
    fit = fit_rig(draw(truth, turns_deg=(30.0, -30.0, 30.0)), canvas_wh=CANVAS_WH)
    assert fit.num_ahead == 3 and error_of(fit.rig, truth) < 0.5 * error_of(HUMAN_RIG, truth)


def test_one_misread_point_in_ten_hardly_matters():
    truth = sample_character(1).rig
    evidence = draw(truth)
    rng = np.random.default_rng(0)
    points = evidence.points.copy()
    wrong = rng.random(points.shape[:2]) < 0.1
    points[wrong] += rng.normal(0, 20, (int(wrong.sum()), 2))
    fit = fit_rig(replace(evidence, points=points), canvas_wh=CANVAS_WH)
    assert error_of(fit.rig, truth) < 0.04


def test_nothing_to_fit_leaves_the_rig_as_it_is():
    kept = replace(HUMAN_RIG, eye_width=0.4, absent=frozenset({"nose"}))
    evidence = draw(HUMAN_RIG)
    for nothing in (
        replace(evidence, visibility=0 * evidence.visibility),
        replace(evidence, has_turn=~evidence.has_turn),
        draw(HUMAN_RIG, turns_deg=(70.0, 80.0)),
    ):
        fit = fit_rig(nothing, canvas_wh=CANVAS_WH, kept=kept)
        assert fit.rig == kept and fit.num_ahead == 0 and np.isnan(fit.error)


def test_absent_parts_and_channels_are_kept_and_their_points_do_not_count():
    kept = replace(HUMAN_RIG, absent=frozenset({"left_eye", "left_brow"}), channels=(Channel("jawOpen", 1.5),))
    truth = replace(HUMAN_RIG, eye_height=0.4)
    evidence = draw(truth)
    points = evidence.points.copy()
    points[:, CONTOUR_SLICES["left_eye"]] = 0
    fit = fit_rig(replace(evidence, points=points), canvas_wh=CANVAS_WH, kept=kept)
    assert fit.rig.absent == kept.absent and fit.rig.channels == kept.channels
    assert fit.rig.eye_height == pytest.approx(0.4, abs=0.02)
    assert fit.error < 0.01
