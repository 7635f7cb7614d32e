"""The files that perfkit delivers: which encoder, pixels and sound stand behind a suffix and a preset.

In: a path, a preset's name. Out: a `FileFormat` or a `PicturesFormat`.

The rule: the suffix alone chooses the format; a preset changes which format stands behind a suffix, and refuses the
suffixes that do not serve its purpose. Alpha changes the pixels of a format, never the format.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfkit.errors import MediaError, SettingsError


@dataclass(frozen=True)
class Coding:
    """How pictures are encoded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        pixel_format: What it encodes.
        options: The encoder's options.
        tag: The codec's name inside the file where players want another than the usual one.
    """

    encoder: str
    pixel_format: str
    options: tuple[tuple[str, str], ...]
    tag: str | None = None

    @property
    def is_rgb(self) -> bool:
        """Whether its pixels are RGB rather than YUV."""
        return self.pixel_format.startswith(("bgr", "rgb", "gbr"))


@dataclass(frozen=True)
class FileFormat:
    """One kind of video file.

    Attributes:
        container: FFmpeg's name of the muxer.
        opaque: How pictures without alpha are encoded.
        alpha: How pictures with alpha are encoded; None: it has none.
        hdr: How HDR is encoded; None: it carries none.
        sound_codecs: Codecs whose packets may be copied into the container.
        sound_encoder: Encoder for the others.
    """

    container: str
    opaque: Coding
    alpha: Coding | None
    hdr: Coding | None
    sound_codecs: frozenset[str]
    sound_encoder: str

    @property
    def has_alpha(self) -> bool:
        """Whether its pictures can carry alpha."""
        return self.alpha is not None

    @property
    def has_hdr(self) -> bool:
        """Whether its pictures can carry HDR."""
        return self.hdr is not None

    @property
    def counts_milliseconds(self) -> bool:
        """Whether its times are whole milliseconds; mp4 and mov count in the take's own units."""
        return self.container in ("webm", "matroska")


@dataclass(frozen=True)
class PicturesFormat:
    """A folder of numbered pictures.

    Attributes:
        suffix: .png: 8 bits, sRGB, straight alpha; .exr: 16-bit floats, linear light, premultiplied alpha.
    """

    suffix: str

    @property
    def has_alpha(self) -> bool:
        """Whether its pictures can carry alpha."""
        return True

    @property
    def has_hdr(self) -> bool:
        """Whether its pictures can carry HDR."""
        return self.suffix == ".exr"


_VP9_OPTIONS = (
    ("crf", "16"),
    ("b", "0"),
    ("deadline", "good"),
    ("cpu-used", "4"),
    ("row-mt", "1"),
    ("auto-alt-ref", "0"),
)
_PRORES_4444_OPTIONS = (("profile", "4444"), ("vendor", "apl0"), ("alpha_bits", "16"))
_PRORES_HQ_OPTIONS = (("profile", "hq"), ("vendor", "apl0"))
_FFV1_OPTIONS = (("level", "3"), ("g", "1"), ("slices", "4"), ("slicecrc", "1"))
# x265 invents decoding times for videos shorter than its reordering, its bytes depend on the number of threads, and its
# cutree writes beyond its buffers for pictures below 64 px.
_X265_PARAMS = "log-level=none:bframes=0:frame-threads=2:cutree=0"
_PCM = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_s24be"})
_MOV_SOUND = frozenset({"aac", "mp3", "ac3", "alac"}) | _PCM
_PRORES_4444_ALPHA = Coding("prores_ks", "yuva444p10le", _PRORES_4444_OPTIONS)
_PRORES_4444 = Coding("prores_ks", "yuv444p10le", _PRORES_4444_OPTIONS)
_PRORES_HQ = Coding("prores_ks", "yuv422p10le", _PRORES_HQ_OPTIONS)

