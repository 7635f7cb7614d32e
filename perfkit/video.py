"""Takes in, videos out: the public face of moving pictures. `perfkit.ffmpeg` is the door behind it."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.errors import MediaError
from perfkit.take import AudioInfo, ColorInfo, StreamInfo, Take
from perfkit.video_probe import probe
from perfkit.video_read import iterate_rgb, iterate_sound
from perfkit.video_write import VideoWriter

__all__ = [
    "AudioInfo",
    "ColorInfo",
    "StreamInfo",
    "Take",
    "VideoWriter",
    "digest_take",
    "iterate_frames",
    "iterate_sound_packets",
    "open_take",
]


def open_take(path: str | Path) -> Take:
    """Look at a take without decoding more than its first frame.

    Raises:
        MediaError: There is no such file, it is a folder, empty, cut short, damaged, or holds no picture.
    """
    path = Path(path)
    if path.is_dir():
        raise MediaError(f"{path}: is a folder; give one video file")
    try:
        size_bytes = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise MediaError(f"{path}: no such file; check the path of the take") from None
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check the permissions") from error
    if size_bytes == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes); copy the take again")
    return Take(path, probe(path))


def iterate_frames(
    take: Take, *, with_alpha: bool = False, keeps_hdr: bool = False
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield (index, pts, image) of every frame, one at a time.

    Args:
        take: Any video.
        with_alpha: Also read its transparency.
        keeps_hdr: Give HDR as it is; otherwise it is mapped to SDR, as `take.info.notes` says.

    Yields:
        Index from 0; pts int in units of `take.info.time_base`, strictly increasing; (H, W, 3) uint8 RGB, upright, in
        the displayed size; with alpha (H, W, 4), straight, and opaque where the video has none. HDR that is kept:
        (H, W, 3) uint16 R'G'B', full range, of `take.info.color`'s transfer and primaries.

    Raises:
        MediaError: The bitstream is broken; the line says at which frame.
    """
    for index, (pts, image_rgb) in enumerate(
        iterate_rgb(take.path, take.info, with_alpha=with_alpha, keeps_hdr=keeps_hdr)
    ):
        yield index, pts, image_rgb


def iterate_sound_packets(take: Take) -> Iterator[tuple[Fraction, bytes]]:
    """Yield (start in seconds, packet as it is stored) of a take's first sound track; nothing for a silent take.

    Raises:
        MediaError: The file breaks off.
    """
    if take.info.audio is not None:
        yield from iterate_sound(take.path, take.info.audio)


def digest_take(take: Take) -> str:
    """Return the SHA-256 of the take's bytes, hex."""
    with take.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
