"""What a reader's readings mean is learned on the character's own drawings, whose points are known."""

from dataclasses import replace

import numpy as np
import pytest

from perfkit.art import read_art
from perfkit.metrics.acting import measure_head_error_deg
from perfkit.metrics.identity import PALETTE_PARTS, measure_palette_distance
from perfkit.pack import list_character_names, load_pack
from perfkit.rig import pose_face, rotation_from_head
from perfkit.score.matte import draw_face_hull, find_matte, lay_over_grey
from perfkit.score.palettes import read_art_palette
from perfkit.score.reader import FaceQueue, measure_reader, understand_faces
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS


class ArtReader:
    """Gives the exact points of a pack's drawings, displaced as wished."""

    def __init__(self, pack, displace=lambda points: points):
        landmarks = pack.load_landmarks()
        self.points, self.visibility = displace(landmarks.face), landmarks.visibility
        self.confidence = np.ones(len(landmarks), np.float32)
        self._next = 0

    def predict(self, images_rgb):
        """Return the next drawings' points."""
        part = slice(self._next, self._next + len(images_rgb))
        self._next = part.stop
        return replace_reading(self.points[part], self.visibility[part], self.confidence[part])


def replace_reading(points, visibility, confidence):
    """Return a reading."""
    return type("Reading", (), {"points": points, "visibility": visibility, "confidence": confidence})()


@pytest.fixture(scope="module", params=list_character_names())
def pack(request):
    """A sample character."""
    return load_pack(request.param)


def test_a_reader_that_is_right_has_no_error_and_no_bias(pack):
    floor = measure_reader(ArtReader(pack), pack)
    assert floor.error == pytest.approx(0, abs=1e-6)
    assert np.abs(floor.bias).max() < 1e-3 and np.abs(floor.head_bias_deg).max() < 0.1
    assert floor.open_aperture > 0.3 and floor.shut_aperture < 0.05


def test_brows_that_are_always_read_too_high_are_a_bias_and_no_expression(pack):
    brows = CONTOUR_SLICES["left_brow"]

    def displace(points):
        out = points.copy()
        out[:, brows, 1] -= 3
        return out

    floor = measure_reader(ArtReader(pack, displace), pack)
    assert 0 < floor.error < 0.05
    assert (floor.bias[brows, 1] < -0.02).all()
    assert np.abs(floor.bias[CONTOUR_SLICES["outer_lips"]]).max() < 0.01


def test_a_pack_without_art_is_read_by_its_rig(pack):
    floor = measure_reader(ArtReader(pack), replace(pack, art=(), landmarks=None))
    assert np.isnan(floor.error) and floor.shut_aperture == 0 and floor.open_aperture > 0.2
    assert np.isnan(read_art_palette(replace(pack, art=(), landmarks=None)).palette).all()


def test_heads_and_expressions_come_back_from_read_points(pack):
    landmarks = pack.load_landmarks()
    readings = (landmarks.face.astype(float), landmarks.visibility, np.ones(len(landmarks)))
    faces = understand_faces(readings, pack, landmarks.weights, np.zeros((NUM_CONTOUR_POINTS, 2)))
    error = measure_head_error_deg(rotation_from_head(faces.head), rotation_from_head(landmarks.head))
    assert error.max() < 0.5
    again, _ = pose_face(np.nan_to_num(faces.head_points), landmarks.head)
    seen = landmarks.visibility >= 0.5
    assert np.abs(again - landmarks.face)[seen].max() < 0.5


def test_large_pictures_are_read_smaller_and_told_in_their_own_pixels():
    class CornerReader:
        """Finds one point at the lower right corner of whatever it is given."""

        def predict(self, images_rgb):
            self.shape = images_rgb.shape
            corner = np.full((len(images_rgb), NUM_CONTOUR_POINTS, 2), images_rgb.shape[2::-1][:2], float)
            return replace_reading(corner, np.ones(corner.shape[:2]), np.ones(len(images_rgb)))

    reader, queue = CornerReader(), None
    queue = FaceQueue(reader)
    queue.put(np.zeros((720, 1280, 3), np.uint8))
    points, _, _ = queue.finish()
    assert reader.shape == (1, 288, 512, 3)
    assert points[0, 0] == pytest.approx((1280, 720))


def test_the_art_has_its_own_colours_and_is_near_itself(pack):
    art = read_art_palette(pack)
    skin = art.palette[PALETTE_PARTS.index("skin")]
    assert np.isfinite(skin).all() and art.spread < 10
    assert art.num_drawings > 3
    shifted = art.palette + np.array([0.0, 20.0, 0.0])
    assert measure_palette_distance(shifted, art.palette) == pytest.approx(20)


def test_the_matte_of_a_drawing_over_its_background_is_its_alpha(pack):
    background = np.array([0xDF, 0xE6, 0xEA], np.uint8)
    image = read_art(pack.art_paths()[0])
    over = np.where(image[..., 3:] >= 128, image[..., :3], background).astype(np.uint8)
    matte, alpha = find_matte(over, background), image[..., 3] >= 128
    assert (matte & alpha).sum() / (matte | alpha).sum() > 0.97


def test_the_hull_of_a_lost_face_is_empty():
    assert not draw_face_hull(np.full((NUM_CONTOUR_POINTS, 2), np.nan), (20, 30)).any()


def test_what_is_transparent_lies_over_grey():
    image = np.full((4, 4, 4), 255, np.uint8)
    image[0, 0, 3] = 0
    over = lay_over_grey(image)
    assert over[0, 0].tolist() == [128] * 3 and over[1, 1].tolist() == [255] * 3
