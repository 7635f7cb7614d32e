"""What a file's colour tags mean, and decoded frames turned into upright arrays as they say.

In: FFmpeg's frames. Out: `ColorInfo`; (H, W, 3 or 4) arrays, sRGB in 8 bits or the take's own code values in 16.
"""

import tempfile
from pathlib import Path

import numpy as np

from perfkit.color import sample_table
from perfkit.ffmpeg import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    FilterChain,
    Interpolation,
    VideoFrame,
    VideoReformatter,
)
from perfkit.take import ColorInfo, StreamInfo

_MATRICES = {
    "bt709": Colorspace.ITU709,
    "bt601": Colorspace.ITU601,
    "bt2020": Colorspace.BT2020,
    "smpte240m": Colorspace.SMPTE240M,
}
_MATRIX_FROM_TAG = {0: "rgb", 1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_UNREADABLE_MATRICES = {8: "YCgCo", 11: "YDzDx", 12: "chromaticity-derived", 13: "chromaticity-derived", 14: "ICtCp"}
_TRANSFER_FROM_TAG = {int(ColorTrc.SMPTE2084): "pq", int(ColorTrc.ARIB_STD_B67): "hlg"}
_PRIMARIES_FROM_TAG = {
    int(ColorPrimaries.BT2020): "bt2020",
    int(ColorPrimaries.SMPTE431): "p3",
    int(ColorPrimaries.SMPTE432): "p3",
}
_TABLE_NODES = 33
# Without these two, swscale's YUV to RGB is 1.2 levels too dark on average; with them within 0.5.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def read_color(frame: VideoFrame) -> ColorInfo:
    """Return how a frame's pixels are to be read."""
    is_rgb = frame.format.is_rgb
    usual = "bt709" if frame.width >= 1280 or frame.height > 576 else "bt601"
    matrix = "rgb" if is_rgb else _MATRIX_FROM_TAG.get(frame.colorspace, usual)
    transfer = _TRANSFER_FROM_TAG.get(frame.color_trc, "sdr")
    primaries = _PRIMARIES_FROM_TAG.get(frame.color_primaries, "bt709" if transfer == "sdr" else "bt2020")
    return ColorInfo(
        pixel_format=frame.format.name,
        matrix="bt709" if matrix == "rgb" and not is_rgb else matrix,
        is_full_range=is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG,
        transfer=transfer,
        primaries=primaries,
    )


def name_unreadable_matrix(frame: VideoFrame) -> str | None:
    """Return the name of a frame's YUV matrix if it is one that cannot be converted."""
    return None if frame.format.is_rgb else _UNREADABLE_MATRICES.get(frame.colorspace)


def describe_mapping(color: ColorInfo) -> str | None:
    """Return what is done to colours that sRGB cannot hold; None where there are none."""
    if color.is_hdr:
        return f"HDR ({color.transfer.upper()}): seen in SDR, 203 nits as white, highlights up to 1,000 nits rolled off"
    if color.primaries != "bt709":
        return f"wide colours ({color.primaries}): seen in sRGB, what lies outside less saturated"
    return None


class Converter:
    """Turns decoded frames into upright arrays; holds FFmpeg's state between frames.

    Args:
        info: The track that the frames come from.
        with_alpha: Four channels, straight alpha, opaque where the video has none; not with `keeps_hdr`.
        keeps_hdr: HDR as uint16 R'G'B' in the take's own transfer and primaries; otherwise all is uint8 sRGB.
    """

    def __init__(self, info: StreamInfo, *, with_alpha: bool = False, keeps_hdr: bool = False) -> None:
        self._info = info
        self._size_wh = info.orientation.upright_wh(info.size_wh)
        self._reformatter, self._last = VideoReformatter(), VideoReformatter()
        self._to_srgb: FilterChain | None = None
        self._final = "rgba" if with_alpha else "rgb24"
        keeps_hdr = keeps_hdr and info.color.is_hdr
        self._is_mapped = describe_mapping(info.color) is not None and not keeps_hdr
        # Not rgb48: swscale's way there from 4:2:0 with these flags is broken.
        deep = "gbrap16le" if with_alpha else "gbrp16le"
        self._format = deep if keeps_hdr or self._is_mapped else self._final
        self._options: dict[str, int] = {}
        if info.color.matrix != "rgb":
            self._options["src_colorspace"] = _MATRICES[info.color.matrix]
            self._options["src_color_range"] = ColorRange.JPEG if info.color.is_full_range else ColorRange.MPEG
            self._options["dst_color_range"] = ColorRange.JPEG

    def array_from_frame(self, frame: VideoFrame) -> np.ndarray:
        """Return the picture that a frame shows."""
        width, height = self._size_wh
        frame = self._reformatter.reformat(frame, width, height, self._format, interpolation=_EXACT, **self._options)
        if self._is_mapped:
            if self._to_srgb is None:
                self._to_srgb = _make_mapping(frame, self._info)
            (frame,) = self._to_srgb.run(frame)
            frame = self._last.reformat(frame, format=self._final)
        return self._info.orientation.turn_upright(frame.to_ndarray())


def _make_mapping(first: VideoFrame, info: StreamInfo) -> FilterChain:
    table = sample_table(_TABLE_NODES, transfer=info.color.transfer, primaries=info.color.primaries)
    with tempfile.TemporaryDirectory(prefix="perfkit-") as folder:
        path = Path(folder) / "table.cube"
        np.savetxt(path, table, fmt="%.6f", header=f"LUT_3D_SIZE {_TABLE_NODES}", comments="")
        options = f"file='{_escape(str(path))}':interp=tetrahedral"
        return FilterChain("lut3d", options, first=first, time_base=info.time_base)


def _escape(path: str) -> str:
    """Return a path as FFmpeg's filter options want it inside quotes."""
    return path.replace("\\", "/").replace("'", r"'\''").replace(":", r"\:")
