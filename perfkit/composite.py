"""Puts the character's pictures over a background, or beside the take.

    StylizedFrame (RGBA) + background --> RGB        take | RGB --> side by side

In: straight-alpha uint8 RGBA. Out: uint8 RGB. Backgrounds are read as they are needed, never held.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np

from perfkit.color import hdr_from_srgb, sdr_from_take
from perfkit.errors import MediaError, SettingsError
from perfkit.files import is_file
from perfkit.quiet import quiet_stderr
from perfkit.take import Take
from perfkit.video import iterate_frames, open_take

TAKE = "take"
COLOURS: dict[str, str] = {
    "white": "#ffffff",
    "black": "#000000",
    "grey": "#808080",
    "gray": "#808080",
    "green": "#00b140",
    "blue": "#0047bb",
    "sky": "#bfe3f5",
    "cream": "#f4ecd8",
    "rose": "#f3d9dc",
    "mint": "#d8eee2",
}
"""Colours that have a name; green and blue are those of keying screens."""
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
Picture = TypeVar("Picture", np.ndarray, np.ndarray | None)
_USUAL_STEP_SECONDS = 1 / 25


@dataclass(frozen=True, eq=False)
class StylizedFrame:
    """One picture of the character.

    Attributes:
        index: Absolute frame index in the take.
        seconds: Presentation time.
        image_rgba: (H, W, 4) uint8, straight alpha.
        latents_Chw: float32, what the engine decoded it from; None where it came from no engine.
        points: (P, 3) float32, as `control.ControlFrame` has them; None where they are not known.
    """

    index: int
    seconds: float
    image_rgba: np.ndarray
    latents_Chw: np.ndarray | None = None
    points: np.ndarray | None = None


class Background(Protocol):
    """What lies behind the character."""

    def __call__(self, seconds: float, take_rgb: np.ndarray | None) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of the canvas' size; called in the order of time.

        Args:
            seconds: Presentation time.
            take_rgb: The take's upright picture at that time, if there is a take.
        """
        ...


class StillBackground:
    """One picture for all frames."""

    def __init__(self, image_rgb: np.ndarray) -> None:
        self._image_rgb = image_rgb

    def __call__(self, seconds: float, take_rgb: np.ndarray | None) -> np.ndarray:
        return self._image_rgb


class TakeBackground:
    """The take itself, upright, filling the canvas."""

    def __init__(self, canvas_wh: tuple[int, int]) -> None:
        self._canvas_wh = canvas_wh

    def __call__(self, seconds: float, take_rgb: np.ndarray | None) -> np.ndarray:
        if take_rgb is None:
            raise MediaError(f"background 'take': there is no picture of the take at {seconds:.2f} s; give the take")
        return fit_cover(take_rgb, self._canvas_wh)


class MovingBackground:
    """A video in its own time, from its beginning at the first frame; it begins again where it ends."""

    def __init__(self, video: Take, canvas_wh: tuple[int, int]) -> None:
        self._canvas_wh = canvas_wh
        self._pictures = _iterate_endlessly(video)
        self._zero_seconds: float | None = None
        _, self._shown = next(self._pictures)
        self._next_seconds, self._next = next(self._pictures)

    def __call__(self, seconds: float, take_rgb: np.ndarray | None) -> np.ndarray:
        if self._zero_seconds is None:
            self._zero_seconds = seconds
        while self._next_seconds <= seconds - self._zero_seconds + 1e-6:
            self._shown = self._next
            self._next_seconds, self._next = next(self._pictures)
        return fit_cover(self._shown, self._canvas_wh)


