"""Carrying a take's sound into a video: packet by packet, or encoded once where the container cannot carry it.

In: a take's sound tracks, an open container. Out: tracks of the same number and order, each beginning and ending when
the take's does.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.ffmpeg import (
    AudioFrame,
    AudioStream,
    FFmpegError,
    OutputContainer,
    Packet,
    add_sound_track,
    open_input,
    os_errors,
    reason_of,
    sound_track,
)
from perfkit.take import AudioInfo
from perfkit.video_formats import FileFormat

_AAC_BITS_PER_CHANNEL = 128_000
_PRIMED_CODECS = frozenset({"aac", "mp3", "ac3", "eac3"})
_MAX_CHANNELS = 8
_LAYOUT_FOR_OPUS = {"5.1(side)": "5.1"}
_USUAL_LAYOUTS = {1: "mono", 2: "stereo"}
_GAP_SECONDS = Fraction(1, 50)
_CARRIED_TAGS = ("language", "title")


@dataclass(frozen=True)
class Sound:
    """Where a video's sound comes from.

    Attributes:
        path: The take.
        tracks: Its sound tracks.
        delay: Seconds by which the video's times are later than the take's.
    """

    path: Path
    tracks: tuple[AudioInfo, ...]
    delay: Fraction = Fraction(0)


class SoundFeed:
    """Reads a take's sound packets in step with the pictures and hands them to their tracks."""

    def __init__(self, target: OutputContainer, sound: Sound, file_format: FileFormat, notes: list[str]) -> None:
        self._notes = notes
        self._source = open_input(sound.path)
        self._delay = sound.delay
        self._tracks: dict[int, _CopiedSound | _EncodedSound] = {}
        for audio in sound.tracks:
            stream = sound_track(self._source, audio.stream_index)
            self._tracks[audio.stream_index] = _make_track(
                target, stream, audio, file_format=file_format, delay=sound.delay
            )
            if isinstance(self._tracks[audio.stream_index], _EncodedSound):
                container = "mkv" if file_format.container == "matroska" else file_format.container
                note = f"{audio.codec} does not fit into .{container}; encoded once as {file_format.sound_encoder}"
                notes += [f"sound: {note}"] if f"sound: {note}" not in notes else []
        self._packets = self._iterate_packets()
        self._waiting: Packet | None = None

    def mux_until(self, seconds: float) -> None:
        """Mux the packets that start before a time of the video."""
        with os_errors():
            while (packet := self._next_packet()) is not None:
                start = packet.pts if packet.dts is None else packet.dts
                if start is not None and float(start * packet.time_base) > seconds:
                    self._waiting = packet
                    return
                self._tracks[packet.stream.index].mux(packet)

    def finish(self) -> None:
        """Mux the packets that are left."""
        self.mux_until(math.inf)
        with os_errors():
            for track in self._tracks.values():
                track.finish(self._notes)
        self.close()

    def close(self) -> None:
        """Let go of the take."""
        self._source.close()

    def _next_packet(self) -> Packet | None:
        if self._waiting is not None:
            packet, self._waiting = self._waiting, None
            return packet
        return next(self._packets, None)

    def _iterate_packets(self) -> Iterator[Packet]:
        streams = [sound_track(self._source, index) for index in self._tracks]
        try:
            for packet in self._source.demux(streams):
                if packet.size == 0:
                    continue
                assert packet.time_base is not None
                late = round(self._delay / packet.time_base)
                if late:
                    packet.pts = None if packet.pts is None else packet.pts + late
                    packet.dts = None if packet.dts is None else packet.dts + late
                yield packet
        except FFmpegError as error:
            self._notes.append(f"sound: broken in the take ({reason_of(error)}); it ends there")


class _CopiedSound:
    """A track of untouched packets; only the last one's duration is cut where the take's sound ends within it."""

    def __init__(self, target: OutputContainer, stream: AudioStream, end_seconds: Fraction | None) -> None:
        self._target = target
        self._end_seconds = end_seconds
        self._last: Packet | None = None
        self._stream = target.add_stream_from_template(stream)

    @property
    def stream(self) -> AudioStream:
        """The track."""
        return self._stream

    def mux(self, packet: Packet) -> None:
        self._mux_last()
        self._last = packet

    def finish(self, notes: list[str]) -> None:
        if self._last is not None:
            self._last.duration = _duration_until(self._last, self._end_seconds)
        self._mux_last()

    def _mux_last(self) -> None:
        if self._last is not None:
            self._last.stream = self._stream
            self._target.mux(self._last)


