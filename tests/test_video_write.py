"""Videos out: the take's own times and sound, true colours and alpha, and nothing half-written."""

import json
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import decode_with_ffmpeg, make_clip, make_clip_at, probe_packets, probe_stream, probe_times, run_ffmpeg

from perfkit.errors import MediaError
from perfkit.files import is_disk_full
from perfkit.video import VideoWriter, iterate_frames, open_take

NTSC = Fraction(1, 30000)


def write_copy(take_path: Path, out: Path, *, alpha: int | None = None) -> list[str]:
    take = open_take(take_path)
    with VideoWriter(out, time_base=take.info.time_base, sound_from=take) as writer:
        for _, pts, image in iterate_frames(take):
            opacity = [] if alpha is None else [np.full(image.shape[:2], alpha, np.uint8)]
            writer.write(np.dstack([image, *opacity]), pts)
    return writer.notes


def add_sound(silent: Path, out: Path, *options: str) -> Path:
    sine = "sine=frequency=300:sample_rate=44100:duration=2"
    run_ffmpeg("-i", str(silent), "-itsoffset", "0.25", "-f", "lavfi", "-i", sine, "-c:v", "copy", *options, str(out))
    return out


def ramp(height: int = 48, width: int = 64) -> np.ndarray:
    column = np.linspace(0, 255, width).astype(np.uint8)
    alpha = np.broadcast_to(column, (height, width))
    return np.dstack([np.full((height, width, 3), (200, 60, 30), np.uint8), alpha])


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(
    ("pts", "time_base"),
    [
        ([1001 * n for n in range(12)], Fraction(1, 30000)),
        ([33 + 7 * n * n for n in range(12)], Fraction(1, 1000)),
        ([0, 64236, 66637, 66999, 90000], Fraction(1, 57600)),
        ([5, 6, 7, 9], Fraction(1001, 30000)),
    ],
    ids=["ntsc", "variable, late start", "cursed", "frames"],
)
def test_every_time_is_kept_exactly(tmp_path, suffix, pts, time_base):
    out = tmp_path / f"out{suffix}"
    with VideoWriter(out, time_base=time_base) as writer:
        for number, stamp in enumerate(pts):
            writer.write(np.full((48, 64, 3), 10 * number, np.uint8), stamp)
    assert probe_times(out) == [stamp * time_base for stamp in pts]


def test_webm_keeps_times_to_its_millisecond(tmp_path):
    out = tmp_path / "out.webm"
    take = make_clip(tmp_path / "take.mp4", frames=10)
    write_copy(take, out)
    assert all(abs(a - b) <= Fraction(1, 2000) for a, b in zip(probe_times(out), probe_times(take), strict=True))


def test_webm_refuses_times_that_it_cannot_keep_apart(tmp_path):
    with (
        pytest.raises(MediaError, match="frames 0 and 1 apart"),
        VideoWriter(tmp_path / "out.webm", time_base=Fraction(1, 90000)) as writer,
    ):
        for pts in (0, 10):
            writer.write(np.zeros((48, 64, 3), np.uint8), pts)
    assert list(tmp_path.iterdir()) == []


def test_the_last_frame_stays_as_long_as_the_one_before(tmp_path):
    out = tmp_path / "out.mp4"
    write_copy(make_clip(tmp_path / "take.mp4", frames=30), out)
    assert Fraction(probe_stream(out)["duration"]) == Fraction("1.001")


