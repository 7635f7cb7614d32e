"""A take's times, from its file to the finished video: nothing is rounded, nothing is lost."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip, make_clip_at, probe_packets, probe_stream, probe_times, run_ffmpeg

from perfkit.video import VideoWriter, iterate_frames, open_take

NTSC = Fraction(30000, 1001)
SMALL = np.zeros((16, 16, 3), np.uint8)


def write_times(take_path: Path, out: Path) -> list[str]:
    """Write a small picture for every frame of a take, with its sound."""
    take = open_take(take_path)
    with VideoWriter(out, time_base=take.info.time_base, sound_from=take) as writer:
        for _, pts, _ in iterate_frames(take):
            writer.write(SMALL, pts)
    return writer.notes


def test_ntsc_does_not_drift_at_the_end_of_an_hour(tmp_path):
    """The last seconds of an hour: a rate of 29.97 instead of 30000/1001 would be 3.6 ms off there."""
    path = make_clip(tmp_path / "take.mp4", "-output_ts_offset", "3590", source="color=red:size=16x16:rate=30000/1001")
    write_times(path, tmp_path / "out.mp4")
    times = probe_times(tmp_path / "out.mp4")
    assert times == probe_times(path) and times[0] > 3589
    assert times[-1] - times[0] == 29 / NTSC
    assert open_take(tmp_path / "out.mp4").info.rate_fps_from_content == NTSC


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_hour_of_ntsc_keeps_every_time_and_its_sound(tmp_path, suffix):
    path = tmp_path / "take.mp4"
    picture = ("-f", "lavfi", "-i", "color=red:size=16x16:rate=30000/1001")
    sound = ("-f", "lavfi", "-i", "sine=sample_rate=8000")
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-b:a", "8k")
    run_ffmpeg(*picture, *sound, "-t", "3600", *codecs, str(path))
    out = tmp_path / f"out{suffix}"
    write_times(path, out)
    before, after = probe_packets(path, "v:0"), probe_packets(out, "v:0")
    assert len(before) == len(after) == 107_892
    sorted_before, sorted_after = (sorted(seconds for seconds, _ in packets) for packets in (before, after))
    if suffix == ".mkv":
        assert max(abs(a - b) for a, b in zip(sorted_before, sorted_after, strict=True)) <= Fraction(1, 2000)
    else:
        assert sorted_before == sorted_after
        assert probe_packets(path, "a:0") == probe_packets(out, "a:0")


@pytest.mark.parametrize("rate", ["60", "60000/1001", "24000/1001", "50", "12"])
def test_the_rate_that_goes_in_comes_out(tmp_path, rate):
    path = make_clip(tmp_path / "take.mp4", source=f"color=red:size=16x16:rate={rate}", frames=24)
    write_times(path, tmp_path / "out.mp4")
    assert probe_times(tmp_path / "out.mp4") == probe_times(path)
    stream = probe_stream(tmp_path / "out.mp4")
    assert Fraction(stream["avg_frame_rate"]) == Fraction(stream["r_frame_rate"]) == Fraction(rate)
    assert int(stream["nb_frames"]) == 24


def test_reordered_frames_come_in_the_order_of_display(tmp_path):
    path = make_clip(tmp_path / "take.mp4", "-bf", "4", "-b_strategy", "0", source="testsrc2=size=64x48:rate=25")
    order = [seconds for seconds, _ in probe_packets(path, "v:0")]
    assert order != sorted(order), "the clip has no reordered frames"
    write_times(path, tmp_path / "out.mp4")
    assert probe_times(tmp_path / "out.mp4") == sorted(order)


def test_frames_stored_out_of_order_are_put_in_order_and_noted(tmp_path):
    stamps = [4, 6, 5, 7, 10, 9, 8, 11]
    path = make_clip_at(tmp_path / "take.mkv", stamps, time_base=Fraction(1, 25))
    take = open_take(path)
    frames = list(iterate_frames(take))
    assert [round(pts * take.info.time_base * 25) for _, pts, _ in frames] == sorted(stamps)
    assert len(take.info.notes) == 1 and "put in order" in take.info.notes[0]
    greys = [int(image.mean()) for _, _, image in frames]
    assert [stamps.index(place) for place in sorted(stamps)] == [round(grey / 20) for grey in greys]


def test_times_before_zero_move_picture_and_sound_alike(tmp_path):
    path = tmp_path / "take.mov"
    run_ffmpeg(
        "-f", "lavfi", "-i", "color=red:size=16x16:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "1",
        "-c:a", "pcm_s16le", str(path),
    )  # fmt: skip
    take = open_take(path)
    with VideoWriter(tmp_path / "out.mov", time_base=Fraction(1, 25), sound_from=take) as writer:
        for pts in (-3, -2, 0, 5):
            writer.write(SMALL, pts)
    assert probe_times(tmp_path / "out.mov") == [Fraction(n, 25) for n in (0, 1, 3, 8)]
    before, after = probe_packets(path, "a:0"), probe_packets(tmp_path / "out.mov", "a:0")
    assert [(seconds + Fraction(3, 25), digest) for seconds, digest in before] == after
    assert len(writer.notes) == 1 and "0.120 s before zero" in writer.notes[0]


SHORT = [
    "people/sample_portrait.mp4",
    "people/face-demographics-walking-and-pause.gif",
    "odd/sample_android_slow_motion.mp4",
    "odd/nasa_13013.mp4",
]
LONG = [
    "odd/hdr10-video-with-sdr-container.mp4",
    "people/mv_with_2_top_shots.mp4",
    "odd/cursed-vfr.mp4",
    "odd/sample_edit_list.mp4",
]


@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_real_footage_keeps_its_own_times(takes_dir, tmp_path, name):
    """Phones' variable rate, edit lists, late starts: what ffprobe sees in the take it sees in the result."""
    take = open_take(takes_dir / name)
    write_times(take.path, tmp_path / "out.mp4")
    times = probe_times(tmp_path / "out.mp4")
    assert len(times) == take.info.num_frames_from_content
    assert times == probe_times(take.path, str(take.info.stream_index))
