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
        matrix: bt709, bt601, bt2020, smpte240m or rgb. Where the file says nothing: bt709 from 1280 px of width or more
            than 576 px of height, bt601 below.
        is_full_range: Whether luma runs over 0..255 instead of 16..235; where the file says nothing, it does not.
        transfer: sdr, pq or hlg.
        primaries: bt709, bt2020 or p3; those of BT.601 are taken as BT.709's, as players do.
    """

    pixel_format: str
    matrix: str
    is_full_range: bool
    transfer: str
    primaries: str = "bt709"

    @property
    def is_hdr(self) -> bool:
        """Whether its light goes beyond reference white."""
        return self.transfer != "sdr"


@dataclass(frozen=True)
class AudioInfo:
    """A sound track.

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
        audio_tracks: The sound tracks, in the order of the file; none for a silent take.
        is_interlaced: Whether the stored pictures are two fields; they are read deinterlaced, one picture a frame.
        num_late_frames: How many frames a picture may be late against the order of the stamps; 0 = all in order.
        timecode: What the first frame is called, hh:mm:ss:ff, or ;ff for drop frame; None where the file says nothing.
        reel: Name of the reel or tape; None where the file says nothing.
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
    audio_tracks: tuple[AudioInfo, ...]
    is_interlaced: bool = False
    num_late_frames: int = 0
    timecode: str | None = None
    reel: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def audio(self) -> AudioInfo | None:
        """The first sound track, None for a silent take."""
        return self.audio_tracks[0] if self.audio_tracks else None


@dataclass(frozen=True)
class Take:
    """A take on disk: its path and what is known about it. Pixels are read, never held."""

    path: Path
    info: StreamInfo
