"""Reading takes: which track decodes, what is known about it, its pictures upright in sRGB with exact pts.

In: paths. Out: `StreamInfo`, arrays. Whatever is broken is refused with the frame at which it breaks.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.errors import MediaError
from perfkit.ffmpeg import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Disposition,
    FFmpegError,
    InputContainer,
    SideDataType,
    VideoFrame,
    VideoReformatter,
    VideoStream,
    open_input,
    picture_track,
    reason_of,
    side_data_of,
    sound_track,
)
from perfkit.image import is_quarter_turn, orientation_from_matrix
from perfkit.take import AudioInfo, ColorInfo, StreamInfo

_MATRICES = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601, "bt2020": Colorspace.BT2020}
_MATRIX_FROM_AVCOL = {0: "rgb", 1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}
_TRANSFER_FROM_AVCOL = {int(ColorTrc.SMPTE2084): "pq", int(ColorTrc.ARIB_STD_B67): "hlg"}


def probe(path: Path) -> StreamInfo:
    """Return what is known about the first picture track that decodes.

    Raises:
        MediaError: The file cannot be opened, holds no picture, is cut short, or no track of it decodes.
    """
    with open_input(path) as container:
        tracks = [stream.index for stream in container.streams.video if not _is_cover(stream)]
        audio = _audio_of(container)
        if not tracks:
            held = f"only sound ({audio.codec}, {audio.sample_rate_hz} Hz)" if audio else "neither picture nor sound"
            raise MediaError(f"{path}: no picture track: the file holds {held}; give a video")
    reasons = []
    for stream_index in tracks:
        try:
            first = _decode_first(path, stream_index)
        except FFmpegError as error:
            reasons.append(f"track {stream_index}: {reason_of(error)}")
            continue
        if first is None:
            reasons.append(f"track {stream_index}: no picture in it")
            continue
        return replace(_stream_info(path, stream_index, first), audio=audio)
    raise MediaError(f"{path}: no frame of it decodes ({'; '.join(reasons)}); export the take again")


def iterate_rgb(path: Path, info: StreamInfo, *, with_alpha: bool = False) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (pts, upright image (H, W, 3) uint8 sRGB) of every frame, in the order of display.

    Frames whose stamp does not increase are left out, as `info.notes` says. With alpha the images are (H, W, 4),
    straight, and opaque where the video has none.

    Raises:
        MediaError: The bitstream is broken; the line says after how many good frames.
    """
    convert = _Converter(info, with_alpha=with_alpha)
    num_good, last_pts = 0, None
    with open_input(path) as container:
        stream = picture_track(container, info.stream_index)
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                assert isinstance(frame, VideoFrame)
                if frame.is_corrupt:
                    raise _broken(path, num_good, last_pts, info, "damaged picture")
                if frame.pts is None:
                    raise MediaError(f"{path}: frame {num_good} has no time stamp; remux the take, e.g. to .mp4")
                if last_pts is None or frame.pts > last_pts:
                    yield frame.pts, convert.rgb_from_frame(frame)
                    last_pts = frame.pts
                    num_good += 1
        except FFmpegError as error:
            raise _broken(path, num_good, last_pts, info, reason_of(error)) from error


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


class _Converter:
    """Turns decoded frames into upright RGB or RGBA; holds swscale's state between frames."""

    def __init__(self, info: StreamInfo, *, with_alpha: bool) -> None:
        self._format = "rgba" if with_alpha else "rgb24"
        self._orientation = info.orientation
        self._size_wh = info.orientation.upright_wh(info.size_wh)
        self._reformatter = VideoReformatter()
        self._options: dict[str, int] = {}
        if info.color.matrix != "rgb":
            self._options["src_colorspace"] = _MATRICES[info.color.matrix]
            self._options["src_color_range"] = ColorRange.JPEG if info.color.is_full_range else ColorRange.MPEG
            self._options["dst_color_range"] = ColorRange.JPEG
        if info.color.transfer != "sdr":
            self._options["dst_color_trc"] = ColorTrc.BT709
            self._options["dst_color_primaries"] = ColorPrimaries.BT709

    def rgb_from_frame(self, frame: VideoFrame) -> np.ndarray:
        width, height = self._size_wh
        converted = self._reformatter.reformat(frame, width, height, self._format, **self._options)
        return self._orientation.turn_upright(converted.to_ndarray())


