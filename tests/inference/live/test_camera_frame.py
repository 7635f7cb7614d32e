"""Camera pictures: as they came, made smaller, or refused before they are decoded."""

import cv2
import numpy as np
import pytest

from perfkit.inference.live.camera_frame import MAX_SIDE_PX, CameraFrame, decode_jpeg, encode_jpeg


def make_jpeg(width: int, height: int) -> bytes:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    return encode_jpeg(np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2), quality=90)


def test_a_picture_of_usual_size_keeps_its_bytes() -> None:
    jpeg = make_jpeg(640, 360)
    decoded = CameraFrame(0, 1.0, jpeg=jpeg).decode()
    assert decoded is not None
    assert decoded.image_rgb is not None
    assert decoded.image_rgb.shape == (360, 640, 3)
    assert decoded.encode() == jpeg


def test_a_4k_picture_is_made_smaller_and_its_bytes_are_not_kept() -> None:
    decoded = CameraFrame(0, 1.0, jpeg=make_jpeg(3840, 2160)).decode()
    assert decoded is not None
    assert decoded.image_rgb is not None
    assert decoded.image_rgb.shape == (720, MAX_SIDE_PX, 3)
    assert decoded.jpeg is None


def test_colours_come_out_as_they_went_in() -> None:
    red = np.full((64, 64, 3), (250, 10, 20), np.uint8)
    decoded = decode_jpeg(encode_jpeg(red, quality=95))
    assert decoded is not None
    assert np.abs(decoded.astype(int) - red).max() < 6


@pytest.mark.parametrize("declared", [(60000, 60000), (4097, 300), (8, 8)])
def test_a_size_that_no_camera_has_is_refused_by_its_header(declared: tuple[int, int]) -> None:
    jpeg = bytearray(make_jpeg(640, 360))
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = declared[1].to_bytes(2, "big") + declared[0].to_bytes(2, "big")
    assert decode_jpeg(bytes(jpeg)) is None


def test_garbage_is_no_picture() -> None:
    rng = np.random.default_rng(0)
    good = make_jpeg(640, 360)
    assert decode_jpeg(b"") is None
    assert decode_jpeg(cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))[1].tobytes()) is None
    for length in (1, 3, 20, 100, 1000):
        assert decode_jpeg(rng.bytes(length)) is None
        assert decode_jpeg(b"\xff\xd8" + rng.bytes(length)) is None
        decode_jpeg(good[:length])
