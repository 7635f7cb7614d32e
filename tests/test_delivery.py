"""Presets: what stands behind a name and a suffix, and what of the take is carried into the file."""

import json
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from charts import make_chart, write_chart
from clips import decode_with_ffmpeg, make_clip, probe_stream, run_ffmpeg

from perfkit.color import light_from_srgb
from perfkit.errors import ExportError, MediaError, SettingsError
from perfkit.video import VideoWriter, iterate_frames, open_take
from perfkit.video_formats import EXR, FORMATS, PRESETS, choose_format, usual_suffix

TIMECODE, REEL = "01:00:00;02", "A001_C002"


@pytest.fixture
def slated_take(tmp_path):
    path = tmp_path / "take.mov"
    run_ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=30000/1001", "-t", "0.4", "-c:v", "libx264",
        "-metadata", f"timecode={TIMECODE}", "-metadata:s:v", f"reel_name={REEL}", str(path),
    )  # fmt: skip
    return open_take(path)


def deliver(take, out, *, preset=None, alpha=None):
    with VideoWriter(out, time_base=take.info.time_base, sound_from=take, preset=preset) as writer:
        for _, pts, image in iterate_frames(take):
            writer.write(image if alpha is None else np.dstack([image, alpha]), pts)
    return out


def ramp(take):
    width, height = take.info.size_wh
    return np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8), (height, width))


KINDS = [
    ("web", "out.mp4", False, ("h264", "High", "yuv420p")),
    ("web", "out.webm", False, ("vp9", "Profile 0", "yuv420p")),
    ("web", "out.webm", True, ("vp9", "Profile 0", "yuv420p")),
    ("edit", "out.mov", False, ("prores", "HQ", "yuv422p10le")),
    ("edit", "out.mov", True, ("prores", "4444", "yuva444p12le")),
    ("comp", "out.mov", False, ("prores", "4444", "yuv444p12le")),
    ("comp", "out.mov", True, ("prores", "4444", "yuva444p12le")),
    ("archive", "out.mkv", False, ("ffv1", None, "bgr0")),
    ("archive", "out.mkv", True, ("ffv1", None, "bgra")),
]


@pytest.mark.parametrize(("preset", "name", "has_alpha", "kind"), KINDS)
def test_ffprobe_sees_what_the_preset_promises(tmp_path, slated_take, preset, name, has_alpha, kind):
    alpha = ramp(slated_take) if has_alpha else None
    out = deliver(slated_take, tmp_path / name, preset=preset, alpha=alpha)
    stream = probe_stream(out)
    assert (stream["codec_name"], stream.get("profile"), stream["pix_fmt"]) == kind
    if has_alpha:
        decoder = "libvpx-vp9" if name.endswith("webm") else None
        theirs = decode_with_ffmpeg(out, "rgba", decoder=decoder)[0]
        assert np.abs(theirs[..., 3].astype(int) - alpha).max() <= (0 if kind[0] == "ffv1" else 4)
    if kind[0] == "ffv1":
        (_, _, first), *_ = iterate_frames(slated_take)
        assert np.array_equal(decode_with_ffmpeg(out, "rgb24")[0], first)


@pytest.mark.parametrize(("preset", "name", "has_reel"), [
    ("web", "out.mp4", False), ("web", "out.webm", True), ("edit", "out.mov", True), ("archive", "out.mkv", True),
])  # fmt: skip
def test_timecode_and_reel_are_the_takes(tmp_path, slated_take, preset, name, has_reel):
    """An mp4 has no place for the reel."""
    assert (slated_take.info.timecode, slated_take.info.reel) == (TIMECODE, REEL)
    info = open_take(deliver(slated_take, tmp_path / name, preset=preset)).info
    assert (info.timecode, info.reel) == (TIMECODE, REEL if has_reel else None)
    if name == "out.mov":
        track = probe_stream(tmp_path / name, "d:0")
        assert (track["codec_tag_string"], track["tags"]["timecode"]) == ("tmcd", TIMECODE)


def test_a_take_without_timecode_gives_none(tmp_path):
    take = open_take(make_clip(tmp_path / "take.mp4", frames=3))
    assert open_take(deliver(take, tmp_path / "out.mov", preset="edit")).info.timecode is None


