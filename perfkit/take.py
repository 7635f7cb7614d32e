"""What is known about a take before its pixels are read.

In: nothing. Out: the frozen dataclasses that `perfkit.video.open_take` fills in.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from perfkit.image import Orientation


@dataclass(frozen=True)
class ColorInfo:
    """How the stored pixels are to be read.

    Attributes:
        pixel_format: FFmpeg's name, e.g. yuv420p10le.
        matrix: bt709, bt601, bt2020 or rgb; where the file says nothing, the one usual for its size.
        is_full_range: Whether luma runs over 0..255 instead of 16..235.
        transfer: sdr, pq or hlg.
    """

    pixel_format: str
    matrix: str
    is_full_range: bool
    transfer: str


@dataclass(frozen=True)
class AudioInfo:
    """The first sound track.

    Attributes:
        stream_index: Its index in the container.
        codec: FFmpeg's name of its codec.
        sample_rate_hz: Samples a second.
        num_channels: Channels.
    """

    stream_index: int
    codec: str
    sample_rate_hz: int
    num_channels: int


@dataclass(frozen=True)
class StreamInfo:
    """The first picture track that decodes.

    Attributes:
        stream_index: Its index in the container.
        codec: FFmpeg's name of its codec.
        size_wh: Displayed size in px: after rotation, mirror and pixel aspect.
        stored_wh: Size of the stored pictures, px.
        orientation: Rotation and mirror out of the display matrix.
        time_base: Seconds per unit of the frames' pts.
        rate_fps_from_header: Rate that the file claims, exact; None where it claims none.
        rate_fps_from_content: Mean rate of the pictures' own stamps, exact; None for fewer than two.
        num_frames_from_header: Count that the file claims; None where it claims none.
        num_frames_from_content: Pictures counted in the file, not decoded: for progress bars.
        color: How the pixels are to be read.
        audio: The first sound track, None for a silent take.
        notes: What was odd in the file and how it is treated, one line each.
    """

    stream_index: int
    codec: str
    size_wh: tuple[int, int]
    stored_wh: tuple[int, int]
    orientation: Orientation
    time_base: Fraction
    rate_fps_from_header: Fraction | None
    rate_fps_from_content: Fraction | None
    num_frames_from_header: int | None
    num_frames_from_content: int
    color: ColorInfo
    audio: AudioInfo | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Take:
    """A take on disk: its path and what is known about it. Pixels are read, never held."""

    path: Path
    info: StreamInfo
