"""Folders of numbered pictures: PNG for everything, EXR for compositing. Their times lie beside them in times.json.

In: images with pts. Out: 000000.png or .exr, and so on.

    PNG   8 bits, sRGB, straight alpha
    EXR   16-bit floats, ZIP; light in BT.709 primaries (BT.2020 for an HDR plate), 1.0 = diffuse white; colours
          premultiplied by alpha, as OpenEXR wants it
"""

import errno
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perfkit.color import WHITE_NITS, chromaticities_of, light_from_code
from perfkit.errors import ExportError, MediaError
from perfkit.files import check_parent
from perfkit.timecode import advance_timecode, parse_timecode
from perfkit.video_encode import Look, Slate
from perfkit.video_formats import PicturesFormat

TIMES_FILE = "times.json"


class PicturesFolder:
    """A folder of numbered pictures and their times.

    Attributes:
        notes: What had to be left out, one line each.
    """

    def __init__(self, folder: Path, pictures: PicturesFormat, look: Look, slate: Slate) -> None:
        self.notes = [] if slate.sound is None else ["sound: a folder of pictures holds none; it is left out"]
        self._folder = folder
        self._suffix = pictures.suffix
        self._slate = slate
        self._pts: list[int] = []
        self._write = _write_png if pictures.suffix == ".png" else _ExrWriter(look, slate).write
        folder.mkdir()

    def encode(self, image: np.ndarray, pts: int) -> None:
        """Write one picture."""
        self._write(self._folder / f"{len(self._pts):06d}{self._suffix}", image)
        self._pts.append(pts)

    def finish(self) -> None:
        """Write the times."""
        times: dict[str, object] = {"time_base": str(self._slate.clock.time_base), "pts": self._pts}
        times |= {"timecode": self._slate.timecode} if self._slate.timecode is not None else {}
        times |= {"reel": self._slate.reel} if self._slate.reel is not None else {}
        (self._folder / TIMES_FILE).write_text(json.dumps(times))

    def abort(self) -> None:
        """Nothing to let go of."""


def check_target_folder(path: Path) -> None:
    """Refuse a target folder that cannot come into being, or that holds something else.

    Raises:
        MediaError: With the reason.
    """
    check_parent(path)
    if path.is_dir() and any(path.iterdir()) and not (path / TIMES_FILE).is_file():
        raise MediaError(f"{path}: the folder holds other files; give a new or an empty folder")
    if path.is_file():
        raise MediaError(f"{path}: is a file; a path without a suffix means a folder of pictures, so give another name")


def _write_png(path: Path, image: np.ndarray) -> None:
    code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    is_done, png = cv2.imencode(".png", cv2.cvtColor(image, code))
    assert is_done
    path.write_bytes(png.tobytes())


class _ExrWriter:
    """Turns pictures into light and writes them with what a compositor wants to know."""

    def __init__(self, look: Look, slate: Slate) -> None:
        self._exr = _import_openexr()
        self._slate = slate
        self._timecode = None if slate.timecode is None else parse_timecode(slate.timecode)
        self._transfer = look.transfer
        bits = 255 if look.transfer == "sdr" else 65535
        primaries = "bt709" if look.transfer == "sdr" else "bt2020"
        self._light = None
        if look.transfer == "sdr":
            self._light = light_from_code(np.arange(bits + 1) / bits, "sdr").astype(np.float32)
        self._header = {
            "compression": self._exr.ZIP_COMPRESSION,
            "type": self._exr.scanlineimage,
            "chromaticities": chromaticities_of(primaries),
            "framesPerSecond": slate.clock.rate_fps,
            "whiteLuminance": WHITE_NITS,
        }
        if slate.reel is not None:
            self._header["reelName"] = slate.reel
        self._num_written = 0

    def write(self, path: Path, image: np.ndarray) -> None:
        """Write one picture."""
        header = dict(self._header)
        if self._timecode is not None:
            code = advance_timecode(self._timecode, self._num_written, self._slate.clock.rate_fps)
            flags = (int(code.is_drop), *[0] * 13)
            header["timeCode"] = self._exr.TimeCode(code.hours, code.minutes, code.seconds, code.frames, *flags)
        channels = {"RGBA" if image.shape[2] == 4 else "RGB": self._light_of(image).astype(np.float16)}
        try:
            self._exr.File(header, channels).write(str(path))
        except RuntimeError as error:
            raise _os_error_of(error) from error
        self._num_written += 1

    def _light_of(self, image: np.ndarray) -> np.ndarray:
        if self._light is None:
            return light_from_code(image / 65535, self._transfer)
        light = self._light[image[..., :3]]
        if image.shape[2] == 3:
            return light
        alpha = image[..., 3:].astype(np.float32) / 255
        return np.concatenate([light * alpha, alpha], axis=-1)


def _import_openexr() -> Any:
    try:
        return import_module("OpenEXR")
    except ImportError:
        raise ExportError(
            "a folder of EXR needs the package OpenEXR, which is not installed; run: pip install 'perfkit[delivery]'"
        ) from None


def _os_error_of(error: RuntimeError) -> OSError:
    """Return the system's error that OpenEXR put into words."""
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
        if os.strerror(code) in str(error):
            return OSError(code, os.strerror(code))
    return OSError(errno.EIO, str(error))
