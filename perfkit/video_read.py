"""Reading takes: their pictures upright, deinterlaced, in sRGB, with exact pts, and their sound packets.

In: paths. Out: arrays. Whatever is broken is refused with the frame at which it breaks.
"""

import heapq
import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.errors import MediaError
from perfkit.ffmpeg import FFmpegError, FilterChain, VideoFrame, open_input, picture_track, reason_of, sound_track
from perfkit.take import AudioInfo, StreamInfo
from perfkit.video_color import Converter
from perfkit.video_probe import MAX_LATE_FRAMES

_log = logging.getLogger(__name__)


class _DamagedPictureError(Exception):
    """A decoder gave a picture that it calls damaged."""


def iterate_rgb(
    path: Path, info: StreamInfo, *, with_alpha: bool = False, keeps_hdr: bool = False
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (pts, upright image (H, W, 3) uint8 sRGB) of every frame, in the order of display.

    Frames whose stamp does not increase are left out, as `info.notes` says. With alpha the images are (H, W, 4),
    straight, and opaque where the video has none. HDR that is kept is uint16, in the take's own transfer and primaries.

    Raises:
        MediaError: The bitstream is broken; the line says after how many good frames.
    """
    converter = Converter(info, with_alpha=with_alpha, keeps_hdr=keeps_hdr)
    num_good, last_pts = 0, None
    try:
        for frame in _sort(_deinterlace(_decode(path, info), info), min(info.num_late_frames, MAX_LATE_FRAMES)):
            assert frame.pts is not None
            if last_pts is None or frame.pts > last_pts:
                yield frame.pts, converter.array_from_frame(frame)
                last_pts = frame.pts
                num_good += 1
    except (FFmpegError, _DamagedPictureError) as error:
        seconds = float((last_pts or 0) * info.time_base)
        reason = reason_of(error) if isinstance(error, FFmpegError) else "damaged picture"
        raise MediaError(
            f"{path}: the bitstream is broken at frame {num_good} of {info.num_frames_from_content} (after "
            f"{seconds:.2f} s: {reason}); export the take again, or cut it before that time"
        ) from error


def iterate_sound(path: Path, audio: AudioInfo) -> Iterator[tuple[Fraction, bytes]]:
    """Yield (start in seconds, packet as it is stored) of a sound track.

    Raises:
        MediaError: The file breaks off.
    """
    with open_input(path) as container:
        stream = sound_track(container, audio.stream_index)
        assert stream.time_base is not None
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and packet.size:
                    yield packet.pts * stream.time_base, bytes(packet)
        except FFmpegError as error:
            raise MediaError(f"{path}: its sound breaks off ({reason_of(error)}); export it again") from error


def _decode(path: Path, info: StreamInfo) -> Iterator[VideoFrame]:
    with open_input(path) as container:
        stream = picture_track(container, info.stream_index)
        stream.thread_type = "AUTO"
        for index, frame in enumerate(container.decode(stream)):
            assert isinstance(frame, VideoFrame)
            if frame.is_corrupt:
                raise _DamagedPictureError
            if frame.pts is None:
                raise MediaError(f"{path}: frame {index} has no time stamp; remux the take, e.g. to .mp4")
            yield frame


def _deinterlace(frames: Iterable[VideoFrame], info: StreamInfo) -> Iterator[VideoFrame]:
    """Make one whole picture of every frame that is two fields; pass the others."""
    chain = None
    for frame in frames:
        if chain is None and frame.interlaced_frame:
            if not info.is_interlaced:
                _log.warning("interlaced from frame pts %s on; deinterlaced with bwdif", frame.pts)
            options = "mode=send_frame:parity=auto:deint=interlaced"
            chain = FilterChain("bwdif", options, first=frame, time_base=info.time_base)
        if chain is None:
            yield frame
        else:
            yield from chain.run(frame)
    if chain is not None:
        yield from chain.run(None)


def _sort(frames: Iterable[VideoFrame], num_late: int) -> Iterator[VideoFrame]:
    """Yield frames in the order of their stamps, where none comes more than `num_late` places late."""
    if num_late == 0:
        yield from frames
        return
    waiting: list[tuple[int, int, VideoFrame]] = []
    for number, frame in enumerate(frames):
        assert frame.pts is not None
        heapq.heappush(waiting, (frame.pts, number, frame))
        if len(waiting) > num_late:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