def test_exr_is_light_premultiplied_and_slated(tmp_path, slated_take):
    openexr = pytest.importorskip("OpenEXR")
    alpha = ramp(slated_take)
    folder = deliver(slated_take, tmp_path / "shot", preset="comp", alpha=alpha)
    frames = list(iterate_frames(slated_take))
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{n:06d}.exr" for n in range(len(frames))),
        "times.json",
    ]
    with openexr.File(str(folder / "000005.exr")) as file:
        pixels, header = file.channels()["RGBA"].pixels.astype(float), dict(file.header())
    opacity = alpha[..., None] / 255
    light = light_from_srgb(frames[5][2] / 255) * opacity
    assert np.abs(pixels[..., :3] - light).max() < 1e-3 and np.abs(pixels[..., 3:] - opacity).max() < 1e-3
    code = header["timeCode"]
    assert (code.hours, code.minutes, code.seconds, code.frame, bool(code.dropFrame)) == (1, 0, 0, 7, True)
    assert (header["reelName"], header["framesPerSecond"]) == (REEL, Fraction(30000, 1001))
    assert header["chromaticities"][:2] == pytest.approx((0.64, 0.33)) and header["whiteLuminance"] == 203
    times = json.loads((folder / "times.json").read_text())
    assert (times["timecode"], times["reel"], len(times["pts"])) == (TIMECODE, REEL, len(frames))


def test_ffmpeg_reads_the_same_light_out_of_an_exr(tmp_path, slated_take):
    pytest.importorskip("OpenEXR")
    folder = deliver(slated_take, tmp_path / "shot", preset="comp")
    raw = run_ffmpeg(
        "-apply_trc", "iec61966_2_1", "-i", str(folder / "000000.exr"), "-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-"
    )
    planes = np.frombuffer(raw, "<f4").reshape(3, 48, 64)[[2, 0, 1]].transpose(1, 2, 0)
    (_, _, first), *_ = iterate_frames(slated_take)
    assert np.abs(planes * 255 - first).max() < 0.5


def test_an_hdr_plate_in_exr_goes_beyond_white(tmp_path):
    openexr = pytest.importorskip("OpenEXR")
    tags = ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-color_range", "tv")
    scale = "out_color_matrix=bt2020:out_range=tv,format=yuv444p10le"
    take = open_take(write_chart(tmp_path / "take.mkv", make_chart(top=65535), scale, "-c:v", "ffv1", *tags))
    with VideoWriter(tmp_path / "shot", time_base=take.info.time_base, sound_from=take, preset="comp") as writer:
        for _, pts, image in iterate_frames(take, keeps_hdr=True):
            writer.write(image, pts)
    with openexr.File(str(tmp_path / "shot" / "000000.exr")) as file:
        pixels, header = file.channels()["RGB"].pixels, dict(file.header())
    assert pixels[8, -8].astype(float) == pytest.approx(10000 / 203, rel=0.02)
    assert header["chromaticities"][:2] == pytest.approx((0.708, 0.292))


def test_a_full_disk_is_said_in_one_line(tmp_path, slated_take, monkeypatch):
    openexr = pytest.importorskip("OpenEXR")

    def refuse(file, path):
        raise RuntimeError(f'Cannot write image file "{path}". No space left on device.')

    monkeypatch.setattr(openexr.File, "write", refuse)
    with pytest.raises(MediaError, match=r"No space left on device\); free some space"):
        deliver(slated_take, tmp_path / "shot", preset="comp")
    assert [path.name for path in tmp_path.iterdir()] == ["take.mov"]


def test_without_the_library_exr_is_refused_with_the_command(tmp_path, slated_take, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(ExportError, match=r"pip install 'perfkit\[delivery\]'"):
        deliver(slated_take, tmp_path / "shot", preset="comp")


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4", ".mov"])
def test_the_same_pictures_are_the_same_bytes(tmp_path, slated_take, suffix):
    first, second = (deliver(slated_take, tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second


ENCODE = """
import os, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from perfkit.video import VideoWriter
if sys.argv[2] == "on one core":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
blocks = np.kron(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
with VideoWriter(Path(sys.argv[1]), time_base=Fraction(1, 25)) as writer:
    for index in range(40):
        writer.write(np.ascontiguousarray(blocks[index % 7 : index % 7 + 80, index : index + 112]), index)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
def test_the_bytes_depend_neither_on_the_cores_nor_on_what_memory_held(tmp_path, suffix):
    """glibc fills new memory with a byte that it is told: what nobody wrote must not be read."""
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path, fill, where in zip(files, ("1", "200"), ("on all cores", "on one core"), strict=True):
        environment = {**os.environ, "MALLOC_PERTURB_": fill}
        subprocess.run([sys.executable, "-c", ENCODE, path, where], env=environment, check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_preset_refuses_suffixes_that_do_not_serve_it(tmp_path):
    for preset, formats in PRESETS.items():
        for suffix in FORMATS.keys() - formats.keys():
            with pytest.raises(MediaError, match=f"not a format of preset {preset}; use") as error:
                choose_format(tmp_path / f"out{suffix}", preset=preset)
            assert "\n" not in str(error.value)


def test_unknown_presets_are_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="web, edit, comp, archive"):
        usual_suffix("cinema")


def test_every_preset_has_a_usual_suffix():
    assert {preset: usual_suffix(preset) for preset in (None, *PRESETS)} == {
        None: ".mp4",
        "web": ".mp4",
        "edit": ".mov",
        "comp": "",
        "archive": ".mkv",
    }
    assert PRESETS["comp"][""] is EXR
