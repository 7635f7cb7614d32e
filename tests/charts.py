"""A colour chart whose values are known, as pictures and as clips that ffmpeg made of it."""

from pathlib import Path

import numpy as np
from clips import run_ffmpeg

PATCH_PX = 16


def make_chart(*, top: int = 255, seed: int = 0) -> np.ndarray:
    """Return 12 x 8 patches, (128, 192, 3) uint8 or uint16: greys, the six pure colours, the rest at random."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, top + 1, (8, 12, 3))
    patches[0] = np.linspace(0, top, 12).round()[:, None]
    patches[1, :6] = top * np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]])
    return patches.repeat(PATCH_PX, 0).repeat(PATCH_PX, 1).astype(np.uint8 if top < 256 else np.uint16)


def patches_of(image: np.ndarray) -> np.ndarray:
    """Return the middles of the patches, (..., 8, 12, 3): codecs and smaller chroma blur their edges."""
    rows = image.reshape(*image.shape[:-3], 8, PATCH_PX, 12, PATCH_PX, image.shape[-1])
    quarter = PATCH_PX // 4
    return rows[..., quarter:-quarter, :, quarter:-quarter, :].mean(axis=(-4, -2))


def write_chart(path: Path, chart: np.ndarray, scale: str, *options: str, frames: int = 2) -> Path:
    """Make a clip of a chart with ffmpeg: `scale` are the options of its filter scale, then `format`."""
    height, width = chart.shape[:2]
    raw = path.with_suffix(".raw")
    raw.write_bytes(chart.tobytes() * frames)
    pixels = "rgb24" if chart.dtype == np.uint8 else "rgb48le"
    source = ("-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", "25", "-i", str(raw))
    filters = f"scale={scale.replace(',', ':flags=bicubic+accurate_rnd+full_chroma_int,', 1)}"
    run_ffmpeg(*source, "-vf", filters, *options, str(path))
    raw.unlink()
    return path
