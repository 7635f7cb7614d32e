"""The door to FFmpeg: the only module that imports `av`. Opens files, turns FFmpeg's errors into ours, lends its types.

In: paths. Out: open containers for `video_read` and `video_encode`, MediaError or OSError in one line.
"""

import contextlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from perfkit.errors import MediaError

__all__ = [
    "AudioFrame",
    "AudioStream",
    "ColorPrimaries",
    "ColorRange",
    "ColorTrc",
    "Colorspace",
    "Disposition",
    "FFmpegError",
    "FilterChain",
    "InputContainer",
    "Interpolation",
    "OutputContainer",
    "Packet",
    "SideDataType",
    "VideoFrame",
    "VideoReformatter",
    "VideoStream",
    "add_picture_track",
    "add_sound_track",
    "open_input",
    "open_output",
    "os_errors",
    "picture_track",
    "reason_of",
    "side_data_of",
    "sound_track",
]

# PyAV's log must stay off (its default): its callback wants the interpreter's lock in FFmpeg's decoding threads, and
# PyAV holds that lock while it waits for those threads to end, so a take left half-way would hang for ever.


def open_input(path: Path) -> InputContainer:
    """Open a file for reading.

    Raises:
        MediaError: FFmpeg cannot tell what it is.
    """
    try:
        return av.open(_address(path), metadata_errors="replace")  # a title may be no UTF-8
    except FFmpegError as error:
        raise MediaError(
            f"{path}: not a video that can be opened ({reason_of(error)}); it is cut short, damaged or no video at all"
        ) from error


def open_output(path: Path, container: str, options: dict[str, str]) -> OutputContainer:
    """Open a file for writing.

    Raises:
        OSError: The disk refuses.
    """
    with os_errors():
        return av.open(_address(path), "w", format=container, options=options)


def _address(path: Path) -> str:
    """Return a path as FFmpeg takes it for a file; it would take `10:30.mp4` for a protocol called 10."""
    return f"file:{path}"


def picture_track(container: InputContainer, stream_index: int) -> VideoStream:
    """Return a track that is known to hold pictures."""
    stream = container.streams[stream_index]
    assert isinstance(stream, VideoStream)
    return stream


def sound_track(container: InputContainer, stream_index: int) -> AudioStream:
    """Return a track that is known to hold sound."""
    stream = container.streams[stream_index]
    assert isinstance(stream, AudioStream)
    return stream


def add_picture_track(
    container: OutputContainer, encoder: str, rate_fps: Fraction, options: dict[str, str]
) -> VideoStream:
    """Add a track that pictures will be encoded into."""
    stream = container.add_stream(encoder, rate=rate_fps, options=options)
    assert isinstance(stream, VideoStream)
    return stream


def add_sound_track(container: OutputContainer, encoder: str, rate_hz: int) -> AudioStream:
    """Add a track that sound will be encoded into."""
    stream = container.add_stream(encoder, rate=rate_hz)
    assert isinstance(stream, AudioStream)
    return stream


def side_data_of(frame: VideoFrame, kind: SideDataType) -> bytes | None:
    """Return what a frame carries beside its pixels, None where it carries nothing of that kind."""
    for side_data in cast(Iterable[SideData], frame.side_data):
        if side_data.type == kind:
            return bytes(side_data)
    return None


class FilterChain:
    """One of FFmpeg's picture filters, fed with frames that are all of one size and format.

    Args:
        name: FFmpeg's name of the filter.
        options: Its options, as on FFmpeg's command line.
        first: A frame of the kind to come.
        time_base: Seconds per unit of the frames' pts.
    """

    def __init__(self, name: str, options: str, *, first: VideoFrame, time_base: Fraction) -> None:
        self._time_base = time_base
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=time_base
        )
        step, sink = self._graph.add(name, options), self._graph.add("buffersink")
        source.link_to(step)
        step.link_to(sink)
        self._graph.configure()

    def run(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """Push a frame, or None at the end, and yield what comes out; pts in the units that went in."""
        if frame is not None:
            frame.time_base = self._time_base
        self._graph.push(frame)
        while True:
            try:
                out = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(out, VideoFrame)
            if out.pts is not None and out.time_base is not None:
                out.pts = round(out.pts * out.time_base / self._time_base)
                out.time_base = self._time_base
            yield out


def reason_of(error: FFmpegError) -> str:
    """Return what FFmpeg says about an error, in one line."""
    logged = error.log[-1] if error.log else ""
    return " ".join(str(logged or error.strerror or type(error).__name__).split()).rstrip(".")


@contextlib.contextmanager
def os_errors() -> Iterator[None]:
    """Let FFmpeg's errors in the block leave as OSError, as Python's own writing would."""
    try:
        yield
    except FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error
