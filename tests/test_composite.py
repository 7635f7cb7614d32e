from fractions import Fraction

import cv2
import numpy as np
import pytest

from perfkit.composite import composite, fit_cover, join_side_by_side, make_background
from perfkit.errors import MediaError, SettingsError
from perfkit.video_write import VideoWriter

CANVAS_WH = (12, 8)


def make_rgba(alpha, colour=(200, 100, 50)):
    return np.concatenate([np.full((8, 12, 3), colour, np.uint8), np.full((8, 12, 1), alpha, np.uint8)], axis=-1)


def test_opaque_is_the_picture_and_clear_is_the_background_exactly():
    background = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    assert np.array_equal(composite(make_rgba(255), background), make_rgba(255)[..., :3])
    assert np.array_equal(composite(make_rgba(0), background), background)


def test_every_mixture_is_the_rounded_one():
    colour, ground, alpha = np.meshgrid([0, 1, 77, 254, 255], [0, 3, 128, 255], np.arange(256), indexing="ij")
    rgba = np.stack([colour, colour, colour, alpha], axis=-1).astype(np.uint8).reshape(1, -1, 4)
    background = np.stack([ground] * 3, axis=-1).astype(np.uint8).reshape(1, -1, 3)
    exact = (colour * alpha + ground * (255 - alpha)) / 255
    assert np.abs(composite(rgba, background)[0, :, 0] - exact.ravel()).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("spec", "colour"), [("#dfe6ea", (0xDF, 0xE6, 0xEA)), ("#f00", (255, 0, 0)), ("white", (255, 255, 255))]
)
def test_a_colour_fills_the_canvas(spec, colour):
    image = make_background(spec, CANVAS_WH)(0.0, None)
    assert image.shape == (8, 12, 3)
    assert (image == colour).all()


@pytest.mark.parametrize("spec", ["#12345", "#zzzzzz", "#12 456"])
def test_a_colour_that_is_none_is_refused(spec):
    with pytest.raises(SettingsError, match="expected #rrggbb"):
        make_background(spec, CANVAS_WH)


def test_a_background_that_is_nothing_is_refused_with_what_would_do():
    with pytest.raises(SettingsError, match=r"neither a colour .*white.* nor 'take', nor a file"):
        make_background("no such file.png", CANVAS_WH)


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"not a picture")
    with pytest.raises(MediaError, match="not a picture"):
        make_background(str(path), CANVAS_WH)


def test_an_image_covers_the_canvas_and_is_cut_evenly(tmp_path):
    stripes = np.repeat(np.uint8([10, 80, 80, 160])[:, None], 12, axis=0).reshape(48, 1, 1)
    path = tmp_path / "stripes.png"
    cv2.imwrite(str(path), np.broadcast_to(stripes, (48, 24, 3)))
    image = make_background(str(path), CANVAS_WH)(0.0, None)
    assert image.shape == (8, 12, 3)
    assert (image == 80).all()


def test_fit_cover_keeps_the_middle_in_the_middle():
    image = np.zeros((40, 100, 3), np.uint8)
    image[18:22, 48:52] = 255
    found = fit_cover(image, (20, 20)).astype(float).sum(axis=-1)
    rows, columns = np.indices(found.shape)
    assert (rows * found).sum() / found.sum() == pytest.approx(9.5, abs=0.1)
    assert (columns * found).sum() / found.sum() == pytest.approx(9.5, abs=0.1)


def write_video(path, levels, *, pts=None):
    with VideoWriter(path, time_base=Fraction(1, 10)) as writer:
        for index, level in enumerate(levels):
            writer.write(np.full((16, 24, 3), level, np.uint8), index if pts is None else pts[index])


def test_a_video_plays_in_its_own_time_and_begins_again(tmp_path):
    path = tmp_path / "back.mp4"
    write_video(path, [40, 120, 200], pts=[0, 2, 3])
    background = make_background(str(path), CANVAS_WH)
    shown = [int(background(5 + tenth / 10, None).mean().round(-1)) for tenth in range(9)]
    assert shown == [40, 40, 120, 200, 40, 40, 120, 200, 40]


def test_a_video_of_one_frame_stands_still(tmp_path):
    path = tmp_path / "back.mp4"
    write_video(path, [100])
    background = make_background(str(path), CANVAS_WH)
    assert {int(background(second, None).mean().round(-1)) for second in range(3)} == {100}


def test_the_take_itself_is_shown_upright_as_it_comes():
    take_rgb = np.full((20, 30, 3), 77, np.uint8)
    assert (make_background("take", CANVAS_WH)(0.0, take_rgb) == 77).all()


@pytest.mark.parametrize(
    ("take_hw", "expected_hw"),
    [
        ((360, 640), (360, 1000)),
        ((1920, 1080), (512, 288 + 512)),
        ((144, 176), (256, 312 + 2 + 256)),
        ((301, 301), (302, 604)),
    ],
)
def test_side_by_side_is_as_high_as_the_take_within_reason(take_hw, expected_hw):
    joined = join_side_by_side(np.zeros((*take_hw, 3), np.uint8), np.full((256, 256, 3), 255, np.uint8))
    assert joined.shape[0] == expected_hw[0]
    assert abs(joined.shape[1] - expected_hw[1]) <= 2
    assert joined.shape[1] % 2 == 0
    assert (joined[:, 0] == 0).all()
    assert (joined[:, -1] == 255).all()
