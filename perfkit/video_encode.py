"""Encoding and muxing one video file, and carrying a take's sound into it.

In: images with pts, a `FileFormat`. Out: a file. The disk's refusals leave as OSError; `video_write` names the target.
"""

import contextlib
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.ffmpeg import (
    AudioFrame,
    AudioStream,
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    FFmpegError,
    OutputContainer,
    Packet,
    VideoFrame,
    VideoReformatter,
    VideoStream,
    add_picture_track,
    add_sound_track,
    open_input,
    open_output,
    os_errors,
    reason_of,
    sound_track,
)
from perfkit.take import AudioInfo


@dataclass(frozen=True)
class FileFormat:
    """One kind of video file.

    Attributes:
        container: FFmpeg's name of the muxer.
        encoder: FFmpeg's name of the picture encoder.
        pixel_format: What it encodes.
        options: The encoder's options.
        sound_codecs: Codecs whose packets may be copied into the container.
        sound_encoder: Encoder for the others.
    """

    container: str
    encoder: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    sound_codecs: frozenset[str]
    sound_encoder: str

    @property
    def has_alpha(self) -> bool:
        """Whether its pictures carry alpha."""
        return self.pixel_format.startswith("yuva")


class Encoder:
    """Encodes and muxes one video file; copies a take's sound beside the pictures, packet by packet.

    Attributes:
        notes: What had to be done to the sound, one line each.
    """

    def __init__(
        self, path: Path, file_format: FileFormat, *, size_wh: tuple[int, int], clock: "Clock", sound: "Sound | None"
    ) -> None:
        self.notes: list[str] = []
        self._clock = clock
        self._last_pts: int | None = None
        self._reformatter = VideoReformatter()
        self._format = file_format
        muxer_options = _muxer_options(file_format, clock.time_base, sound)
        self._container = open_output(path, file_format.container, muxer_options)
        self._video = self._add_video(size_wh)
        self._sound = None if sound is None else _SoundFeed(self._container, sound, file_format, self.notes)

    def encode(self, image: np.ndarray, pts: int) -> None:
        """Encode one image (H, W, 3 or 4) uint8 sRGB, straight alpha; odd sizes are made even."""
        odd = ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0))
        image = np.pad(image, odd, mode="edge") if any(map(any, odd)) else np.ascontiguousarray(image)
        frame = VideoFrame.from_ndarray(image, "rgba" if image.shape[2] == 4 else "rgb24")
        frame = self._reformatter.reformat(
            frame,
            format=self._format.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1,  # with more, swscale now and then spoils the first row of a thread's slice
        )
        frame.pts, frame.time_base = pts, self._clock.time_base
        # What matters is the last frame's: it stays as long as the one before it.
        frame.duration = self._clock.default_duration if self._last_pts is None else pts - self._last_pts
        self._last_pts = pts
        with os_errors():
            if self._sound is not None:
                self._sound.mux_until(float(pts * self._clock.time_base))
            self._container.mux(self._video.encode(frame))

    def finish(self) -> None:
        """Write what is still inside the encoders, and the file's index."""
        with os_errors():
            self._container.mux(self._video.encode(None))
            if self._sound is not None:
                self._sound.finish()
            self._container.close()

    def abort(self) -> None:
        """Let go of the file, whatever state it is in."""
        with contextlib.suppress(Exception):
            if self._sound is not None:
                self._sound.close()
        with contextlib.suppress(Exception):
            self._container.close()

    def _add_video(self, size_wh: tuple[int, int]) -> VideoStream:
        options = dict(self._format.options)
        stream = add_picture_track(self._container, self._format.encoder, self._clock.rate_fps, options)
        stream.width, stream.height = size_wh
        stream.pix_fmt = self._format.pixel_format
        stream.time_base = self._clock.time_base
        context = stream.codec_context
        context.time_base = self._clock.time_base
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        if self._format.has_alpha and self._format.container == "webm":
            stream.metadata["alpha_mode"] = "1"
        return stream


