"""Who is believed about a character's faces: MediaPipe where it is plausible, else the network."""

import json
from importlib.resources import files

import cv2
import numpy as np
import pytest
from drawings import lay_over

from perfkit.capture.mediapipe import StillFaces
from perfkit.face_reading import GROUND_RGB, StillReadings
from perfkit.headspace import MIRROR_ROWS
from perfkit.ingest.readers import STEADY, ReaderChoice, Readers, read_faces
from perfkit.rig import HUMAN_RIG, face_points, pose_face, rest_head
from perfkit.training.landmark_net import LandmarkNet
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, NUM_CONTOUR_POINTS

SIDE_PX = 128
EYES = ("left_eye", "right_eye")


def make_pictures(num: int, *, hidden: tuple[int, ...] = ()) -> np.ndarray:
    """Return pictures with a red and a blue dot, by which a reader finds its way; a green one in the hidden ones."""
    pictures = np.full((num, SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    for index in hidden:
        pictures[index, 80:90, 58:68] = 0, 255, 0
    pictures[:, 50:60, 40:50] = 255, 0, 0
    pictures[:, 50:60, 78:88] = 0, 0, 255
    return pictures


class Follower:
    """Reads the average adult's face where the dots are: turned, scaled and mirrored with the picture.

    Args:
        noise: How far its points wander from picture to picture, in distances of the dots.
        shift: How far it lies off everywhere, likewise.
        blind: Whether it sees nobody where a green dot is.
    """

    def __init__(self, *, noise: float = 0.0, shift: float = 0.0, blind: bool = False) -> None:
        self.noise, self.shift, self.blind = noise, shift, blind
        self._rng = np.random.default_rng(0)

    def predict(self, images_rgb: np.ndarray) -> StillReadings:
        """Return a face per picture."""
        rest = pose_face(face_points(HUMAN_RIG, _open_mouth()), rest_head(HUMAN_RIG, (SIDE_PX, SIDE_PX)))[0]
        home = np.array([rest[CONTOUR_SLICES[name]].mean(axis=0) for name in reversed(EYES)])
        points = []
        for image in images_rgb.astype(int):
            red = np.argwhere((image[..., 0] > 200) & (image[..., 2] < 90)).mean(axis=0)[::-1]
            blue = np.argwhere((image[..., 2] > 200) & (image[..., 0] < 90)).mean(axis=0)[::-1]
            swapped = red[0] > blue[0]
            first, second = (blue, red) if swapped else (red, blue)
            turn = complex(*(second - first)) / complex(*(home[1] - home[0]))
            offset = (rest - home[0]) @ np.array([1, 1j]) * turn
            face = np.stack([offset.real, offset.imag], axis=-1) + first
            unit = np.linalg.norm(second - first)
            face += self._rng.normal(0, self.noise * unit, face.shape) + self.shift * unit
            points.append(face)
        green = [((image[..., 1] > 200) & (image[..., 0] < 90)).any() for image in images_rgb]
        confidence = np.array([float(not (self.blind and is_green)) for is_green in green])
        return StillReadings(np.array(points), np.ones((len(points), NUM_CONTOUR_POINTS)), confidence)


def _open_mouth() -> np.ndarray:
    weights = np.zeros(52, np.float32)
    weights[BLENDSHAPE_INDEX["jawOpen"]] = 0.5
    return weights


def test_mirroring_twice_is_doing_nothing_and_swaps_the_sides():
    assert np.array_equal(MIRROR_ROWS[MIRROR_ROWS], np.arange(NUM_CONTOUR_POINTS))
    for name, other in (("left_eye", "right_eye"), ("right_brow", "left_brow"), ("inner_lips", "inner_lips")):
        rows = CONTOUR_SLICES[other]
        assert set(MIRROR_ROWS[CONTOUR_SLICES[name]]) == set(range(rows.start, rows.stop))


def test_a_reader_whose_points_go_with_the_picture_is_plausible_and_comes_first():
    faces, choice = read_faces(
        make_pictures(4), Readers(Follower(shift=0.02), Follower(noise=0.003)), yaws_deg=[None] * 4
    )
    assert choice == ReaderChoice(4, 4, 4, True)
    assert {face.source for face in faces} == {"mediapipe"}
    assert all(face.apart == pytest.approx(0.028, abs=0.01) for face in faces)


def test_a_reader_whose_points_wander_is_not():
    wanderer = Follower(noise=2 * STEADY)
    faces, choice = read_faces(make_pictures(4), Readers(Follower(), wanderer), yaws_deg=[None] * 4)
    assert choice == ReaderChoice(4, 4, 0, False)
    assert {face.source for face in faces} == {"landmark net"}


def test_one_reader_for_one_character_but_where_the_first_sees_nobody():
    readers = Readers(Follower(), Follower(blind=True))
    faces, choice = read_faces(make_pictures(4, hidden=(0, 1, 2)), readers, yaws_deg=[None] * 4)
    assert choice == ReaderChoice(4, 1, 1, False) and {face.source for face in faces} == {"landmark net"}
    faces, choice = read_faces(make_pictures(4, hidden=(0,)), readers, yaws_deg=[None] * 4)
    assert choice.is_person and [face.source for face in faces] == ["landmark net"] + 3 * ["mediapipe"]
    assert np.isnan(faces[0].apart) and faces[1].apart < 0.01


def test_profiles_in_which_nobody_finds_people_do_not_speak_against_it():
    readers = Readers(Follower(), Follower(blind=True))
    _, choice = read_faces(make_pictures(6, hidden=(2, 3, 4, 5)), readers, yaws_deg=[0, None, 90, 80, -60, -90])
    assert choice.is_person


def test_without_one_reader_the_other_reads_and_without_both_nobody():
    pictures = make_pictures(2)
    faces, choice = read_faces(pictures, Readers(people=Follower()), yaws_deg=[0, 0])
    assert choice.is_person and {face.source for face in faces} == {"mediapipe"}
    faces, _ = read_faces(make_pictures(2, hidden=(1,)), Readers(Follower(blind=True)), yaws_deg=[0, 0])
    assert faces[0].source == "landmark net" and faces[1] is None
    assert read_faces(pictures, Readers(), yaws_deg=[0, 0])[0] == [None, None]


def test_mediapipe_comes_first_for_a_person_and_not_for_a_drawn_character(models_dir, tmp_path):
    """A photograph (of scikit-image's data, public domain) and its soft painting, against four lorelei of DiceBear."""
    photo = cv2.resize(pytest.importorskip("skimage.data").astronaut()[:280, 80:360], (256, 256))
    painted = cv2.edgePreservingFilter(photo, flags=1, sigma_s=20, sigma_r=0.25)
    resvg_py, dicebear = pytest.importorskip("resvg_py"), pytest.importorskip("dicebear")
    style = json.loads(files("dicebear_styles").joinpath("lorelei.json").read_text("utf-8"))
    drawn = []
    for number in range(4):
        svg = dicebear.Avatar(dicebear.Style(style), {"seed": f"perfkit {number}", "size": 256}).to_string()
        png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
        rgba = cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
        drawn.append(lay_over(rgba, GROUND_RGB))
    people = StillFaces()
    try:
        readers = Readers(LandmarkNet.load(), people)
        faces, choice = read_faces(np.stack([photo, painted]), readers, yaws_deg=[None, None])
        assert choice.is_person and faces[0].source == "mediapipe"
        eyes = [faces[0].points[CONTOUR_SLICES[name]].mean(axis=0) for name in EYES]
        assert eyes[0][0] - eyes[1][0] > 20 and all(80 < eye[1] < 150 for eye in eyes)
        faces, choice = read_faces(np.stack(drawn), readers, yaws_deg=[None] * 4)
        assert not choice.is_person and {face.source for face in faces} == {"landmark net"}
    finally:
        people.close()
