"""Truth by construction: a face of flat colours, mixtures of two palettes and of two shapes."""

import cv2
import numpy as np
import pytest

from perfkit.metrics.identity import (
    LEAST_DISTANCE,
    LEAST_SHAPE_DISTANCE,
    PALETTE_PARTS,
    measure_leak,
    measure_palette_distance,
    read_palette,
)
from perfkit.metrics.steadiness import lab_from_rgb
from perfkit.rig import HUMAN_RIG, Rig, face_points, pose_face, rest_points
from perfkit.vocabulary import BLENDSHAPES, CONTOUR_SLICES, NUM_CONTOUR_POINTS

COLOURS = {"skin": (220, 170, 140), "lips": (180, 60, 70), "brows": (60, 40, 20), "irises": (30, 90, 200)}
HAIR = (240, 220, 90)


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """Return a drawn face (256, 256, 3) and its points: every part in one colour, hair all around."""
    rest = face_points(HUMAN_RIG, np.zeros(len(BLENDSHAPES)))
    points = pose_face(rest, np.array([0, 0, 0, 128, 136, 90.0]))[0].astype(np.float64)
    image = np.full((256, 256, 3), HAIR, np.uint8)

    def fill(rows: slice, colour: tuple[int, int, int]) -> None:
        cv2.fillPoly(image, [np.rint(points[rows]).astype(np.int32)], colour)

    fill(CONTOUR_SLICES["face_oval"], COLOURS["skin"])
    for side in ("left", "right"):
        fill(CONTOUR_SLICES[f"{side}_brow"], COLOURS["brows"])
        fill(CONTOUR_SLICES[f"{side}_eye"], (250, 250, 250))
        rim = CONTOUR_SLICES[f"{side}_iris"]
        fill(slice(rim.start + 1, rim.stop), COLOURS["irises"])
    fill(CONTOUR_SLICES["outer_lips"], COLOURS["lips"])
    return image, points


def test_every_part_is_read_in_its_own_colour(face):
    image, points = face
    palette = read_palette(image, points, np.ones(NUM_CONTOUR_POINTS))
    wanted = [*(COLOURS[part] for part in PALETTE_PARTS[:-1]), HAIR]
    lab = lab_from_rgb(np.array([wanted], np.uint8))[0]
    assert np.abs(palette - lab).max() < 1


def test_parts_that_are_not_seen_are_not_read(face):
    image, points = face
    visibility = np.ones(NUM_CONTOUR_POINTS)
    for name in ("outer_lips", "inner_lips", "left_brow", "right_brow"):
        visibility[CONTOUR_SLICES[name]] = 0
    palette = read_palette(image, points, visibility)
    assert np.isnan(palette[[1, 2]]).all() and np.isfinite(palette[[0, 3, 4]]).all()
    assert np.isnan(read_palette(image, points, visibility * 0)).all()


def test_palette_distance_is_the_mean_over_seen_parts():
    reference = np.zeros((3, 3))
    palette = np.array([[3.0, 4, 0], [0, 0, 1], [np.nan] * 3])
    assert measure_palette_distance(palette, reference) == pytest.approx(3)
    assert np.isnan(measure_palette_distance(palette * np.nan, reference))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_mixture_leaks_by_its_share(share):
    own, performer = np.random.default_rng(0).uniform(0, 80, (2, 5, 3))
    mixed = own + share * (performer - own)
    mixed[3] = np.nan
    assert measure_leak(mixed, own, performer, least_distance=LEAST_DISTANCE) == pytest.approx(share)


def test_another_light_is_no_leak():
    own = np.full((2, 3), 50.0)
    performer, darker = own + [[0, 20, 0]], own - [[9, 0, 0]]
    assert measure_leak(darker, own, performer, least_distance=LEAST_DISTANCE) == 0


def test_a_performer_in_the_characters_own_colours_cannot_be_told():
    own = np.full((5, 3), 50.0)
    assert np.isnan(measure_leak(own + 1, own, own + 2, least_distance=LEAST_DISTANCE))
    assert np.isnan(measure_leak(own * np.nan, own, own + 50, least_distance=LEAST_DISTANCE))


def test_the_performers_face_shape_is_told_from_the_characters():
    own = rest_points(Rig(face_width=0.95, eye_width=0.5, eye_height=0.5, mouth_y=0.7)).astype(np.float64)[:, :2]
    performer = rest_points(HUMAN_RIG).astype(np.float64)[:, :2]
    half = 0.5 * own + 0.5 * performer
    assert measure_leak(half, own, performer, least_distance=LEAST_SHAPE_DISTANCE) == pytest.approx(0.5)
    wobbling = own + np.random.default_rng(1).normal(0, 0.02, own.shape)
    assert abs(measure_leak(wobbling, own, performer, least_distance=LEAST_SHAPE_DISTANCE)) < 0.05