def make_background(spec: str, canvas_wh: tuple[int, int]) -> Background:
    """Make what lies behind the character.

    Args:
        spec: "take", "#rrggbb", a name in `COLOURS`, or the path of an image or a video.
        canvas_wh: Size to fill, px; what stands over is cut off evenly.

    Raises:
        SettingsError: None of these.
        MediaError: A file that cannot be read.
    """
    width, height = canvas_wh
    if spec == TAKE:
        return TakeBackground(canvas_wh)
    colour = COLOURS.get(spec, spec)
    if colour.startswith("#"):
        return StillBackground(np.full((height, width, 3), _read_colour(colour), dtype=np.uint8))
    path = Path(spec)
    if not is_file(path):
        raise SettingsError(
            f"background {spec!r}: neither a colour (#rrggbb, {', '.join(sorted(COLOURS))}), nor 'take', nor a file; "
            "give one of these"
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return StillBackground(fit_cover(_read_image(path), canvas_wh))
    return MovingBackground(open_take(path), canvas_wh)


def composite(image_rgba: np.ndarray, background_rgb: np.ndarray) -> np.ndarray:
    """Lay a picture over another.

    Args:
        image_rgba: (H, W, 4) uint8 or uint16, straight alpha.
        background_rgb: (H, W, 3), the same type.

    Returns:
        (H, W, 3), the same type; full alpha gives the picture's own values, alpha 0 the background's, exactly.
    """
    full = np.iinfo(image_rgba.dtype).max
    alpha: np.ndarray = cv2.merge([image_rgba[..., 3]] * 3).astype(np.uint16 if full == 255 else np.uint32)
    mixed: np.ndarray = alpha * cv2.cvtColor(image_rgba, cv2.COLOR_RGBA2RGB)
    mixed += np.subtract(full, alpha, out=alpha) * background_rgb
    mixed += full // 2
    mixed //= full
    return mixed.astype(image_rgba.dtype)


def show_in_hdr(image: np.ndarray, transfer: str | None) -> np.ndarray:
    """Return a picture as it is to be laid over or beside an HDR take: white at 203 nits.

    Args:
        image: (H, W, 3 or 4) uint8 sRGB; or uint16, HDR already.
        transfer: pq or hlg; None: the take is not HDR, and the picture stays what it is.

    Returns:
        The same, or (H, W, 3 or 4) uint16 R'G'B' in BT.2020 and the transfer, alpha as it was.
    """
    if transfer is None or image.dtype == np.uint16:
        return image
    code = hdr_from_srgb(image[..., :3] / 255, transfer)
    picture = np.round(code * 65535).astype(np.uint16)
    return np.concatenate([picture, image[..., 3:].astype(np.uint16) * 257], axis=-1)


def show_in_sdr(image: Picture, transfer: str | None) -> Picture:
    """Return a picture of an HDR take, (H, W, 3) uint16 in BT.2020 and the transfer, as uint8 sRGB; others as is."""
    if image is None or transfer is None or image.dtype == np.uint8:
        return image
    return np.round(sdr_from_take(image / 65535, transfer=transfer, primaries="bt2020") * 255).astype(np.uint8)


def join_side_by_side(take_rgb: np.ndarray, character_rgb: np.ndarray) -> np.ndarray:
    """Put the take at the left of the character, both as high as the take, within once to twice the character's height.

    Returns:
        (H, W, 3) uint8; H and W even.
    """
    take_height, character_height = take_rgb.shape[0], character_rgb.shape[0]
    height = min(max(take_height, character_height), 2 * character_height)
    height += height % 2
    return np.concatenate([_scale_to_height(take_rgb, height), _scale_to_height(character_rgb, height)], axis=1)


def fit_cover(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale a picture until it covers `size_wh`, and cut evenly what stands over."""
    width, height = size_wh
    gain = max(width / image.shape[1], height / image.shape[0])
    scaled = resize(image, (max(width, round(image.shape[1] * gain)), max(height, round(image.shape[0] * gain))))
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def resize(image: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Scale a picture without aliasing when it shrinks and without steps when it grows."""
    if (image.shape[1], image.shape[0]) == size_wh:
        return image
    shrinks = size_wh[0] < image.shape[1]
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _scale_to_height(image_rgb: np.ndarray, height: int) -> np.ndarray:
    width = round(image_rgb.shape[1] * height / image_rgb.shape[0])
    return resize(image_rgb, (max(2, width + width % 2), height))


def _iterate_endlessly(video: Take) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (seconds since the beginning, image) of a video, again and again."""
    seconds, step = 0.0, _USUAL_STEP_SECONDS
    zero_seconds = 0.0
    while True:
        first_pts: int | None = None
        for _, pts, image_rgb in iterate_frames(video):
            first_pts = pts if first_pts is None else first_pts
            previous, seconds = seconds, zero_seconds + float((pts - first_pts) * video.info.time_base)
            step = seconds - previous if pts != first_pts else step
            yield seconds, image_rgb
        zero_seconds = seconds + step


def _read_colour(text: str) -> tuple[int, int, int]:
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    try:
        if len(digits) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise SettingsError(f"background {text!r}: expected #rrggbb with hexadecimal digits, e.g. #dfe6ea") from None
    return red, green, blue


def _read_image(path: Path) -> np.ndarray:
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check the path of the background") from error
    with quiet_stderr():
        image_bgr = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    if image_bgr is None:
        raise MediaError(f"{path}: not a picture that can be read; give a PNG or JPEG as background")
    return cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)
