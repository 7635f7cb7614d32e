"""The control picture: small parts stay readable, hidden parts are not drawn, all of it fast enough."""

import time
from dataclasses import replace

import numpy as np
import pytest
from synthetic_performer import act, perform

from perfkit.control import CONTROL_STYLES, MEDIAPIPE_FACE_COLOURS, NANO_COLOURS, draw_control, draw_control_frame
from perfkit.errors import SettingsError
from perfkit.retarget import retarget
from perfkit.rig import HUMAN_RIG, face_points, pose_face, rest_body, rest_head
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_SLICES, NUM_CONTOUR_POINTS, POSE_INDEX

SEEN = np.ones(NUM_CONTOUR_POINTS)


def face_px(height_px: float, *, center=(128.0, 110.0), **weights: float) -> np.ndarray:
    """Return an adult's contours, (K, 2), with a face of some height on the canvas."""
    values = np.zeros(52)
    for name, weight in weights.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in BLENDSHAPE_INDEX:
                values[BLENDSHAPE_INDEX[full]] = weight
    head = np.array([0, 0, 0, *center, height_px / 2])
    return pose_face(face_points(HUMAN_RIG, values), head)[0].astype(np.float64)


def amount_of(image_rgb: np.ndarray, colour: tuple[int, int, int]) -> float:
    """Return about how many pixels show a colour."""
    distance = np.linalg.norm(image_rgb.astype(float) - np.array(colour), axis=-1)
    return float(np.clip(1 - distance / 60, 0, 1).sum())


@pytest.mark.parametrize("height_px", [60, 90, 130, 200])
def test_a_shut_eye_is_a_line_and_an_open_eye_is_open(height_px):
    opened, shut = (draw_control_frame(face_px(height_px, eyeBlink=blink), SEEN) for blink in (0.0, 1.0))
    for side in ("left", "right"):
        assert amount_of(shut, NANO_COLOURS[f"{side}_opening"]) == 0
        assert amount_of(shut, NANO_COLOURS[f"{side}_eye"]) > 0.1 * height_px
    assert amount_of(shut, NANO_COLOURS["iris"]) == 0
    assert amount_of(opened, NANO_COLOURS["iris"]) > 1.0
    area = amount_of(opened, NANO_COLOURS["left_opening"]) + amount_of(opened, NANO_COLOURS["iris"])
    assert area > 0.0005 * height_px**2


@pytest.mark.parametrize("height_px", [60, 130, 200])
def test_a_shut_mouth_shows_no_interior_and_an_open_one_does(height_px):
    shut, opened = (draw_control_frame(face_px(height_px, jawOpen=jaw), SEEN) for jaw in (0.0, 0.6))
    assert amount_of(shut, NANO_COLOURS["mouth_interior"]) < 1
    assert amount_of(opened, NANO_COLOURS["mouth_interior"]) > 0.003 * height_px**2


@pytest.mark.parametrize("style", list(CONTROL_STYLES))
def test_parts_without_visibility_are_not_drawn(style):
    face = face_px(130)
    assert draw_control_frame(face, np.zeros_like(SEEN), style=style).max() == 0
    assert draw_control_frame(np.full_like(face, np.nan), SEEN, style=style).max() == 0
    body = rest_body(HUMAN_RIG, (256, 256)) * np.array([1, 1, 0])
    assert draw_control_frame(face, np.zeros_like(SEEN), body=body, style=style).max() == 0


def test_one_absent_eye_leaves_the_other():
    visibility = SEEN.copy()
    for name in ("left_eye", "left_iris"):
        visibility[CONTOUR_SLICES[name]] = 0
    image = draw_control_frame(face_px(130), visibility)
    assert amount_of(image, NANO_COLOURS["left_eye"]) == 0
    assert amount_of(image, NANO_COLOURS["right_eye"]) > 20


def test_lines_fade_with_visibility():
    image = draw_control_frame(face_px(130), 0.5 * SEEN)
    assert 0.4 * max(NANO_COLOURS["left_brow"]) < image.max() < 0.65 * 255


def test_left_and_right_are_told_apart():
    body = rest_body(HUMAN_RIG, (256, 256))
    image = draw_control_frame(face_px(100, center=(128, 80)), SEEN, body=body)
    left, right = (amount_of(half, NANO_COLOURS["left_upper_arm"]) for half in (image[:, 128:], image[:, :128]))
    assert left > 50 and right == 0
    assert image[:, 128:].tolist() != image[:, :128][:, ::-1].tolist()


