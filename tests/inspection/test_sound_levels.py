"""Truth by calculation: a sine of half scale is at -9.03 dB, and ffmpeg makes one."""

import numpy as np
import pytest
from clips import make_clip, run_ffmpeg

from perfkit.inspection.sound_levels import SILENCE_DB, measure_sound
from perfkit.video import open_take

EDGES = np.arange(31) / 30


def make_take(path, source: str, codec: str = "pcm_s16le"):
    """Make a clip of a second with a sound made by ffmpeg."""
    silent = make_clip(path.with_name("mute.mp4"), source="testsrc2=size=64x48:rate=30")
    run_ffmpeg("-i", str(silent), "-f", "lavfi", "-i", source, "-c:v", "copy", "-c:a", codec, str(path))
    return open_take(path)


@pytest.mark.parametrize(
    ("codec", "suffix"), [("pcm_s16le", ".mov"), ("aac", ".mp4"), ("pcm_f32le", ".mov"), ("flac", ".mkv")]
)
def test_a_sine_of_half_scale_is_at_minus_nine_decibel(tmp_path, codec, suffix):
    take = make_take(tmp_path / f"sine{suffix}", "aevalsrc=0.5*sin(2*PI*440*t):s=48000:d=1", codec)
    sound = measure_sound(take, EDGES)
    assert np.nanmedian(sound.level_db[3:-3]) == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.2)
    assert 0.49 < sound.peak < 0.75  # lossy sound overshoots where it begins
    assert sound.clipped == 0 and sound.fault == ""
    assert sound.end_seconds == pytest.approx(1.0, abs=0.06)


def test_silence_is_silent_and_overdriven_sound_is_clipped(tmp_path):
    silent = measure_sound(make_take(tmp_path / "silent.mov", "aevalsrc=0:s=48000:d=1"), EDGES)
    assert np.nanmax(silent.level_db) == SILENCE_DB
    loud = measure_sound(make_take(tmp_path / "loud.mov", "aevalsrc=3*sin(2*PI*100*t):s=48000:d=1"), EDGES)
    assert loud.clipped > 0.5 and loud.peak > 0.99


def test_sound_that_begins_late_has_no_level_before(tmp_path):
    sound = measure_sound(make_take(tmp_path / "sine.mov", "aevalsrc=0.5*sin(2*PI*440*t):s=48000:d=1"), EDGES - 0.5)
    assert np.isnan(sound.level_db[:14]).all() and np.isfinite(sound.level_db[16:]).all()


def test_a_take_without_sound_has_none(tmp_path):
    assert measure_sound(open_take(make_clip(tmp_path / "mute.mp4")), EDGES) is None


def test_real_sound_that_breaks_is_told_and_not_fatal(takes_dir):
    take = open_take(takes_dir / "odd" / "video_with_failing_audio.mp4")
    sound = measure_sound(take, np.arange(281) / 25)
    assert sound is None or sound.fault or np.isfinite(sound.level_db).any()
