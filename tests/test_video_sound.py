"""A take's sound in the finished video: every track, copied or encoded once, from the same sample to the same."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip, probe_packets, probe_stream, probe_times, run_ffmpeg

from perfkit.video import VideoWriter, iterate_frames, open_take

RATE_HZ = 48000
MAX_ERROR_SECONDS = 0.001
SMALL = np.zeros((16, 16, 3), np.uint8)


def make_take(path: Path, codecs: tuple[str, ...], *, seconds: float = 1.537, delay: str = "0.31") -> Path:
    """Make a take of two seconds of picture, and noise in as many tracks as there are codecs."""
    silent = make_clip(path.with_name("silent.mp4"), source="color=red:size=16x16:rate=30000/1001", frames=60)
    noise = path.with_suffix(".f32")
    samples = 0.2 * np.random.default_rng(0).standard_normal(round(RATE_HZ * seconds))
    noise.write_bytes(samples.clip(-1, 1).astype("<f4").tobytes())
    source = ("-itsoffset", delay, "-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1", "-i", str(noise))
    tracks = [part for number, codec in enumerate(codecs) for part in ("-map", "1:a", f"-c:a:{number}", codec)]
    run_ffmpeg("-i", str(silent), *source, "-map", "0:v", "-c:v", "copy", *tracks, "-strict", "-2", str(path))
    return path


def convert(take_path: Path, out: Path) -> list[str]:
    take = open_take(take_path)
    with VideoWriter(out, time_base=take.info.time_base, sound_from=take) as writer:
        for _, pts, _ in iterate_frames(take):
            writer.write(SMALL, pts)
    return writer.notes


def hear(path: Path, kind: str = "a:0") -> np.ndarray:
    """Return a track's samples from the file's zero on, with silence where there is none, as ffmpeg plays it."""
    filters = ("-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(RATE_HZ))
    return np.frombuffer(run_ffmpeg("-i", str(path), "-map", f"0:{kind}", *filters, "-f", "f32le", "-"), "<f4")


def lag_seconds(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return how much later one is than the other, by the peak of their correlation."""
    size = 1 << int(np.ceil(np.log2(len(ours) + len(theirs))))
    peak = int(np.argmax(np.fft.irfft(np.fft.rfft(ours, size) * np.conj(np.fft.rfft(theirs, size)), size)))
    return (peak - size if peak > size // 2 else peak) / RATE_HZ


def end_seconds(path: Path, kind: str = "a:0") -> float:
    """Return when a track ends: by its edit list in mp4 and mov, elsewhere by what decodes."""
    stream = probe_stream(path, kind)
    if path.suffix in (".mp4", ".mov"):
        return float(stream["start_time"]) + float(stream["duration"])
    return len(hear(path, kind)) / RATE_HZ


SOURCES = [("take.mp4", "aac"), ("take.mov", "pcm_s16le"), ("take.mkv", "pcm_s16le"), ("take.mkv", "libopus"),
           ("take.mp4", "libmp3lame"), ("take.mkv", "flac"), ("take.mkv", "aac"), ("take.mp4", "ac3")]  # fmt: skip


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
@pytest.mark.parametrize(("name", "codec"), SOURCES)
def test_sound_is_where_it_was_to_a_millisecond(tmp_path, name, codec, suffix):
    take, out = make_take(tmp_path / name, (codec,)), tmp_path / f"out{suffix}"
    notes = convert(take, out)
    ours, theirs = hear(out), hear(take)
    begin, end = round(0.35 * RATE_HZ), round(1.75 * RATE_HZ)
    span = round(0.25 * RATE_HZ)
    for part in (slice(begin, begin + span), slice(end - span, end)):
        assert abs(lag_seconds(ours[part], theirs[part])) <= MAX_ERROR_SECONDS
    assert abs(end_seconds(out) - end_seconds(take)) <= MAX_ERROR_SECONDS + (0.001 if suffix == ".webm" else 0)
    is_copied = [digest for _, digest in probe_packets(out, "a:0")] == [d for _, d in probe_packets(take, "a:0")]
    assert is_copied == (notes == [])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
@pytest.mark.parametrize("codecs", [(), ("aac",), ("aac", "aac"), ("aac", "ac3", "libmp3lame")])
def test_there_are_as_many_tracks_as_in_the_take(tmp_path, codecs, suffix):
    take, out = make_take(tmp_path / "take.mp4", codecs), tmp_path / f"out{suffix}"
    convert(take, out)
    assert len(open_take(out).info.audio_tracks) == len(open_take(take).info.audio_tracks) == len(codecs)
    for number in range(len(codecs)):
        ours, theirs = hear(out, f"a:{number}"), hear(take, f"a:{number}")
        assert abs(lag_seconds(ours, theirs)) <= MAX_ERROR_SECONDS


def test_two_tracks_keep_their_order_and_languages(tmp_path):
    plain, take = make_take(tmp_path / "plain.mp4", ("aac", "aac")), tmp_path / "take.mp4"
    run_ffmpeg(
        "-i", str(plain), "-map", "0", "-c", "copy", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1",
        "language=fre", str(take),
    )  # fmt: skip
    for name in ("out.mp4", "out.mkv"):
        convert(take, tmp_path / name)
        languages = [probe_stream(tmp_path / name, f"a:{number}")["tags"]["language"] for number in (0, 1)]
        assert languages == ["eng", "fre"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("seconds", [0.4, 5.0])
def test_sound_shorter_or_longer_than_the_pictures_stays_so(tmp_path, seconds, suffix):
    take, out = make_take(tmp_path / "take.mov", ("pcm_s16le",), seconds=seconds), tmp_path / f"out{suffix}"
    convert(take, out)
    assert abs(end_seconds(out) - (0.31 + seconds)) <= MAX_ERROR_SECONDS
    assert len(probe_times(out)) == 60


def test_a_gap_in_encoded_sound_stays_a_gap(tmp_path):
    take = make_take(tmp_path / "whole.mkv", ("flac",))
    path = tmp_path / "take.mkv"
    run_ffmpeg("-i", str(take), "-c", "copy", "-bsf:a", "noise=drop=gt(pts*tb\\,0.7)*lt(pts*tb\\,1.0)", str(path))
    convert(path, tmp_path / "out.mov")
    ours, theirs = hear(tmp_path / "out.mov"), hear(path)
    assert np.abs(ours[round(0.85 * RATE_HZ)]) < 0.001
    late = slice(round(1.3 * RATE_HZ), round(1.6 * RATE_HZ))
    assert abs(lag_seconds(ours[late], theirs[late])) <= MAX_ERROR_SECONDS


def test_six_channels_stay_six(takes_dir, tmp_path):
    take = takes_dir / "odd" / "rotate-buck-bunny.mp4"
    for name in ("out.mp4", "out.webm", "out.mkv"):
        convert(take, tmp_path / name)
        assert open_take(tmp_path / name).info.audio_tracks[0].num_channels == 6


def test_both_tracks_of_a_real_take_are_copied(takes_dir, tmp_path):
    take, out = takes_dir / "odd" / "nasa_13013.mp4", tmp_path / "out.mp4"
    assert convert(take, out) == []
    for kind in ("a:0", "a:1"):
        before, after = probe_packets(take, kind), probe_packets(out, kind)
        assert [digest for _, digest in before] == [digest for _, digest in after]
        assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) <= Fraction(1, 1000)