def test_mp4_is_tagged_and_converted_as_bt709(tmp_path):
    out = tmp_path / "out.mp4"
    colours = np.array([[200, 60, 30], [30, 200, 60], [60, 30, 200], [128, 128, 128]], np.uint8)
    with VideoWriter(out, time_base=Fraction(1, 25)) as writer:
        for pts, colour in enumerate(colours):
            writer.write(np.full((48, 64, 3), colour, np.uint8), pts)
    stream = probe_stream(out)
    tags = {name: stream.get(name) for name in ("color_space", "color_primaries", "color_transfer", "color_range")}
    assert tags == {"color_space": "bt709", "color_primaries": "bt709", "color_transfer": "bt709", "color_range": "tv"}
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    raw = run_ffmpeg("-i", str(out), "-vf", "scale=in_color_matrix=bt709", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    decoded = np.frombuffer(raw, np.uint8).reshape(-1, 48, 64, 3)
    assert np.abs(decoded.astype(int) - colours[:, None, None]).max() <= 6


@pytest.mark.parametrize(("suffix", "decoder"), [(".mov", None), (".webm", "libvpx-vp9")])
def test_alpha_is_really_in_the_file(tmp_path, suffix, decoder):
    out = tmp_path / f"out{suffix}"
    with VideoWriter(out, time_base=Fraction(1, 25)) as writer:
        for pts in range(4):
            writer.write(ramp(), pts)
    decoded = decode_with_ffmpeg(out, "rgba", decoder=decoder)
    assert decoded.shape == (4, 48, 64, 4)
    assert np.abs(decoded[..., 3].astype(int) - ramp()[..., 3]).mean() < 2


def test_a_folder_of_png_is_exact_and_holds_its_times(tmp_path):
    out = tmp_path / "pictures"
    pts = [3, 5, 11]
    for _ in range(2):
        with VideoWriter(out, time_base=NTSC) as writer:
            for stamp in pts:
                writer.write(ramp(), stamp)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "times.json"]
    picture = cv2.cvtColor(cv2.imread(str(out / names[0]), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    assert np.array_equal(picture, ramp())
    assert json.loads((out / "times.json").read_text()) == {"time_base": "1/30000", "pts": pts}


def test_odd_sizes_are_made_even(tmp_path):
    out = tmp_path / "out.mp4"
    with VideoWriter(out, time_base=Fraction(1, 25)) as writer:
        writer.write(np.zeros((47, 63, 3), np.uint8), 0)
    assert (probe_stream(out)["width"], probe_stream(out)["height"]) == (64, 48)


@pytest.mark.parametrize(
    ("take_name", "codec", "out_name"),
    [("take.mp4", "aac", "out.mp4"), ("take.mkv", "libopus", "out.mp4"), ("take.mp4", "aac", "out.mov"),
     ("take.mkv", "libopus", "out.webm"), ("take.mov", "pcm_s16le", "out.mov")],
)  # fmt: skip
def test_sound_packets_are_copied_untouched_and_in_time(tmp_path, take_name, codec, out_name):
    silent = make_clip(tmp_path / "silent.mp4", frames=20)
    take, out = add_sound(silent, tmp_path / take_name, "-c:a", codec), tmp_path / out_name
    assert write_copy(take, out) == []
    before, after = probe_packets(take, "a:0"), probe_packets(out, "a:0")
    assert [digest for _, digest in before] == [digest for _, digest in after]
    assert all(abs(a[0] - b[0]) <= Fraction(1, 1000) for a, b in zip(before, after, strict=True))
    if take_name.endswith(("mp4", "mov")):
        assert [seconds for seconds, _ in before] == [seconds for seconds, _ in after]


def test_sound_that_does_not_fit_is_encoded_once_and_said(tmp_path):
    silent = make_clip(tmp_path / "silent.mp4", frames=20)
    take, out = add_sound(silent, tmp_path / "take.mp4", "-c:a", "aac"), tmp_path / "out.webm"
    notes = write_copy(take, out)
    assert len(notes) == 1 and "aac does not fit" in notes[0]
    stream = probe_stream(out, "a:0")
    assert stream["codec_name"] == "opus"
    assert abs(float(stream["start_time"]) - 0.25) < 0.05
    assert abs(float(probe_packets(out, "a:0")[-1][0]) - float(probe_packets(take, "a:0")[-1][0])) < 0.1


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.webm", "folder"])
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error_or_ctrl_c(tmp_path, name, kind):
    with pytest.raises(kind), VideoWriter(tmp_path / name, time_base=NTSC) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0)
        raise kind
    assert list(tmp_path.iterdir()) == []


def test_an_older_result_survives_an_error(tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"older")
    with pytest.raises(RuntimeError), VideoWriter(out, time_base=NTSC) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0)
        raise RuntimeError
    assert out.read_bytes() == b"older"


FULL_DISK = """
import sys, numpy as np
from fractions import Fraction
from perfkit.errors import MediaError
from perfkit.files import is_disk_full
from perfkit.video import VideoWriter
noise = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], time_base=Fraction(1, 25)) as writer:
        for pts in range(60):
            writer.write(noise.integers(0, 255, (96, 128, 3), np.uint8), pts)
except MediaError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.webm", "folder"])
def test_a_full_disk_is_said_in_one_line_and_nothing_is_left(tmp_path, name):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-B", "-c", FULL_DISK, str(tmp_path / name)]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot be written (File too large)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_targets_that_cannot_be_are_refused_in_one_line_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").touch()
    for name, word in [("no/out.mp4", "does not exist"), ("file/out.mp4", "does not exist"), ("a.avi", "known format"),
                       ("folder.mp4", "is a folder"), ("file", "is a file"), ("full", "other files")]:  # fmt: skip
        with pytest.raises(MediaError) as error, VideoWriter(tmp_path / name, time_base=NTSC):
            pytest.fail("must not begin")
        assert word in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(MediaError, match="permissions"), VideoWriter(tmp_path / "out.mp4", time_base=NTSC):
        pytest.fail("must not begin")


def test_mp4_refuses_alpha(tmp_path):
    with (
        pytest.raises(MediaError, match="no alpha") as error,
        VideoWriter(tmp_path / "out.mp4", time_base=NTSC) as writer,
    ):
        writer.write(ramp(), 0)
    assert not is_disk_full(error.value), "an error that is its own cause is looked into for ever"


def test_a_video_without_a_frame_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no frame"), VideoWriter(tmp_path / "out.mp4", time_base=NTSC):
        pass


def test_a_take_with_times_below_a_millisecond_apart_is_written(tmp_path):
    take = make_clip_at(tmp_path / "take.mov", [0, 9, 20, 33], time_base=Fraction(1, 90000))
    write_copy(take, tmp_path / "out.mp4")
    assert probe_times(tmp_path / "out.mp4") == probe_times(take)


def test_a_still_picture_is_the_same_in_every_frame(tmp_path):
    """swscale in several threads now and then spoilt the first row of a thread's slice at widths such as this one."""
    cells = np.random.default_rng(0).integers(0, 256, (30, 107, 3), np.uint8)
    picture = cells.repeat(8, axis=0).repeat(8, axis=1)[:, :854]
    with VideoWriter(tmp_path / "out.mov", time_base=Fraction(1, 25)) as writer:
        for pts in range(40):
            writer.write(picture, pts)
    with av.open(str(tmp_path / "out.mov")) as container:
        assert len({bytes(packet) for packet in container.demux(video=0) if packet.size}) == 1
