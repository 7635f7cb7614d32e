"""Takes that are broken or lie, for scripts/bench_robustness.py: valid clips of 20 frames, damaged by a seed.

In: the sample take. Out: bytes. MP4 is a tree of boxes (size, name, content); Matroska one of EBML elements (ID, size,
content), AVI one of RIFF chunks; each edit finds its place by the name and writes another number there.
"""

import random
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

NUM_FRAMES = 20
COPIED = ("mp4", "mov", "mkv")
ENCODED = {"webm": ("libvpx-vp9", "yuv420p"), "avi": ("mjpeg", "yuvj420p")}
MP4_BOXES = (
    "ftyp",
    "moov",
    "mvhd",
    "trak",
    "tkhd",
    "mdia",
    "mdhd",
    "hdlr",
    "stbl",
    "stsd",
    "avcC",
    "stts",
    "stsz",
    "stco",
)
"""Boxes whose size is made a lie."""
MP4_FIELDS = {
    "movie timescale 0": ("mvhd", 12, 0),
    "timescale 0": ("mdhd", 12, 0),
    "timescale 1": ("mdhd", 12, 1),
    "timescale 4294967295": ("mdhd", 12, 2**32 - 1),
    "duration 0": ("mdhd", 16, 0),
    "duration 4294967295": ("mdhd", 16, 2**32 - 1),
    "4294967295 times": ("stts", 4, 2**32 - 1),
    "0 times": ("stts", 4, 0),
    "frames 0 long": ("stts", 12, 0),
    "frames 4294967295 long": ("stts", 12, 2**32 - 1),
    "first time 4294967295 times": ("stts", 8, 2**32 - 1),
    "4294967295 sizes": ("stsz", 8, 2**32 - 1),
    "all frames 4294967295 bytes": ("stsz", 4, 2**32 - 1),
    "all frames 1 byte": ("stsz", 4, 1),
    "chunk at 4294967295": ("stco", 8, 2**32 - 1),
    "4294967295 chunks": ("stco", 4, 2**32 - 1),
    "4294967295 entries": ("stsd", 4, 2**32 - 1),
    "65535x65535 px": ("avc1", 24, 2**32 - 1),
    "0x0 px": ("avc1", 24, 0),
    "display matrix of zeros": ("tkhd", 40, 0),
}
"""What is claimed -> (box, offset in it, 32 bits)."""
EBML_FIELDS = {
    "segment 0 long": (b"\x18\x53\x80\x67", 0, b"\x80"),
    "segment endless": (b"\x18\x53\x80\x67", 0, b"\x01" + b"\xff" * 7),
    "tracks 72 PB": (b"\x16\x54\xae\x6b", 0, b"\x01\xff\xff\xff\xff\xff\xff\xfe"),
    "timescale 0": (b"\x2a\xd7\xb1", 1, b"\0\0\0"),
    "timescale 16777215": (b"\x2a\xd7\xb1", 1, b"\xff\xff\xff"),
    "duration NaN": (b"\x44\x89", 1, b"\x7f\xf8\0\0\0\0\0\0"),
    "duration -inf": (b"\x44\x89", 1, b"\xff\xf0\0\0\0\0\0\0"),
    "width 65535": (b"\xb0", 1, b"\xff\xff"),
    "height 0": (b"\xba", 1, b"\0\0"),
    "cluster 0 long": (b"\x1f\x43\xb6\x75", 0, b"\x80"),
    "track number 127": (b"\xd7", 1, b"\x7f"),
    "cues 72 PB": (b"\x1c\x53\xbb\x6b", 0, b"\x01\xff\xff\xff\xff\xff\xff\xfe"),
}
"""What is claimed -> (ID, 0: overwrite its size, 1: its content behind a size of one byte; bytes)."""
AVI_FIELDS = {
    "file 0 long": (b"RIFF", 4, 0),
    "file 4294967295 long": (b"RIFF", 4, 2**32 - 1),
    "microseconds a frame 0": (b"avih", 8, 0),
    "frames 4294967295": (b"avih", 24, 2**32 - 1),
    "rate 0": (b"strh", 32, 0),
    "scale 0": (b"strh", 28, 0),
    "scale 4294967295": (b"strh", 28, 2**32 - 1),
    "65535x65535 px": (b"strf", 12, 65535),
    "index 4294967295 long": (b"idx1", 4, 2**32 - 1),
}
"""What is claimed -> (chunk, offset from its name, 32 bits little-endian)."""


