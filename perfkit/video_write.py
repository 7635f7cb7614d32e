"""Videos out: the suffix decides the format, the times are the take's own, and a half-written file cannot exist.

In: images with pts, the take that the sound comes from. Out: .mp4 (H.264), .mov (ProRes 4444), .webm (VP9), or a folder
of PNG pictures with `times.json`. The last three carry alpha.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from perfkit.errors import MediaError
from perfkit.files import aside_of, check_parent, check_target, remove, unwritable
from perfkit.take import Take
from perfkit.video_encode import Clock, Encoder, FileFormat, Sound

FORMATS: dict[str, FileFormat] = {
    ".mp4": FileFormat(
        container="mp4",
        encoder="libx264",
        pixel_format="yuv420p",
        options=(("crf", "15"), ("preset", "medium")),
        sound_codecs=frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}),
        sound_encoder="aac",
    ),
    ".mov": FileFormat(
        container="mov",
        encoder="prores_ks",
        pixel_format="yuva444p10le",
        options=(("profile", "4444"), ("vendor", "apl0"), ("alpha_bits", "16")),
        sound_codecs=frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"}),
        sound_encoder="aac",
    ),
    ".webm": FileFormat(
        container="webm",
        encoder="libvpx-vp9",
        pixel_format="yuva420p",
        options=(
            ("crf", "16"),
            ("b", "0"),
            ("deadline", "good"),
            ("cpu-used", "4"),
            ("row-mt", "1"),
            ("auto-alt-ref", "0"),
        ),
        sound_codecs=frozenset({"opus", "vorbis"}),
        sound_encoder="libopus",
    ),
}
TIMES_FILE = "times.json"


class VideoWriter:
    """Writes one video; use it as a context manager.

    The file appears under its name when the block ends well. After any exception, Ctrl-C included, nothing is left and
    what lay there before is untouched. Pictures of odd width or height get their last column or row twice (not PNG).

        with VideoWriter("out.mp4", time_base=take.info.time_base, sound_from=take) as writer:
            for index, pts, image_rgb in iterate_frames(take):
                writer.write(image_rgb, pts)

    Attributes:
        path: The target.
        notes: What had to be done to the sound, one line each; complete when the block has ended.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        time_base: Fraction,
        rate_fps: Fraction | None = None,
        sound_from: Take | None = None,
    ) -> None:
        """Name the target; nothing is written yet.

        Args:
            path: Target; its suffix decides the format, a path without a suffix is a folder of PNG pictures.
            time_base: Seconds per unit of the pts to come: the take's own.
            rate_fps: Usual rate, for the headers only; by default that of `sound_from`, else 30.
            sound_from: The take whose sound is copied; None for a silent video.

        Raises:
            MediaError: The suffix is unknown.
        """
        self.path = Path(path)
        self.notes: list[str] = []
        self._sound = None
        if sound_from is not None:
            rate_fps = rate_fps or sound_from.info.rate_fps_from_content
            if sound_from.info.audio is not None:
                self._sound = Sound(sound_from.path, sound_from.info.audio)
        self._clock = Clock(time_base, min(rate_fps or Fraction(30), 1 / time_base))
        self._aside = aside_of(self.path)
        self._sink: Encoder | _PngFolder | None = None
        self._shape: tuple[int, ...] = ()
        self._pts: list[int] = []
        suffix = self.path.suffix.lower()
        if suffix and suffix not in FORMATS:
            raise MediaError(f"{path}: no known format; use {', '.join(FORMATS)}, or no suffix for a folder of PNG")

    def __enter__(self) -> Self:
        if self.path.suffix:
            check_target(self.path)
        else:
            _check_target_folder(self.path)
        return self

    def write(self, image: np.ndarray, pts: int) -> None:
        """Add one picture.

        Args:
            image: (H, W, 3) or, where the format has alpha, (H, W, 4) uint8 sRGB with straight alpha; always the same.
            pts: Its time in units of the time base; larger than the one before.

        Raises:
            MediaError: The disk refuses, the format has no alpha, or it cannot keep two times apart.
        """
        if not self._shape:
            self._shape = image.shape
        if image.shape != self._shape:
            raise ValueError(f"frame {len(self._pts)} is {image.shape}, the frames before are {self._shape}")
        self._check_time(pts)
        with self._translated():
            if self._sink is None:
                self._sink = self._open_sink(image.shape)
            self._sink.encode(image, pts)
        self._pts.append(pts)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is not None:
                return
            if self._sink is None:
                raise MediaError(f"{self.path}: no frame was given, so nothing is written")
            with self._translated():
                self._sink.finish()
                if self.path.is_dir():
                    shutil.rmtree(self.path)
                self._aside.replace(self.path)
        finally:
            if self._sink is not None:
                self._sink.abort()
            remove(self._aside)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise error if isinstance(error, MediaError) else unwritable(self.path, error) from error

    def _open_sink(self, shape: tuple[int, ...]) -> "Encoder | _PngFolder":
        height, width, num_channels = shape
        suffix = self.path.suffix.lower()
        if not suffix:
            if self._sound is not None:
                self.notes.append("sound: a folder of pictures holds none; it is left out")
            return _PngFolder(self._aside, self._clock.time_base)
        file_format = FORMATS[suffix]
        if num_channels == 4 and not file_format.has_alpha:
            raise MediaError(f"{self.path}: {suffix} has no alpha; use .mov, .webm or a folder, or give a background")
        if num_channels == 3:
            file_format = replace(file_format, pixel_format=file_format.pixel_format.replace("yuva", "yuv"))
        encoder = Encoder(
            self._aside,
            file_format,
            size_wh=(width + width % 2, height + height % 2),
            clock=self._clock,
            sound=self._sound,
        )
        self.notes = encoder.notes
        return encoder

    def _check_time(self, pts: int) -> None:
        if not self._pts:
            return
        if pts <= self._pts[-1]:
            raise ValueError(f"frame {len(self._pts)} has pts {pts}, the frame before {self._pts[-1]}")
        if self.path.suffix.lower() == ".webm" and self._ms(pts) <= self._ms(self._pts[-1]):
            raise MediaError(
                f"{self.path}: .webm counts in milliseconds and cannot keep frames {len(self._pts) - 1} and "
                f"{len(self._pts)} apart; use .mov or a folder of PNG"
            )

    def _ms(self, pts: int) -> int:
        return round(pts * self._clock.time_base * 1000)


class _PngFolder:
    """A folder of numbered PNG pictures, straight alpha, and their times."""

    def __init__(self, folder: Path, time_base: Fraction) -> None:
        self._folder = folder
        self._time_base = time_base
        self._pts: list[int] = []
        folder.mkdir()

    def encode(self, image: np.ndarray, pts: int) -> None:
        """Write one picture."""
        code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        is_done, png = cv2.imencode(".png", cv2.cvtColor(image, code))
        assert is_done
        (self._folder / f"{len(self._pts):06d}.png").write_bytes(png.tobytes())
        self._pts.append(pts)

    def finish(self) -> None:
        """Write the times."""
        times = {"time_base": str(self._time_base), "pts": self._pts}
        (self._folder / TIMES_FILE).write_text(json.dumps(times))

    def abort(self) -> None:
        """Nothing to let go of."""


def _check_target_folder(path: Path) -> None:
    check_parent(path)
    if path.is_dir() and any(path.iterdir()) and not (path / TIMES_FILE).is_file():
        raise MediaError(f"{path}: the folder holds other files; give a new or an empty folder")
    if path.is_file():
        raise MediaError(f"{path}: is a file; a path without a suffix means a folder of PNG, so give another name")
