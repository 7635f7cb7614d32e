"""Encoding and muxing one video file.

In: images with pts, a `FileFormat`. Out: a file. The disk's refusals leave as OSError; `video_write` names the target.
"""

import contextlib
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from perfkit.ffmpeg import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoFrame,
    VideoReformatter,
    VideoStream,
    add_picture_track,
    open_output,
    os_errors,
)
from perfkit.video_formats import Coding, FileFormat
from perfkit.video_sound import Sound, SoundFeed

_HDR_TRANSFERS = {"pq": ColorTrc.SMPTE2084, "hlg": ColorTrc.ARIB_STD_B67}
_RGB_MATRIX = 0
_AVX_512F = 13
"""OpenCV's CV_CPU_AVX_512F, which its Python module does not name."""
_SWSCALE_THREADS = 1
"""With more, swscale now and then spoils the first row of a thread's slice."""
_ENCODER_THREADS = {"libx264": 3, "libvpx-vp9": 3}
"""Whose bytes depend on the number of threads: fixed, so that a file is the same whatever cores its process may use."""


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
class Look:
    """What the pictures of a video are.

    Attributes:
        size_wh: Even, px.
        has_alpha: RGBA instead of RGB.
        transfer: sdr: uint8 sRGB; pq or hlg: uint16 R'G'B' of BT.2020.
    """

    size_wh: tuple[int, int]
    has_alpha: bool = False
    transfer: str = "sdr"

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the arrays' pixels."""
        if self.transfer != "sdr":
            return "rgb48le"
        return "rgba" if self.has_alpha else "rgb24"


@dataclass(frozen=True)
class Slate:
    """What is written about a video beside its pictures.

    Attributes:
        clock: How it counts time.
        sound: Where its sound comes from; None: it is silent.
        timecode: What its first frame is called; None: nothing.
        reel: Name of the reel; None: none.
    """

    clock: Clock
    sound: Sound | None = None
    timecode: str | None = None
    reel: str | None = None


class Encoder:
    """Encodes and muxes one video file; copies a take's sound beside the pictures, packet by packet.

    Attributes:
        notes: What had to be done to the sound, one line each.
    """

    def __init__(self, path: Path, file_format: FileFormat, look: Look, slate: Slate) -> None:
        self.notes: list[str] = []
        self._clock = slate.clock
        self._look = look
        self._last_pts: int | None = None
        self._reformatter = VideoReformatter()
        self._coding = _choose_coding(file_format, look)
        options = _muxer_options(file_format, self._clock.time_base, slate.sound)
        self._container = open_output(path, file_format.container, options)
        self._video = self._add_video(file_format, slate)
        self._context = self._video.codec_context
        self._sound = None
        if slate.sound is not None:
            self._sound = SoundFeed(self._container, slate.sound, file_format, self.notes)

    def encode(self, image: np.ndarray, pts: int) -> None:
        """Encode one image (H, W, 3 or 4), straight alpha; odd sizes are made even."""
        odd = ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0))
        image = np.pad(image, odd, mode="edge") if any(map(any, odd)) else np.ascontiguousarray(image)
        frame = self._convert(VideoFrame.from_ndarray(image, self._look.pixel_format))
        # ProRes writes the frames' own tags into every picture, not the encoder's.
        frame.color_primaries, frame.color_trc = self._context.color_primaries, self._context.color_trc
        frame.pts, frame.time_base = pts, self._clock.time_base
        # What matters is the last frame's: it stays as long as the one before it.
        frame.duration = self._clock.default_duration if self._last_pts is None else pts - self._last_pts
        self._last_pts = pts
        if self._sound is not None:
            self._sound.mux_until(float(pts * self._clock.time_base))
        with os_errors():
            self._container.mux(self._video.encode(frame))

    def finish(self) -> None:
        """Write what is still inside the encoders, and the file's index."""
        with os_errors():
            self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._sound.finish()
        with os_errors():
            self._container.close()

    def abort(self) -> None:
        """Let go of the file, whatever state it is in."""
        with contextlib.suppress(Exception):
            if self._sound is not None:
                self._sound.close()
        with contextlib.suppress(Exception):
            self._container.close()

    def _convert(self, frame: VideoFrame) -> VideoFrame:
        if self._coding.is_rgb:
            return self._reformatter.reformat(frame, format=self._coding.pixel_format, threads=_SWSCALE_THREADS)
        return self._reformatter.reformat(
            frame,
            format=self._coding.pixel_format,
            dst_colorspace=Colorspace.ITU709 if self._look.transfer == "sdr" else Colorspace.BT2020,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            threads=_SWSCALE_THREADS,
        )

    def _add_video(self, file_format: FileFormat, slate: Slate) -> VideoStream:
        coding, look = self._coding, self._look
        stream = add_picture_track(self._container, coding.encoder, self._clock.rate_fps, _encoder_options(coding))
        stream.width, stream.height = look.size_wh
        stream.pix_fmt = coding.pixel_format
        stream.time_base = self._clock.time_base
        context = stream.codec_context
        context.time_base = self._clock.time_base
        if coding.encoder in _ENCODER_THREADS:
            # x264 in threads by slices, PyAV's default, needs more bits for the same picture: 38 to 56 % of noise.
            context.thread_type, context.thread_count = "FRAME", _ENCODER_THREADS[coding.encoder]
        if coding.tag is not None:
            context.codec_tag = coding.tag
        context.color_range = ColorRange.JPEG if coding.is_rgb else ColorRange.MPEG
        if look.transfer == "sdr":
            context.colorspace = _RGB_MATRIX if coding.is_rgb else Colorspace.ITU709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.IEC61966_2_1 if coding.is_rgb else ColorTrc.BT709
        else:
            context.colorspace = Colorspace.BT2020
            context.color_primaries = ColorPrimaries.BT2020
            context.color_trc = _HDR_TRANSFERS[look.transfer]
        if look.has_alpha and file_format.container == "webm":
            stream.metadata["alpha_mode"] = "1"
        for name, value in (("timecode", slate.timecode), ("reel_name", slate.reel)):
            if value is not None:
                stream.metadata[name] = value
        return stream


def _encoder_options(coding: Coding) -> dict[str, str]:
    """Return the coding's options; where the processor has AVX-512, x264 is kept to AVX2.

    x264's AVX-512 code reads memory that nobody has written: it gives other bytes from one run to the next.
    """
    options = dict(coding.options)
    if coding.encoder == "libx264" and cv2.checkHardwareSupport(_AVX_512F):
        options["x264-params"] = "asm=avx2"
    return options


def _choose_coding(file_format: FileFormat, look: Look) -> Coding:
    coding: Coding | None = file_format.opaque
    if look.transfer != "sdr":
        coding = file_format.hdr
    elif look.has_alpha:
        coding = file_format.alpha
    assert coding is not None, "video_write refuses what the format cannot carry"
    return coding


def _muxer_options(file_format: FileFormat, time_base: Fraction, sound: Sound | None) -> dict[str, str]:
    """Return options under which mp4 and mov keep every stamp, and webm and mkv are the same bytes every time.

    Edit lists count in the movie's own time scale, milliseconds by default: too coarse for frames and samples.
    """
    if file_format.container not in ("mp4", "mov"):
        return {"fflags": "+bitexact"}
    scale = time_base.denominator
    for audio in sound.tracks if sound is not None else ():
        if math.lcm(scale, audio.sample_rate_hz) < 2**31:
            scale = math.lcm(scale, audio.sample_rate_hz)
    return {
        "movflags": "+faststart",
        "movie_timescale": str(scale),
        "video_track_timescale": str(time_base.denominator),
    }