@dataclass(frozen=True)
class Clock:
    """How a video counts time.

    Attributes:
        time_base: Seconds per unit of pts.
        rate_fps: Usual rate, written into the headers; the pts decide.
    """

    time_base: Fraction
    rate_fps: Fraction

    @property
    def default_duration(self) -> int:
        """Units that a frame usually stays."""
        return max(1, round(1 / (self.rate_fps * self.time_base)))


@dataclass(frozen=True)
class Sound:
    """Where a video's sound comes from."""

    path: Path
    audio: AudioInfo


class _SoundFeed:
    """Reads a take's sound packets in step with the pictures and hands them to a track."""

    def __init__(self, target: OutputContainer, sound: Sound, file_format: FileFormat, notes: list[str]) -> None:
        self._notes = notes
        self._source = open_input(sound.path)
        stream = sound_track(self._source, sound.audio.stream_index)
        self._track: _CopiedSound | _EncodedSound
        if sound.audio.codec in file_format.sound_codecs:
            self._track = _CopiedSound(target, stream)
        else:
            self._track = _EncodedSound(target, stream, file_format.sound_encoder)
            notes.append(
                f"sound: {sound.audio.codec} does not fit into .{file_format.container}; "
                f"encoded once as {file_format.sound_encoder}"
            )
        self._packets = (packet for packet in self._source.demux(stream) if packet.size > 0)
        self._waiting: Packet | None = None

    def mux_until(self, seconds: float) -> None:
        """Mux the packets that start before a time."""
        while (packet := self._next_packet()) is not None:
            start = packet.pts if packet.dts is None else packet.dts
            if start is not None and float(start * packet.time_base) > seconds:
                self._waiting = packet
                return
            self._track.mux(packet)

    def finish(self) -> None:
        """Mux the packets that are left."""
        self.mux_until(math.inf)
        self._track.finish(self._notes)
        self.close()

    def close(self) -> None:
        self._source.close()

    def _next_packet(self) -> Packet | None:
        if self._waiting is not None:
            packet, self._waiting = self._waiting, None
            return packet
        try:
            return next(self._packets, None)
        except FFmpegError as error:
            self._notes.append(f"sound: broken in the take ({reason_of(error)}); it ends there")
            return None


class _CopiedSound:
    """A track of untouched packets."""

    def __init__(self, target: OutputContainer, stream: AudioStream) -> None:
        self._target = target
        self._stream = target.add_stream_from_template(stream)

    def mux(self, packet: Packet) -> None:
        packet.stream = self._stream
        self._target.mux(packet)

    def finish(self, notes: list[str]) -> None:
        """Nothing waits here."""


class _EncodedSound:
    """A track of packets decoded and encoded once; more than two channels become stereo."""

    def __init__(self, target: OutputContainer, stream: AudioStream, encoder: str) -> None:
        self._target = target
        self._stream = add_sound_track(target, encoder, 48000 if encoder == "libopus" else stream.rate)
        self._stream.layout = stream.layout.name if stream.channels <= 2 else "stereo"
        self._num_undecodable = 0

    def mux(self, packet: Packet) -> None:
        try:
            frames = packet.decode()
        except FFmpegError:
            self._num_undecodable += 1
            return
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            self._target.mux(self._stream.encode(frame))

    def finish(self, notes: list[str]) -> None:
        self._target.mux(self._stream.encode(None))
        if self._num_undecodable:
            notes.append(f"sound: {self._num_undecodable} packets do not decode and are left out")


def _muxer_options(file_format: FileFormat, time_base: Fraction, sound: Sound | None) -> dict[str, str]:
    """Return options under which mp4 and mov keep every stamp, start offsets included.

    Edit lists count in the movie's own time scale, milliseconds by default: too coarse for frames and samples.
    """
    if file_format.container not in ("mp4", "mov"):
        return {}
    scale = time_base.denominator
    if sound is not None and math.lcm(scale, sound.audio.sample_rate_hz) < 2**31:
        scale = math.lcm(scale, sound.audio.sample_rate_hz)
    return {
        "movflags": "+faststart",
        "movie_timescale": str(scale),
        "video_track_timescale": str(time_base.denominator),
    }
