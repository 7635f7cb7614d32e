"""Small clips made by ffmpeg, and ffprobe's word about any file: truth from outside for the media tests."""

import json
import shutil
import struct
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

SIZE_WH = (64, 48)
EXACT_COLOURS = ("-sws_flags", "bilinear+accurate_rnd+full_chroma_int")
"""Without these, ffmpeg converts YUV fast: over a level too dark."""


def make_clip(path: Path, *options: str, source: str = "testsrc2=size=64x48:rate=30000/1001", frames: int = 30) -> Path:
    """Make a clip of a lavfi source with ffmpeg; skip the test where ffmpeg is absent."""
    _run("ffmpeg", "-f", "lavfi", "-i", source, *options, "-frames:v", str(frames), str(path))
    return path


def make_clip_at(path: Path, pts: Sequence[int], *, time_base: Fraction) -> Path:
    """Make a clip of small grey pictures with exactly these stamps; none out of order may be below its own place."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuvj420p"
        stream.time_base = time_base
        for number, stamp in enumerate(pts):
            image = np.full((SIZE_WH[1], SIZE_WH[0], 3), 20 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
            frame.pts = number
            for packet in stream.encode(frame):
                packet.pts, packet.dts = stamp, stamp if list(pts) == sorted(pts) else number
                packet.time_base = time_base
                container.mux(packet)
    return path


def run_ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg and return what it writes to stdout."""
    return _run("ffmpeg", *arguments)


def probe_times(path: Path, kind: str = "v:0") -> list[Fraction]:
    """Return the seconds of every frame (exact) that ffprobe sees in a track."""
    found = _probe(path, "-select_streams", kind, "-show_frames", "-show_streams")
    time_base = Fraction(found["streams"][0]["time_base"])
    frames = found.get("frames") or found["packets_and_frames"]
    return [int(frame["pts"]) * time_base for frame in frames]


def probe_packets(path: Path, kind: str) -> list[tuple[Fraction, str]]:
    """Return (seconds, MD5 of the bytes) of every packet of a track."""
    found = _probe(path, "-select_streams", kind, "-show_packets", "-show_data_hash", "md5", "-show_streams")
    time_base = Fraction(found["streams"][0]["time_base"])
    return [(int(packet["pts"]) * time_base, packet["data_hash"]) for packet in found["packets"]]


def probe_stream(path: Path, kind: str = "v:0") -> dict:
    """Return what ffprobe says about a track."""
    return _probe(path, "-select_streams", kind, "-show_streams")["streams"][0]


def decode_with_ffmpeg(path: Path, pixel_format: str, *, decoder: str | None = None) -> np.ndarray:
    """Return all frames of the first picture track (T, H, W, C) uint8 as ffmpeg's own command line decodes them."""
    stream = probe_stream(path)
    choice = ["-c:v", decoder] if decoder else []
    output = ("-f", "rawvideo", "-pix_fmt", pixel_format, "-fps_mode", "passthrough", "-")
    raw = _run("ffmpeg", *choice, "-i", str(path), *EXACT_COLOURS, *output)
    num_channels = {"rgb24": 3, "rgba": 4, "gray": 1}[pixel_format]
    return np.frombuffer(raw, np.uint8).reshape(-1, stream["height"], stream["width"], num_channels)


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Overwrite the display matrix of the first track of an mp4 in place (tkhd version 0)."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    content[start : start + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def _probe(path: Path, *arguments: str) -> dict:
    return json.loads(_run("ffprobe", "-of", "json", *arguments, str(path)))


def _run(program: str, *arguments: str) -> bytes:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    quiet = ["-v", "error", "-nostdin", "-y"] if program == "ffmpeg" else ["-v", "error"]
    done = subprocess.run([program, *quiet, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
