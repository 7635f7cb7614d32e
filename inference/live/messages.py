"""What page and server say to each other over the WebSocket, byte for byte. The page's half is page/messages.js.

    bytes  0      kind: 1 camera picture (JPEG), 2 sound (PCM), 3 stamp      to the server
                        1 character (JPEG), 2 landmarks, 3 camera (JPEG)     to the page
           4..7   number, uint32, little endian as all
           8..15  stamp, float64, milliseconds of the page's clock
           16..   what it carries

`number` counts camera pictures from the page; in an answer it is the number of the newest one that arrived, so that the
page knows how many are under way. The page in turn says how many characters it has seen. Landmarks are (N, 2) int16,
tenths of a percent of the picture's width and height. Of sound, `number` is the rate in Hz and the body is int16, one
channel. Of a stamp, `number` is the RTP time of a picture that goes by WebRTC, and there is no body. Everything else is
JSON text.
"""

import struct
from dataclasses import dataclass

import numpy as np

from perfkit.inference.live.acting import Acted
from perfkit.vocabulary import CONTOUR_INDICES

CAMERA, SOUND, STAMP = 1, 2, 3
CHARACTER, LANDMARKS, PREVIEW = 1, 2, 3
_HEAD = struct.Struct("<BxxxId")
_RATES_HZ = range(8000, 96001)
_MAX_SOUND_SECONDS = 1.0


@dataclass(frozen=True)
class Message:
    """One binary message.

    Attributes:
        kind, number, stamp_ms: See the module's picture.
        body: What it carries.
    """

    kind: int
    number: int
    stamp_ms: float
    body: bytes


def read_message(message: bytes) -> Message | None:
    """Return what a page sent; None for bytes that are no message of theirs."""
    if len(message) < _HEAD.size:
        return None
    kind, number, stamp_ms = _HEAD.unpack_from(message)
    is_known = kind == STAMP or (kind in (CAMERA, SOUND) and len(message) > _HEAD.size)
    is_timed = np.isfinite(stamp_ms) and abs(stamp_ms) < 1e12
    return Message(kind, number, stamp_ms, message[_HEAD.size :]) if is_known and is_timed else None


def write_message(kind: int, number: int, stamp_ms: float, body: bytes) -> bytes:
    """Return a message for the page."""
    return _HEAD.pack(kind, number, stamp_ms) + body


def read_sound(message: Message) -> tuple[int, np.ndarray] | None:
    """Return (rate in Hz, (N,) int16) of a sound message; None where it is none."""
    if message.number not in _RATES_HZ or len(message.body) % 2:
        return None
    samples = np.frombuffer(message.body, "<i2")
    return (message.number, samples) if len(samples) <= _MAX_SOUND_SECONDS * message.number else None


def pack_landmarks(acted: Acted) -> bytes:
    """Return the face's contour points as a landmarks message carries them; empty without a face."""
    image_rgb = acted.frame.image_rgb
    if image_rgb is None or not acted.observation.has_face:
        return b""
    height, width = image_rgb.shape[:2]
    shares = acted.observation.face[CONTOUR_INDICES, :2] / (width, height)
    return np.clip(np.round(shares * 1000), -32000, 32000).astype("<i2").tobytes()