def test_a_raised_hand_is_drawn():
    body = rest_body(HUMAN_RIG, (256, 256)).astype(np.float64)
    for name, at in {"elbow": (200, 220), "wrist": (190, 150), "index": (180, 120), "pinky": (200, 120)}.items():
        body[POSE_INDEX[f"left_{name}"]] = *at, 1.0
    image = draw_control_frame(face_px(100, center=(100, 90)), SEEN, body=body)
    assert amount_of(image[115:155, 170:210], NANO_COLOURS["left_hand"]) > 200


@pytest.mark.parametrize("style", list(CONTROL_STYLES))
def test_a_larger_canvas_shows_the_same_picture(style):
    face, body = face_px(130), rest_body(HUMAN_RIG, (256, 256)).astype(np.float64)
    small = draw_control_frame(face, SEEN, body=body, style=style).astype(float)
    large = draw_control_frame(2 * face, SEEN, body=body * [2, 2, 1], canvas_wh=(512, 512), style=style)
    halved = large.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - halved).mean() < 3.0


def test_mediapipe_style_has_the_public_annotators_colours():
    image = draw_control_frame(2 * face_px(200), SEEN, canvas_wh=(512, 512), style="mediapipe_face")
    found = {tuple(colour) for colour in image.reshape(-1, 3).tolist()}
    assert set(MEDIAPIPE_FACE_COLOURS.values()) <= found


def test_openpose_style_draws_limbs_face_dots_and_hands():
    hands = np.full((2, 21, 2), np.nan)
    hands[0] = np.linspace((150, 200), (200, 240), 21)
    body = rest_body(HUMAN_RIG, (256, 256))
    image = draw_control_frame(face_px(100, center=(128, 80)), SEEN, body=body, hands=hands, style="openpose")
    assert amount_of(image, (255, 255, 255)) > 60
    assert amount_of(image, (0, 0, 255)) > 20
    assert amount_of(image, (153, 0, 0)) > 50


def test_an_unknown_style_lists_the_known_ones():
    with pytest.raises(SettingsError, match="nano, mediapipe_face, openpose"):
        draw_control_frame(face_px(100), SEEN, style="sketch")


def test_a_wrong_number_of_points_is_refused():
    with pytest.raises(ValueError, match="control needs face"):
        draw_control_frame(np.zeros((10, 2)), SEEN)


def test_points_far_outside_the_canvas_do_no_harm():
    assert draw_control_frame(face_px(130) * 1e9, SEEN).shape == (256, 256, 3)
    assert draw_control_frame(face_px(130) - 1000, SEEN).max() == 0


def test_a_track_is_drawn_frame_by_frame_with_its_own_times():
    track = retarget(perform(HUMAN_RIG, *act(24)), HUMAN_RIG)
    frames = list(draw_control(track))
    assert [frame.index for frame in frames] == list(range(24))
    assert np.allclose([frame.seconds for frame in frames], track.times.seconds)
    again = list(draw_control(track))
    assert all(np.array_equal(a.image_rgb, b.image_rgb) for a, b in zip(frames, again, strict=True))
    assert next(draw_control(track, image_wh=(128, 128))).image_rgb.shape == (128, 128, 3)


def test_a_picture_takes_at_most_three_milliseconds():
    head = rest_head(HUMAN_RIG, (256, 256)).astype(np.float64) + np.array([35, 10, 10, 0, 0, 0])
    face, visibility = pose_face(face_points(HUMAN_RIG, np.full(52, 0.1)), head)
    body = rest_body(HUMAN_RIG, (256, 256))
    for style in CONTROL_STYLES:
        spent = []
        for _ in range(40):
            start = time.process_time()
            draw_control_frame(face, visibility, body=body, style=style)
            spent.append(time.process_time() - start)
        assert np.quantile(spent, 0.2) < 3e-3, style


def test_absent_parts_of_a_rig_are_not_drawn():
    rig = replace(HUMAN_RIG, absent=frozenset({"nose", "left_eye", "right_brow", "body"}))
    track = retarget(perform(HUMAN_RIG, *act(24)), rig)
    image = next(draw_control(track)).image_rgb
    for name in ("nose_base", "left_eye", "right_brow", "left_upper_arm", "shoulders"):
        assert amount_of(image, NANO_COLOURS[name]) < 1, name
    assert amount_of(image, NANO_COLOURS["left_brow"]) > 10