def _broken(path: Path, num_good: int, last_pts: int | None, info: StreamInfo, reason: str) -> MediaError:
    seconds = float((last_pts or 0) * info.time_base)
    return MediaError(
        f"{path}: the bitstream is broken at frame {num_good} of {info.num_frames_from_content} (after "
        f"{seconds:.2f} s: {reason}); export the take again, or cut it before that time"
    )


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _audio_of(container: InputContainer) -> AudioInfo | None:
    for stream in container.streams.audio:
        if stream.codec_context is not None:
            context = stream.codec_context
            return AudioInfo(stream.index, context.codec.canonical_name, context.sample_rate, context.channels)
    return None


def _decode_first(path: Path, stream_index: int) -> VideoFrame | None:
    with open_input(path) as container:
        return next(iter(container.decode(picture_track(container, stream_index))), None)


def _stream_info(path: Path, stream_index: int, first: VideoFrame) -> StreamInfo:
    with open_input(path) as container:
        stream = picture_track(container, stream_index)
        pts, num_packets, end_seconds = _scan_packets(container, stream)
        num_claimed = stream.frames or None
        if num_claimed is not None and num_packets < num_claimed:
            raise MediaError(
                f"{path}: the file is cut short: {num_packets} of {num_claimed} frames are there; copy the take again"
            )
        notes = _notes_on(container, pts, end_seconds)
        matrix = _display_matrix(first)
        if not is_quarter_turn(matrix):
            notes.append("the display matrix is no quarter turn; the nearest one is used")
        orientation = orientation_from_matrix(matrix)
        time_base = stream.time_base
        assert time_base is not None
        span = (max(pts) - min(pts)) * time_base if pts else Fraction(0)
        return StreamInfo(
            stream_index=stream_index,
            codec=stream.codec_context.name,
            size_wh=orientation.upright_wh(_square_pixel_wh(first, stream)),
            stored_wh=(first.width, first.height),
            orientation=orientation,
            time_base=time_base,
            rate_fps_from_header=stream.average_rate,
            rate_fps_from_content=Fraction(len(set(pts)) - 1) / span if span else None,
            num_frames_from_header=num_claimed,
            num_frames_from_content=len(set(pts)),
            color=_color_info(first),
            audio=None,
            notes=tuple(notes),
        )


def _scan_packets(container: InputContainer, stream: VideoStream) -> tuple[list[int], int, float]:
    """Return the pictures' pts, the number of picture packets, and the seconds at which the last packet of all ends."""
    pts, num_packets, end_seconds = [], 0, 0.0
    for packet in container.demux():
        if packet.size == 0 or packet.pts is None:
            continue
        end_seconds = max(end_seconds, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream.index == stream.index:
            num_packets += 1
            if not packet.is_discard:
                pts.append(packet.pts)
    return pts, num_packets, end_seconds


def _notes_on(container: InputContainer, pts: list[int], end_seconds: float) -> list[str]:
    notes = []
    num_repeated = len(pts) - len(set(pts))
    if num_repeated:
        notes.append(f"{num_repeated} frames repeat another's time stamp and are left out")
    claimed_seconds = (container.duration or 0) / 1e6
    if "matroska" in container.format.name and end_seconds < 0.95 * claimed_seconds - 0.2:
        notes.append(
            f"the header says {claimed_seconds:.2f} s and the file ends at {end_seconds:.2f} s: it may be cut short"
        )
    return notes


def _display_matrix(frame: VideoFrame) -> tuple[float, ...]:
    side_data = side_data_of(frame, SideDataType.DISPLAYMATRIX)
    if side_data is None:
        return (1, 0, 0, 0, 1, 0, 0, 0, 1)
    return tuple(value / 65536 for value in struct.unpack("9i", side_data))


def _square_pixel_wh(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    return (max(1, round(frame.width * aspect)), frame.height)


def _color_info(frame: VideoFrame) -> ColorInfo:
    is_rgb = frame.format.is_rgb
    usual = "bt709" if frame.width >= 1280 or frame.height > 576 else "bt601"
    matrix = "rgb" if is_rgb else _MATRIX_FROM_AVCOL.get(frame.colorspace, usual)
    return ColorInfo(
        pixel_format=frame.format.name,
        matrix="bt709" if matrix == "rgb" and not is_rgb else matrix,
        is_full_range=is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG,
        transfer=_TRANSFER_FROM_AVCOL.get(frame.color_trc, "sdr"),
    )
