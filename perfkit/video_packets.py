"""Pictures that are encoded already, put into a file as they are; sound joined to a finished video.

In: JPEG pictures with pts, a WAV file. Out: .mkv (Motion JPEG), or a video with its sound.
"""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from perfkit.ffmpeg import Packet, add_picture_track, open_input, open_output, os_errors, picture_track
from perfkit.files import unwritable, write_aside
from perfkit.video_formats import FORMATS, FileFormat
from perfkit.video_probe import probe_sound
from perfkit.video_sound import Sound, SoundFeed

MILLISECONDS = Fraction(1, 1000)
_USUAL_RATE_FPS = Fraction(30)


class JpegWriter:
    """Writes JPEG pictures into a Matroska file, byte for byte.

    Args:
        path: An .mkv.
        size_wh: Of the pictures, px.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int]) -> None:
        self._path = path
        self._container = open_output(path, "matroska", {})
        self._stream = add_picture_track(self._container, "mjpeg", _USUAL_RATE_FPS, {})
        self._stream.width, self._stream.height = size_wh
        self._stream.pix_fmt = "yuvj420p"
        self._stream.time_base = MILLISECONDS

    def write(self, jpeg: bytes, pts_ms: int) -> None:
        """Add one picture; pts must increase.

        Raises:
            MediaError: The disk refuses.
        """
        packet = Packet(jpeg)
        packet.stream, packet.time_base = self._stream, MILLISECONDS
        packet.pts = packet.dts = pts_ms
        packet.is_keyframe = True
        try:
            with os_errors():
                self._container.mux(packet)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with os_errors():
            self._container.close()


def join_sound(video: Path, wav: Path | None, out: Path) -> None:
    """Write a video again with the sound of a WAV file, which begins with its first picture's zero.

    Args:
        video: As encoded; its packets are copied.
        wav: 16 bit PCM, one channel; None: no sound.
        out: .mkv and .mov keep the PCM, .mp4 gets it as AAC.

    Raises:
        MediaError: A file cannot be read or written.
    """
    file_format = FORMATS[out.suffix]
    assert isinstance(file_format, FileFormat)
    with write_aside(out) as aside, open_input(video) as source, os_errors():
        options = {"movflags": "+faststart"} if file_format.container in ("mp4", "mov") else {}
        with open_output(aside, file_format.container, options) as target:
            pictures = picture_track(source, source.streams.video[0].index)
            copied = target.add_stream_from_template(pictures)
            sound = SoundFeed(target, Sound(wav, probe_sound(wav)), file_format, []) if wav else None
            for packet in source.demux(pictures):
                if packet.dts is None:
                    continue
                if sound is not None:
                    sound.mux_until(float(packet.dts * packet.time_base))
                packet.stream = copied
                target.mux(packet)
            if sound is not None:
                sound.finish()