H264 = FileFormat(
    container="mp4",
    opaque=Coding("libx264", "yuv420p", (("crf", "15"), ("preset", "medium"))),
    alpha=None,
    hdr=Coding(
        "libx265", "yuv420p10le", (("crf", "15"), ("preset", "medium"), ("x265-params", _X265_PARAMS)), tag="hvc1"
    ),
    sound_codecs=frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"}),
    sound_encoder="aac",
)
VP9 = FileFormat(
    container="webm",
    opaque=Coding("libvpx-vp9", "yuv420p", _VP9_OPTIONS),
    alpha=Coding("libvpx-vp9", "yuva420p", _VP9_OPTIONS),
    hdr=None,
    sound_codecs=frozenset({"opus", "vorbis"}),
    sound_encoder="libopus",
)
PRORES_4444 = FileFormat(
    container="mov",
    opaque=_PRORES_4444,
    alpha=_PRORES_4444_ALPHA,
    hdr=_PRORES_4444,
    sound_codecs=_MOV_SOUND,
    sound_encoder="pcm_s24le",
)
PRORES_422 = FileFormat(
    container="mov",
    opaque=_PRORES_HQ,
    alpha=_PRORES_4444_ALPHA,
    hdr=_PRORES_HQ,
    sound_codecs=_MOV_SOUND,
    sound_encoder="pcm_s24le",
)
FFV1 = FileFormat(
    container="matroska",
    opaque=Coding("ffv1", "bgr0", _FFV1_OPTIONS),
    alpha=Coding("ffv1", "bgra", _FFV1_OPTIONS),
    hdr=None,
    sound_codecs=frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus", "vorbis"}) | _PCM,
    sound_encoder="flac",
)
PNG = PicturesFormat(".png")
EXR = PicturesFormat(".exr")

FORMATS: Mapping[str, FileFormat | PicturesFormat] = {
    ".mp4": H264,
    ".mov": PRORES_4444,
    ".webm": VP9,
    ".mkv": FFV1,
    "": PNG,
}
"""Suffix -> format where no preset is named."""
PRESETS: Mapping[str, Mapping[str, FileFormat | PicturesFormat]] = {
    "web": {".mp4": H264, ".webm": VP9},
    "edit": {".mov": PRORES_422},
    "comp": {"": EXR, ".mov": PRORES_4444},
    "archive": {".mkv": FFV1},
}
"""Preset -> suffix -> format; the first suffix is the preset's usual one."""


def check_preset(preset: str | None) -> None:
    """Refuse a preset that nobody knows.

    Raises:
        SettingsError: It is none; the line lists the known ones.
    """
    if preset is not None and preset not in PRESETS:
        raise SettingsError(f"preset {preset!r}: no such preset; give one of {', '.join(PRESETS)}")


def usual_suffix(preset: str | None) -> str:
    """Return the suffix of a preset's usual format; without a preset .mp4."""
    check_preset(preset)
    return ".mp4" if preset is None else next(iter(PRESETS[preset]))


def choose_format(path: Path, *, preset: str | None = None) -> FileFormat | PicturesFormat:
    """Return the format of a file to write.

    Raises:
        MediaError: The suffix is unknown, or the preset has no such format.
        SettingsError: The preset is unknown.
    """
    check_preset(preset)
    formats = FORMATS if preset is None else PRESETS[preset]
    suffix = path.suffix.lower()
    if suffix in formats:
        return formats[suffix]
    names = ", ".join(name for name in formats if name)
    folder = [f"no suffix for a folder of {_folder_of(formats[''])}"] if "" in formats else []
    what = "no known format" if preset is None else f"not a format of preset {preset}"
    raise MediaError(f"{path}: {what}; use {', or '.join([names, *folder])}")


def refuse_alpha(path: Path, *, preset: str | None = None) -> MediaError:
    """Return the refusal of alpha for a format that has none."""
    formats = FORMATS if preset is None else PRESETS[preset]
    names = ", ".join(name for name, each in formats.items() if name and each.has_alpha)
    return MediaError(f"{path}: {path.suffix} has no alpha; use {names or '.mov'}, or no suffix for a folder of PNG")


def refuse_hdr(path: Path) -> MediaError:
    """Return the refusal of HDR for a format that has none."""
    return MediaError(f"{path}: this format has no HDR; use .mp4, .mov or preset comp, or let HDR be mapped to SDR")


def _folder_of(pictures: FileFormat | PicturesFormat) -> str:
    assert isinstance(pictures, PicturesFormat)
    return pictures.suffix[1:].upper()
