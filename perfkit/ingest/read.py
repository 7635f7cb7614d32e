"""Reading one drawing that a stranger may have made: refused before it can do harm, upright and 8-bit afterwards.

In: the path of a PNG, JPEG or WebP. Out: a `Drawing`, straight-alpha RGBA in sRGB. Size and format are known from the
header before a single pixel is decoded; a file that ends too early, is animated or is no picture is a PackError.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms

from perfkit.errors import PackError
from perfkit.image import Orientation

SUFFIXES: frozenset[str] = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MAX_FILE_BYTES = 256 << 20
MAX_PIXELS = 64_000_000
"""Largest declared width x height: 8000 x 8000."""

MIN_SIDE_PX = 32
WORK_SIDE_PX = 2048
"""Drawings with a longer side are made smaller at once: a pack's canvas is far smaller."""

_FORMATS = ("PNG", "JPEG", "WEBP")
_EXIF_ORIENTATION = 0x0112
_ORIENTATIONS = {
    2: Orientation(is_flipped_x=True),
    3: Orientation(is_flipped_x=True, is_flipped_y=True),
    4: Orientation(is_flipped_y=True),
    5: Orientation(is_transposed=True),
    6: Orientation(is_transposed=True, is_flipped_x=True),
    7: Orientation(is_transposed=True, is_flipped_x=True, is_flipped_y=True),
    8: Orientation(is_transposed=True, is_flipped_y=True),
}
"""EXIF's orientation tag -> how the stored picture becomes upright."""

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError,
           struct.error, zlib.error, Image.DecompressionBombWarning)  # fmt: skip
"""What Pillow raises on damaged files, depending on where the damage is."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """One picture, upright.

    Attributes:
        rgba: (H, W, 4) uint8, straight alpha; the longer side at most `WORK_SIDE_PX`.
        size_wh: Upright size in the file, px.
        has_alpha: Whether any pixel is transparent.
        is_lossy: Whether the format blurs edges (JPEG, lossy WebP).
        note: What was odd and how it was treated; empty where nothing was.
    """

    rgba: np.ndarray
    size_wh: tuple[int, int]
    has_alpha: bool
    is_lossy: bool
    note: str = ""


def read_drawing(path: Path) -> Drawing:
    """Read a drawing.

    Raises:
        PackError: Unreadable, no PNG, JPEG or WebP, declared too large or too small, animated, cut short.
    """
    content = _read_bytes(path)
    if content[8:12] == b"WEBP":
        _check_size(path, _webp_size_wh(path, content))
    elif content[12:16] == b"IHDR" and len(content) >= 24:
        _check_size(path, (int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PackError(f"{path.name}: {_too_large('more')}") from error
    except _DAMAGE as error:
        raise PackError(f"{path.name}: no PNG, JPEG or WebP that can be read; export it again") from error
    with picture:
        _check_size(path, picture.size)
        if getattr(picture, "is_animated", False) and picture.format != "MPO":
            raise PackError(f"{path.name}: is animated; export each drawing as a file of its own")
        try:
            picture.load()
            rgba, note = _upright_rgba(picture)
        except (*_DAMAGE, MemoryError) as error:
            reason = " ".join(str(error).split())[:80] or type(error).__name__
            raise PackError(f"{path.name}: damaged or cut short ({reason}); export it again") from error
    is_lossy = picture.format in ("JPEG", "MPO") or (picture.format == "WEBP" and b"VP8L" not in content[:64])
    size_wh = (rgba.shape[1], rgba.shape[0])
    return Drawing(shrink(rgba), size_wh, bool((rgba[..., 3] < 255).any()), is_lossy, note)


def read_matte(path: Path, *, size_wh: tuple[int, int]) -> np.ndarray:
    """Read a matte: a picture of the drawing's size, white where the character is.

    Returns:
        (H, W) uint8, as large as the drawing that `read_drawing` returns.

    Raises:
        PackError: As `read_drawing`, or of another size than the drawing.
    """
    matte = read_drawing(path)
    if matte.size_wh != size_wh:
        got, expected = ("x".join(map(str, size)) for size in (matte.size_wh, size_wh))
        raise PackError(f"{path.name}: is {got} px, its drawing {expected}; make the matte as large as the drawing")
    grey = cv2.cvtColor(matte.rgba[..., :3], cv2.COLOR_RGB2GRAY).astype(np.uint16)
    return ((grey * matte.rgba[..., 3] + 127) // 255).astype(np.uint8)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Return float32 RGBA in 0..255, colours times alpha."""
    out = rgba.astype(np.float32)
    out[..., :3] *= out[..., 3:] / 255
    return out