def make_clips(take: Path, folder: Path) -> dict[str, bytes]:
    """Return the first 20 frames of a take in five containers: suffix -> bytes."""
    clips = {}
    for suffix in COPIED:
        with av.open(str(take)) as source, av.open(str(folder / f"clip.{suffix}"), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for packet in islice(source.demux(stream), NUM_FRAMES):
                packet.stream = copy
                target.mux(packet)
        clips[suffix] = (folder / f"clip.{suffix}").read_bytes()
    images = read_images(take)
    for suffix, (encoder, pixel_format) in ENCODED.items():
        clips[suffix] = encode(images, folder / f"clip.{suffix}", encoder, pixel_format)
    return clips


def read_images(take: Path) -> list[np.ndarray]:
    """Return the first 20 pictures of a take."""
    with av.open(str(take)) as source:
        return [frame.to_ndarray(format="rgb24") for frame in islice(source.decode(video=0), NUM_FRAMES)]


def encode(
    images: list[np.ndarray],
    path: Path,
    encoder: str,
    pixel_format: str,
    *,
    rate_fps: Fraction = Fraction(24),
    aspect: Fraction = Fraction(1),
) -> bytes:
    """Write pictures as a video and return its bytes."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream(encoder, rate=rate_fps)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.options = {"preset": "ultrafast"} if encoder == "libx264" else {}
        stream.codec_context.sample_aspect_ratio = aspect
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixel_format)
            frame.pts = number
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path.read_bytes()


def iterate_damaged(clips: dict[str, bytes]) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield (kind, what was done, suffix, bytes) of clips that are cut, flipped or emptied in part."""
    for suffix, clip in clips.items():
        rng = random.Random(suffix)
        for size in (1, 40, *sorted(rng.sample(range(100, len(clip)), 3))):
            yield "truncated", f"{size} of {len(clip)} bytes", suffix, clip[:size]
        for num_bits in (1, 1, 8, 8, 64, 1000):
            yield "bits flipped", f"{num_bits} bits", suffix, flip_bits(clip, num_bits, rng)
        for size in (16, 4096):
            start = rng.randrange(len(clip) - size)
            yield "zero bytes", f"{size} at {start}", suffix, clip[:start] + bytes(size) + clip[start + size :]
        yield "zero bytes", "all", suffix, bytes(len(clip))
        yield "zero bytes", "behind the end", suffix, clip + bytes(100_000)


def flip_bits(clip: bytes, num_bits: int, rng: random.Random) -> bytes:
    """Flip some bits; a single one lies in the headers at the beginning."""
    damaged = bytearray(clip)
    for _ in range(num_bits):
        damaged[rng.randrange(1000 if num_bits == 1 else len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def iterate_lying_headers(clips: dict[str, bytes]) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield (kind, what is claimed, suffix, bytes) of clips whose headers are edited."""
    mp4 = clips["mp4"]
    for box in MP4_BOXES:
        start = mp4.index(box.encode()) - 4
        for size in (0, 7, 2**32 - 1):
            yield "MP4 boxes", f"{box} is {size} bytes", "mp4", _write_at(mp4, start, struct.pack(">I", size))
    for claim, (box, offset, value) in MP4_FIELDS.items():
        start = mp4.index(box.encode()) + 4 + offset
        yield "lying rates and sizes", claim, "mp4", _write_at(mp4, start, struct.pack(">I", value))
    for suffix in ("mkv", "webm"):
        for claim, (element, skipped, new) in EBML_FIELDS.items():
            start = clips[suffix].find(element) + len(element) + skipped
            yield "EBML elements", claim, suffix, _write_at(clips[suffix], start, new)
    for claim, (chunk, offset, value) in AVI_FIELDS.items():
        start = clips["avi"].index(chunk) + offset
        yield "AVI chunks", claim, "avi", _write_at(clips["avi"], start, struct.pack("<I", value))


def iterate_lying_videos(take: Path, folder: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield (kind, what is claimed, suffix, bytes) of whole videos with odd rates, sizes and shapes of pixels."""
    images, path = read_images(take), folder / "odd.mp4"
    for rate_fps in (Fraction(1, 1000), Fraction(1000), Fraction(60000, 1001), Fraction(1, 7)):
        clip = encode(images, path, "libx264", "yuv420p", rate_fps=rate_fps)
        yield "lying rates and sizes", f"{rate_fps} frames a second", "mp4", clip
    for aspect in (Fraction(2), Fraction(1, 3), Fraction(255), Fraction(1, 255), Fraction(30000)):
        clip = encode(images, path, "libx264", "yuv420p", aspect=aspect)
        yield "lying rates and sizes", f"pixels {aspect} as wide as high", "mp4", clip
    for width, height in ((2, 2), (16, 16), (4096, 16), (16, 4096), (8192, 4320), (16384, 8192)):
        blank = [np.full((height, width, 3), 90, np.uint8)] * 2
        clip = encode(blank, path, "libx264", "yuv420p")
        yield "lying rates and sizes", f"{width}x{height} px", "mp4", clip
    for number in (1, 2):
        yield "lying rates and sizes", f"{number} frames", "mp4", encode(images[:number], path, "libx264", "yuv420p")


def _write_at(clip: bytes, start: int, new: bytes) -> bytes:
    return clip[:start] + new + clip[start + len(new) :]