class _EncodedSound:
    """A track of packets decoded and encoded once, without a gap, and cut where the last packet ends."""

    def __init__(
        self,
        target: OutputContainer,
        stream: AudioStream,
        audio: AudioInfo,
        *,
        encoder: str,
        end_seconds: Fraction | None,
    ) -> None:
        self._target = target
        self._end_seconds = end_seconds
        self._rate_hz = audio.sample_rate_hz
        self._stream = add_sound_track(target, encoder, 48000 if encoder == "libopus" else stream.rate)
        layout = _name_layout(stream, audio.num_channels)
        self._stream.layout = _LAYOUT_FOR_OPUS.get(layout, layout) if encoder == "libopus" else layout
        if encoder == "aac":
            self._stream.bit_rate = _AAC_BITS_PER_CHANNEL * audio.num_channels
        self._last: Packet | None = None
        self._next_sample: int | None = None
        self._num_undecodable = 0

    @property
    def stream(self) -> AudioStream:
        """The track."""
        return self._stream

    def mux(self, packet: Packet) -> None:
        if self._last is not None:
            self._encode(self._last, end_sample=None)
        self._last = packet

    def finish(self, notes: list[str]) -> None:
        if self._last is not None:
            self._encode(self._last, end_sample=self._end_sample(self._last))
        self._target.mux(self._stream.encode(None))
        if self._num_undecodable:
            notes.append(f"sound: {self._num_undecodable} packets do not decode and are left out")

    def _end_sample(self, last: Packet) -> int | None:
        """Return the sample before which the sound ends; None where the last packet does not say how long it is."""
        if last.pts is None or not last.duration or last.time_base is None:
            return None
        return round((last.pts + _duration_until(last, self._end_seconds)) * last.time_base * self._rate_hz)

    def _encode(self, packet: Packet, *, end_sample: int | None) -> None:
        """Encode what a packet holds; after the last packet also what waited in the decoder, cut at its end."""
        try:
            frames = packet.decode()
            if end_sample is not None:
                frames += packet.stream.decode(None)
        except FFmpegError:
            self._num_undecodable += 1
            return
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            for part in self._in_line(frame, end_sample):
                self._target.mux(self._stream.encode(part))

    def _in_line(self, frame: AudioFrame, end_sample: int | None) -> Iterator[AudioFrame]:
        """Yield a frame stamped in samples, after silence where the take has a gap."""
        assert frame.time_base is not None
        start = self._next_sample or 0 if frame.pts is None else round(frame.pts * frame.time_base * self._rate_hz)
        if self._next_sample is None:
            self._next_sample = start
        samples = frame.to_ndarray()
        gap = start - self._next_sample
        if gap > _GAP_SECONDS * self._rate_hz:
            silence = 128 if frame.format.name.startswith("u8") else 0
            yield self._stamp(np.full(_shape_of(frame, gap), silence, samples.dtype), frame, gap)
        num_samples = frame.samples
        if end_sample is not None:
            num_samples = max(0, min(num_samples, end_sample - self._next_sample))
        if num_samples:
            yield self._stamp(samples[:, : _shape_of(frame, num_samples)[1]], frame, num_samples)

    def _stamp(self, samples: np.ndarray, like: AudioFrame, num_samples: int) -> AudioFrame:
        part = AudioFrame.from_ndarray(np.ascontiguousarray(samples), like.format.name, like.layout.name)
        part.sample_rate = self._rate_hz
        part.pts, part.time_base = self._next_sample, Fraction(1, self._rate_hz)
        assert self._next_sample is not None
        self._next_sample += num_samples
        return part


def _make_track(
    target: OutputContainer, stream: AudioStream, audio: AudioInfo, *, file_format: FileFormat, delay: Fraction
) -> _CopiedSound | _EncodedSound:
    track: _CopiedSound | _EncodedSound
    end_seconds = _end_seconds_of(stream, delay)
    if _must_encode(stream, audio, file_format):
        track = _EncodedSound(target, stream, audio, encoder=file_format.sound_encoder, end_seconds=end_seconds)
    else:
        track = _CopiedSound(target, stream, end_seconds)
    for name in _CARRIED_TAGS:
        if (value := stream.metadata.get(name, "und")) != "und":
            track.stream.metadata[name] = value
    return track


def _name_layout(stream: AudioStream, num_channels: int) -> str:
    """Return which speakers a track is for; files of plain PCM tell only how many there are."""
    if num_channels > _MAX_CHANNELS:
        return "stereo"
    return (
        _USUAL_LAYOUTS.get(num_channels, stream.layout.name) if "channel" in stream.layout.name else stream.layout.name
    )


def _must_encode(stream: AudioStream, audio: AudioInfo, file_format: FileFormat) -> bool:
    """Return whether packets cannot be copied: the codec is foreign, or its run-in before zero would become sound."""
    if audio.codec not in file_format.sound_codecs:
        return True
    is_from_mp4 = "mp4" in stream.container.format.name
    return file_format.container == "matroska" and audio.codec in _PRIMED_CODECS and is_from_mp4


def _end_seconds_of(stream: AudioStream, delay: Fraction) -> Fraction | None:
    """Return when a track ends by its edit list, in the video's times; None for files that have none."""
    has_edits = "mp4" in stream.container.format.name
    if not has_edits or stream.duration is None or stream.start_time is None or stream.time_base is None:
        return None
    return (stream.start_time + stream.duration) * stream.time_base + delay


def _duration_until(last: Packet, end_seconds: Fraction | None) -> int:
    """Return the last packet's duration less what is not to be heard: by its own word, or beyond the track's end."""
    assert last.time_base is not None
    duration = last.duration or 0
    if last.has_sidedata("skip_samples") and isinstance(last.stream, AudioStream):
        _, discarded = struct.unpack_from("<II", bytes(last.get_sidedata("skip_samples")))
        duration -= round(Fraction(discarded, last.stream.rate) / last.time_base)
    if end_seconds is not None and last.pts is not None:
        duration = min(duration, round(end_seconds / last.time_base) - last.pts)
    return max(0, duration)


def _shape_of(like: AudioFrame, num_samples: int) -> tuple[int, int]:
    """Return the shape of samples as PyAV has them: planar (channels, samples), otherwise (1, samples x channels)."""
    num_channels = len(like.layout.channels)
    return (num_channels, num_samples) if like.format.is_planar else (1, num_samples * num_channels)