def unpremultiply(rgba: np.ndarray) -> np.ndarray:
    """Return straight-alpha uint8 RGBA of premultiplied float32; what is fully transparent is black."""
    alpha = np.clip(rgba[..., 3:], 0, 255)
    colours = rgba[..., :3] * 255 / np.maximum(alpha, 1e-3)
    out = np.concatenate([np.where(alpha < 0.5, 0, colours), alpha], axis=-1)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def shrink(rgba: np.ndarray, side_px: int = WORK_SIDE_PX) -> np.ndarray:
    """Return a picture whose longer side is at most `side_px`, averaged down where it is longer."""
    height, width = rgba.shape[:2]
    if max(height, width) <= side_px:
        return rgba
    gain = side_px / max(height, width)
    size_wh = (max(1, round(width * gain)), max(1, round(height * gain)))
    alpha = np.ascontiguousarray(rgba[..., 3])
    colours = cv2.multiply(rgba[..., :3], cv2.merge([alpha, alpha, alpha]), scale=1 / 255)
    small = [cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA) for part in (colours, alpha)]
    return unpremultiply(np.dstack(small).astype(np.float32))


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path.name}: cannot be read ({error.strerror}); check its permissions") from error
    if not content:
        raise PackError(f"{path.name}: is empty; export it again")
    if len(content) > MAX_FILE_BYTES:
        raise PackError(f"{path.name}: larger than {MAX_FILE_BYTES >> 20} MiB; export it smaller")
    return content


def _webp_size_wh(path: Path, content: bytes) -> tuple[int, int]:
    """Read the declared size off a WebP's header, for its decoder makes room for it when it is opened.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind, body = content[12:16], content[20:30]
    if len(body) == 10:
        if kind == b"VP8X":
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if kind == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        if kind == b"VP8 ":
            return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise PackError(f"{path.name}: no PNG, JPEG or WebP that can be read; export it again")


def _check_size(path: Path, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    if width * height > MAX_PIXELS:
        raise PackError(f"{path.name}: {_too_large(f'{width}x{height} px')}")
    if min(size_wh) < MIN_SIDE_PX:
        raise PackError(f"{path.name}: {width}x{height} px is too small; at least {MIN_SIDE_PX} px a side are needed")


def _too_large(size: str) -> str:
    return f"declares {size}, at most {MAX_PIXELS // 1_000_000} megapixels are read; export it smaller"


def _upright_rgba(picture: Image.Image) -> tuple[np.ndarray, str]:
    orientation = _ORIENTATIONS.get(_read_orientation(picture), Orientation())
    note = ""
    if picture.mode.startswith("I"):
        grey = np.clip(np.asarray(picture).astype(np.int64), 0, 65535)
        alpha = np.full(grey.shape, 255, np.uint8)
        if isinstance(clear := picture.info.get("transparency"), int):
            alpha[grey == clear] = 0
        eight_bit = ((grey * 255 + 32767) // 65535).astype(np.uint8)
        rgba = np.dstack([eight_bit, eight_bit, eight_bit, alpha])
    else:
        rgba, note = _convert_to_srgb(picture)
    return orientation.turn_upright(rgba), note


def _read_orientation(picture: Image.Image) -> int:
    """Return EXIF's orientation; a picture whose EXIF is broken lies as it is stored."""
    try:
        return int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except _DAMAGE:
        return 1


def _convert_to_srgb(picture: Image.Image) -> tuple[np.ndarray, str]:
    """Return RGBA uint8 in sRGB, and a note where the picture's own colour profile could not be followed."""
    plain = picture if picture.mode in ("RGB", "RGBA", "CMYK") else picture.convert("RGBA")
    profile_bytes = picture.info.get("icc_profile")
    if not profile_bytes:
        return np.asarray(plain.convert("RGBA")), ""
    note, alpha = "", plain.getchannel("A") if plain.mode == "RGBA" else None
    colours = plain.convert("RGB") if plain.mode == "RGBA" else plain
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(profile_bytes))
        is_srgb = "srgb" in ImageCms.getProfileDescription(profile).lower()
        if profile.profile.xcolor_space.strip() == colours.mode and not is_srgb:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colours, profile, srgb, outputMode="RGB")
            assert converted is not None
            colours = converted
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        note = "its colour profile cannot be read; its colours are taken as sRGB"
    out = colours.convert("RGB")
    if alpha is not None:
        out.putalpha(alpha)
    return np.asarray(out.convert("RGBA")), note
