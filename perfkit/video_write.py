"""Videos out: suffix and preset decide the format, the times are the take's own, a half-written file cannot exist.

In: images with pts, the take that sound, timecode and reel come from. Out: one of the formats in `video_formats`, by
suffix and preset: .mp4 (H.264), .mov (ProRes), .webm (VP9), .mkv (FFV1), or a folder of PNG or EXR pictures with their
`times.json`. All but .mp4 carry alpha; .mp4 (as HEVC), .mov and EXR carry HDR.

What the files say of themselves: BT.709 in limited range (FFV1: RGB, sRGB), or BT.2020 and the take's transfer for HDR;
mp4 and mov count in the take's own time base, webm and mkv in milliseconds; timecode is a track of its own in mp4 and
mov, a tag in webm and mkv, an attribute of every EXR.
"""

import contextlib
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from perfkit.errors import MediaError
from perfkit.files import aside_of, check_target, remove, unwritable
from perfkit.take import Take
from perfkit.video_encode import Clock, Encoder, Look, Slate
from perfkit.video_formats import FileFormat, PicturesFormat, choose_format, refuse_alpha, refuse_hdr
from perfkit.video_pictures import PicturesFolder, check_target_folder
from perfkit.video_sound import Sound


class VideoWriter:
    """Writes one video; use it as a context manager.

    The file appears under its name when the block ends well. After any exception, Ctrl-C included, nothing is left and
    what lay there before is untouched. In video files, odd widths and heights get their last column or row twice.

        with VideoWriter("out.mp4", time_base=take.info.time_base, sound_from=take) as writer:
            for index, pts, image_rgb in iterate_frames(take):
                writer.write(image_rgb, pts)

    Attributes:
        path: The target.
        notes: What had to be done to sound and times, one line each; complete when the block has ended.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        time_base: Fraction,
        rate_fps: Fraction | None = None,
        sound_from: Take | None = None,
        preset: str | None = None,
    ) -> None:
        """Name the target; nothing is written yet.

        Args:
            path: Target; its suffix decides the format, a path without a suffix is a folder of pictures.
            time_base: Seconds per unit of the pts to come: the take's own.
            rate_fps: Usual rate, for the headers only; by default that of `sound_from`, else 30.
            sound_from: The take whose sound, timecode and reel are carried over; None for a silent video.
            preset: Name in `video_formats.PRESETS`; None: the suffix's usual format.

        Raises:
            MediaError: The suffix is unknown, or the preset has no such format.
            SettingsError: The preset is unknown.
        """
        self.path = Path(path)
        self.notes: list[str] = []
        self._preset = preset
        self._format = choose_format(self.path, preset=preset)
        self._take = sound_from
        if sound_from is not None:
            rate_fps = rate_fps or sound_from.info.rate_fps_from_content
        self._clock = Clock(time_base, min(rate_fps or Fraction(30), 1 / time_base))
        self._aside = aside_of(self.path)
        self._sink: Encoder | PicturesFolder | None = None
        self._shape: tuple[int, ...] = ()
        self._pts: list[int] = []
        self._late = 0

    def __enter__(self) -> Self:
        if isinstance(self._format, FileFormat):
            check_target(self.path)
        else:
            check_target_folder(self.path)
        return self

    def write(self, image: np.ndarray, pts: int) -> None:
        """Add one picture.

        Args:
            image: (H, W, 3) or, where the format has alpha, (H, W, 4) uint8 sRGB with straight alpha; or, where it has
                HDR, (H, W, 3) uint16 R'G'B' in BT.2020 and the transfer of `sound_from`; always the same.
            pts: Its time in units of the time base; larger than the one before. Times before zero move all times.

        Raises:
            MediaError: The disk refuses, the format has no alpha or no HDR, or it cannot keep two times apart.
        """
        if not self._shape:
            self._shape = image.shape
        if image.shape != self._shape:
            raise ValueError(f"frame {len(self._pts)} is {image.shape}, the frames before are {self._shape}")
        self._check_time(pts)
        with self._translated():
            if self._sink is None:
                self._sink = self._open_sink(image, pts)
            self._sink.encode(image, pts + self._late)
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
        except MediaError:
            raise
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _open_sink(self, image: np.ndarray, first_pts: int) -> Encoder | PicturesFolder:
        look = self._look_of(image)
        if isinstance(self._format, PicturesFormat):
            pictures = PicturesFolder(self._aside, self._format, look, self._slate())
            self.notes = pictures.notes
            return pictures
        self._late = max(0, -first_pts)
        encoder = Encoder(self._aside, self._format, look, self._slate())
        self.notes = encoder.notes
        if look.transfer != "sdr":
            self.notes.append(f"HDR ({look.transfer.upper()}) is passed: the pictures are BT.2020, 10 bits")
        if self._late:
            moved = float(self._late * self._clock.time_base)
            self.notes.append(f"times: the take begins {moved:.3f} s before zero; picture and sound are moved to zero")
        return encoder

    def _look_of(self, image: np.ndarray) -> Look:
        height, width, num_channels = image.shape
        if num_channels == 4 and not self._format.has_alpha:
            raise refuse_alpha(self.path, preset=self._preset)
        transfer = "sdr"
        if image.dtype == np.uint16:
            if self._take is None or not self._take.info.color.is_hdr:
                raise ValueError("16-bit pictures are an HDR take's own; name it with sound_from")
            transfer = self._take.info.color.transfer
            if not self._format.has_hdr:
                raise refuse_hdr(self.path)
        return Look((width + width % 2, height + height % 2), has_alpha=num_channels == 4, transfer=transfer)

    def _slate(self) -> Slate:
        if self._take is None:
            return Slate(self._clock)
        info = self._take.info
        delay = self._late * self._clock.time_base
        sound = Sound(self._take.path, info.audio_tracks, delay) if info.audio_tracks else None
        return Slate(self._clock, sound, info.timecode, info.reel)

    def _check_time(self, pts: int) -> None:
        if not self._pts:
            return
        if pts <= self._pts[-1]:
            raise ValueError(f"frame {len(self._pts)} has pts {pts}, the frame before {self._pts[-1]}")
        counts_ms = isinstance(self._format, FileFormat) and self._format.counts_milliseconds
        if counts_ms and self._ms(pts) <= self._ms(self._pts[-1]):
            raise MediaError(
                f"{self.path}: {self.path.suffix} counts in milliseconds and cannot keep frames {len(self._pts) - 1} "
                f"and {len(self._pts)} apart; use .mov or a folder of PNG"
            )

    def _ms(self, pts: int) -> int:
        return round(pts * self._clock.time_base * 1000)
