"""The bytes between page and server, written down by hand."""

import struct

import numpy as np
import pytest

from perfkit.inference.live.messages import CAMERA, CHARACTER, SOUND, Message, read_message, read_sound, write_message


def test_a_camera_picture_is_read_as_the_page_writes_it() -> None:
    message = read_message(b"\x01\0\0\0" + struct.pack("<Id", 7, 1234.5) + b"jpeg")
    assert message == Message(CAMERA, 7, 1234.5, b"jpeg")


def test_an_answer_has_the_same_head() -> None:
    assert write_message(CHARACTER, 9, 0.5, b"xy") == b"\x01\0\0\0" + struct.pack("<Id", 9, 0.5) + b"xy"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        b"\x01" * 16,
        b"\x09\0\0\0" + struct.pack("<Id", 1, 1.0) + b"x",
        b"\x01\0\0\0" + struct.pack("<Id", 1, float("nan")) + b"x",
        b"\x01\0\0\0" + struct.pack("<Id", 1, 1e300) + b"x",
    ],
)
def test_what_is_no_message_is_nothing(content: bytes) -> None:
    assert read_message(content) is None


def test_sound_is_16_bit_at_its_rate() -> None:
    samples = np.array([1, -2, 300], "<i2")
    sound = read_sound(Message(SOUND, 48000, 0.0, samples.tobytes()))
    assert sound is not None
    assert sound[0] == 48000
    assert np.array_equal(sound[1], samples)


def test_sound_that_can_not_be_is_refused() -> None:
    assert read_sound(Message(SOUND, 7, 0.0, b"\0\0")) is None
    assert read_sound(Message(SOUND, 48000, 0.0, b"\0")) is None
    assert read_sound(Message(SOUND, 8000, 0.0, b"\0\0" * 8001)) is None
