"""Takes in, videos out: the public face of moving pictures. `perfkit.ffmpeg` is the door behind it."""

import hashlib
import stat
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


MAX_SIDE_PX = 16384
MAX_PICTURE_PIXELS = 8192 * 4320
"""Cinema's 8K; a capture holds up to a dozen pictures, and each pixel takes 3 bytes."""


def open_take(path: str | Path) -> Take:
    """Look at a take without decoding more than its first frame.

    Raises:
        MediaError: There is no such file, it is no regular file, empty, cut short, damaged, or holds no picture
            or pictures too large to be read.
    """
    path = Path(path)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise MediaError(f"{path}: is a folder; give one video file")
        if not stat.S_ISREG(found.st_mode):
            raise MediaError(f"{path}: is a pipe or a device, and a take is read twice; save it to a file first")
        with path.open("rb"):
            pass
    except MediaError:
        raise
    except FileNotFoundError:
        raise MediaError(f"{path}: no such file; check the path of the take") from None
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check the permissions") from error
    if found.st_size == 0:
        raise MediaError(f"{path}: the file is empty (0 bytes); copy the take again")
    info = probe(path)
    _check_size(path, info)
    return Take(path, info)


def _check_size(path: Path, info: StreamInfo) -> None:
    """Refuse pictures of a size that only a damaged or hostile header claims: some of them would fill the memory."""
    for what, (width, height) in (("its pictures", info.stored_wh), ("its pictures, displayed,", info.size_wh)):
        if width * height > MAX_PICTURE_PIXELS or max(width, height) > MAX_SIDE_PX:
            raise MediaError(
                f"{path}: {what} are {width}x{height} px, at most {MAX_PICTURE_PIXELS // 10**6} million px and "
                f"{MAX_SIDE_PX} px a side are read; scale the take down, or correct its pixel aspect"
            )


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
