"""The performer at rest: found without a neutral frame, steady when the take is cut, exact in its file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from synthetic_performer import act, cut, lose_face, perform

from perfkit.calibrate import fit_calibration, load_calibration, save_calibration
from perfkit.errors import CalibrationError, MediaError
from perfkit.headspace import MIRROR_ROWS
from perfkit.measures import eye_apertures, mouth_width
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.rig import rest_points
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, NUM_CONTOUR_POINTS

FACE = replace(HUMAN_RIG, eye_height=0.18, mouth_width=0.6, face_width=0.7)


@pytest.fixture(scope="module")
def take():
    """Ten lively seconds of a known face."""
    return perform(FACE, *act(240))


@pytest.fixture(scope="module")
def calibration(take):
    """What is fitted from them."""
    return fit_calibration(take)


def test_mirror_rows_mirror_a_symmetric_face():
    rest = rest_points(HUMAN_RIG)
    mirrored = rest[MIRROR_ROWS] * np.array([-1, 1, 1])
    features = np.ones(NUM_CONTOUR_POINTS, dtype=bool)
    assert np.allclose(mirrored[features], rest[features], atol=1e-5)


def test_the_neutral_face_is_the_face_at_rest(calibration):
    rest = rest_points(FACE)
    assert np.abs(calibration.neutral - rest)[:, :2].max() < 0.03
    assert np.allclose(calibration.open_aperture, eye_apertures(rest), rtol=0.05)
    assert mouth_width(calibration.neutral) == pytest.approx(0.6, rel=0.03)
    assert calibration.blendshapes.max() < 0.05


def test_a_face_that_never_rests_still_has_a_neutral(take):
    """Eyes shut or mouth open in every single frame, as in tears that turn into laughter."""
    weights, head = act(240)
    for side in ("Left", "Right"):
        weights[:120, BLENDSHAPE_INDEX[f"eyeBlink{side}"]] = 1.0
        weights[120:, BLENDSHAPE_INDEX[f"mouthSmile{side}"]] = 0.8
    weights[120:, BLENDSHAPE_INDEX["jawOpen"]] = 0.5
    weights[:120, BLENDSHAPE_INDEX["jawOpen"]] = 0.0
    calibration = fit_calibration(perform(FACE, weights, head))
    rest = rest_points(FACE)
    assert np.allclose(calibration.open_aperture, eye_apertures(rest), rtol=0.1)
    lips = np.concatenate(
        [np.arange(NUM_CONTOUR_POINTS)[CONTOUR_SLICES[name]] for name in ("outer_lips", "inner_lips")]
    )
    assert np.abs(calibration.neutral - rest)[lips, :2].max() < 0.1


def test_an_open_mouth_in_the_first_frames_is_not_neutral():
    weights, head = act(240)
    weights[:40, BLENDSHAPE_INDEX["jawOpen"]] = 0.9
    calibration = fit_calibration(perform(FACE, weights, head))
    assert np.abs(calibration.neutral - rest_points(FACE))[:, :2].max() < 0.04


def test_the_first_second_decides_nothing(take, calibration):
    later = fit_calibration(cut(take, slice(24, None)))
    assert np.abs(later.neutral - calibration.neutral)[:, :2].max() < 0.015
    assert np.abs(later.blendshapes - calibration.blendshapes).max() < 0.02
    assert np.abs(later.gains - calibration.gains).max() < 0.1


def test_frames_without_a_face_are_left_out(take, calibration):
    gappy = fit_calibration(lose_face(take, slice(50, 90)))
    assert gappy.num_frames == 200
    assert np.abs(gappy.neutral - calibration.neutral)[:, :2].max() < 0.02


def test_too_few_faces_are_refused_in_one_line(take):
    with pytest.raises(CalibrationError, match="3 of 240 frames hold a face, need 5") as error:
        fit_calibration(lose_face(take, slice(3, None)))
    assert "\n" not in str(error.value)


def test_the_file_gives_back_every_bit(calibration, tmp_path):
    path = tmp_path / "anna.calibration"
    save_calibration(calibration, path)
    again = load_calibration(path)
    for name in ("neutral", "blendshapes", "gains", "open_aperture", "closed_aperture"):
        assert np.array_equal(getattr(again, name), getattr(calibration, name))
    assert (again.num_frames, again.take_digest) == (240, calibration.take_digest)
    assert [file.name for file in tmp_path.iterdir()] == ["anna.calibration"]
    save_calibration(calibration, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "version", "shape", "nan", "array", "header"])
def test_a_damaged_file_is_refused_in_one_line(calibration, tmp_path, damage):
    path = tmp_path / "c"
    save_calibration(calibration, path)
    arrays = load_file(path)
    header = {"version": 1, "num_frames": 240, "take_digest": "0"}
    if damage == "absent":
        path.unlink()
    elif damage in ("empty", "text"):
        path.write_bytes(b"" if damage == "empty" else b"not a calibration at all, but long enough")
    else:
        header["version"] = 99 if damage == "version" else 1
        header.pop("take_digest") if damage == "header" else None
        if damage == "shape":
            arrays["neutral"] = arrays["neutral"][:-1].copy()
        if damage == "nan":
            arrays["gains"][3] = np.nan
        if damage == "array":
            arrays.pop("gains")
        save_file(arrays, path, metadata={"perfkit_calibration": json.dumps(header)})
    with pytest.raises(CalibrationError, match="calibration ") as error:
        load_calibration(path)
    assert "\n" not in str(error.value)


def test_an_unwritable_place_is_refused_and_leaves_nothing(calibration, tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        save_calibration(calibration, tmp_path / "nowhere" / "c")


def test_a_performer_who_lies_on_their_side_is_stood_up(take, calibration):
    turned = replace(
        take,
        face=np.stack([-take.face[..., 1], take.face[..., 0], take.face[..., 2]], axis=-1),
        camera_from_head=np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
        @ take.camera_from_head,
    )
    assert np.allclose(fit_calibration(turned).neutral, calibration.neutral, atol=1e-3)


def test_rigs_of_all_shapes_calibrate():
    for face in (Rig(face_width=0.95, eye_height=0.5, eye_width=0.5, mouth_width=0.25), Rig(eye_height=0.06)):
        calibration = fit_calibration(perform(face, *act(120)))
        assert np.allclose(calibration.open_aperture, eye_apertures(rest_points(face)), rtol=0.1)
