"""Heads and faces are read off exact control points of rigs that the reader does not know."""

import numpy as np
import pytest
from synthetic_performer import CHIBI

from perfkit.face_reading import estimate_heads, estimate_weights, fit_place
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.rig import face_points, pose_face, present_rows
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES

WIDE = Rig(
    face_width=0.95, jaw=1.3, eye_x=0.42, eye_y=0.0, eye_width=0.45, eye_height=0.4, mouth_y=0.6, mouth_width=0.4
)
RIGS = {"human": HUMAN_RIG, "chibi": CHIBI, "wide": WIDE}


def make_weights(**shapes: float) -> np.ndarray:
    """Return (52,) with both sides of each named blendshape set."""
    row = np.zeros(52, np.float32)
    for name, value in shapes.items():
        for full_name in (name, f"{name}Left", f"{name}Right"):
            if full_name in BLENDSHAPE_INDEX:
                row[BLENDSHAPE_INDEX[full_name]] = value
    return row


def pose(rig: Rig, angles: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points, visibility and head channels of heads (N, 3) at various places."""
    num = len(angles)
    place = np.column_stack([np.linspace(90, 160, num), np.linspace(140, 100, num), np.linspace(40, 70, num)])
    head = np.concatenate([angles, place], axis=1).astype(np.float32)
    points, visibility = pose_face(face_points(rig, np.broadcast_to(weights, (num, 52))), head)
    return points, visibility * present_rows(rig), head


ANGLES = np.array(
    [(yaw, pitch, roll) for yaw in (-70, -40, -15, 0, 25, 55) for pitch, roll in ((-15, 8), (0, 0), (18, -12))]
)


@pytest.mark.parametrize("name", RIGS)
def test_turn_place_and_size_are_found_whatever_the_proportions(name):
    points, visibility, head = pose(RIGS[name], ANGLES, make_weights())
    found = estimate_heads(points, visibility)
    error = np.abs(found - head)
    assert error[:, 0].mean() < 4 and error[:, 0].max() < 10
    assert error[:, 1].mean() < 7 and error[:, 2].mean() < 3
    assert np.abs(found[:, 5] / head[:, 5] - 1).max() < 0.25
    assert (error[:, 3:5] / head[:, 5:]).max() < 0.25


def test_an_expression_hardly_turns_the_head():
    weights = make_weights(jawOpen=0.8, mouthSmile=0.7, browOuterUp=0.8, eyeWide=0.5)
    points, visibility, head = pose(HUMAN_RIG, ANGLES, weights)
    assert np.abs(estimate_heads(points, visibility)[:, :2] - head[:, :2]).mean() < 6


def test_a_mirrored_face_is_turned_the_other_way():
    points, visibility, _ = pose(CHIBI, np.array([[35.0, 5.0, 3.0]]), make_weights())
    rows = np.arange(len(points[0]))
    for first, second in (("left_eye", "right_eye"), ("left_brow", "right_brow"), ("left_iris", "right_iris")):
        rows[CONTOUR_SLICES[first]], rows[CONTOUR_SLICES[second]] = (
            rows[CONTOUR_SLICES[second]].copy(),
            rows[CONTOUR_SLICES[first]].copy(),
        )
    oval, lips = CONTOUR_SLICES["face_oval"], CONTOUR_SLICES["outer_lips"]
    rows[oval] = oval.start + (-np.arange(36)) % 36
    rows[lips] = lips.start + (10 - np.arange(20)) % 20
    rows[CONTOUR_SLICES["nose_base"]] = rows[CONTOUR_SLICES["nose_base"]][::-1].copy()
    mirrored = points[:, rows] * (-1, 1) + (256, 0)
    here, there = estimate_heads(points, visibility)[0], estimate_heads(mirrored, visibility[:, rows])[0]
    assert there[0] == pytest.approx(-here[0], abs=1.5) and there[2] == pytest.approx(-here[2], abs=1.5)


def test_no_face_gives_nan():
    points, visibility, _ = pose(HUMAN_RIG, ANGLES[:2], make_weights())
    assert np.isnan(estimate_heads(points, visibility * 0)).all()
    assert estimate_heads(points[:0], visibility[:0]).shape == (0, 6)


def test_a_known_turn_is_kept_and_its_place_found():
    points, visibility, head = pose(HUMAN_RIG, ANGLES, make_weights())
    for index, angle in enumerate(ANGLES):
        found = fit_place(points[index], visibility[index], tuple(angle))
        assert np.array_equal(found[:3], np.float32(angle))
        assert found[3:] == pytest.approx(head[index, 3:], abs=0.5)


ACTS = {
    "calm": make_weights(),
    "open": make_weights(jawOpen=0.7),
    "shut": make_weights(eyeBlink=1.0),
    "smile": make_weights(mouthSmile=0.9),
    "frown": make_weights(mouthFrown=0.9),
    "raised": make_weights(browOuterUp=0.9, browInnerUp=0.9),
    "down": make_weights(browDown=0.9),
    "pout": make_weights(mouthPucker=0.9),
}
TELLING = {"open": "jawOpen", "shut": "eyeBlinkLeft", "smile": "mouthSmileLeft", "frown": "mouthFrownLeft",
           "raised": "browOuterUpLeft", "down": "browDownLeft", "pout": "mouthPucker"}  # fmt: skip


@pytest.mark.parametrize("name", RIGS)
def test_what_a_face_does_is_told_from_what_it_usually_does(name):
    acts = ["calm"] * 4 + list(ACTS)
    angles = np.array([[(-20, 0, 20)[index % 3], 0, 0] for index in range(len(acts))], dtype=float)
    points, visibility, head = pose(RIGS[name], angles, np.array([ACTS[act] for act in acts]))
    weights = estimate_weights(points, visibility, head)
    assert ((weights >= 0) & (weights <= 1)).all()
    for act, shape in TELLING.items():
        told = weights[:, BLENDSHAPE_INDEX[shape]]
        assert told[acts.index(act)] > 0.4, (act, told)
        assert told[:4].max() < 0.3, (act, told)


def test_one_shut_eye_is_a_wink_and_an_unseen_eye_does_as_the_other():
    wink = make_weights()
    wink[BLENDSHAPE_INDEX["eyeBlinkLeft"]] = 1.0
    acts = np.array([make_weights()] * 5 + [wink, make_weights(eyeBlink=1.0)])
    points, visibility, head = pose(HUMAN_RIG, np.zeros((7, 3)), acts)
    visibility[6, CONTOUR_SLICES["right_eye"]] = 0
    columns = [BLENDSHAPE_INDEX[f"eyeBlink{side}"] for side in ("Left", "Right")]
    blinks = estimate_weights(points, visibility, head)[:, columns]
    assert blinks[5, 0] > 0.8 and blinks[5, 1] < 0.2
    assert (blinks[6] > 0.8).all()


def test_a_character_without_mouth_or_eyes_is_read_without_complaint():
    bare = Rig(absent=frozenset({"mouth", "left_eye", "right_eye", "left_brow", "right_brow"}))
    points, visibility, head = pose(bare, np.zeros((5, 3)), make_weights())
    assert not estimate_weights(points, visibility, head).any()
    assert not estimate_weights(points[:1], visibility[:1], head[:1]).any()
