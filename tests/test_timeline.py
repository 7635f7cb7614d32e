"""The editor's file of finished shots, read with OpenTimelineIO itself."""

import logging
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from clips import make_clip, run_ffmpeg

from perfkit.errors import ExportError, MediaError
from perfkit.timeline import TimelineShot, read_shot, write_timeline, write_timeline_of

otio = pytest.importorskip("opentimelineio")
NTSC = Fraction(30000, 1001)


def read(path):
    return otio.adapters.read_from_file(str(path))


def test_shots_follow_one_another_with_their_timecode_and_reel(tmp_path):
    shots = [
        TimelineShot(tmp_path / "a b.mov", 48, NTSC, True, "01:00:00;00", "A001"),
        TimelineShot(tmp_path / "sub" / "c.mov", 24, Fraction(24)),
    ]
    timeline = read(write_timeline(tmp_path / "cut.otio", shots))
    pictures, sound = timeline.tracks
    first, second = pictures
    assert (first.name, second.name) == ("a b", "c")
    assert [clip.media_reference.target_url for clip in pictures] == ["a%20b.mov", "sub/c.mov"]
    start, length = first.available_range().start_time, first.duration()
    assert (start.to_timecode(), length.value, length.rate) == ("01:00:00;00", 48, pytest.approx(float(NTSC)))
    assert first.media_reference.name == "A001" and first.metadata["perfkit"]["reel"] == "A001"
    assert second.range_in_parent().start_time.to_seconds() == pytest.approx(48 / float(NTSC))
    assert (second.available_range().start_time.value, second.duration().value) == (0, 24)
    assert [type(item).__name__ for item in sound] == ["Clip", "Gap"]


def test_a_finished_video_is_read_as_it_is(tmp_path):
    path = tmp_path / "shot.mov"
    sources = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25", "-f", "lavfi", "-i", "sine")
    run_ffmpeg(*sources, "-t", "1", "-c:v", "prores_ks", "-metadata", "timecode=10:00:00:00", str(path))
    shot = read_shot(path)
    assert (shot.num_frames, shot.rate_fps, shot.has_sound, shot.timecode) == (25, 25, True, "10:00:00:00")


def test_a_folder_of_results_gets_its_timeline(tmp_path):
    videos = [make_clip(tmp_path / name, frames=5) for name in ("a.mp4", "b.mp4")]
    path = write_timeline_of(tmp_path, [*videos, tmp_path / "gone.mp4"])
    assert path == tmp_path / "timeline.otio"
    assert [clip.name for clip in read(path).find_clips()] == ["a", "b"]
    assert write_timeline_of(tmp_path, []) is None


def test_without_a_shot_or_without_the_library_it_is_refused_in_one_line(tmp_path, monkeypatch, caplog):
    with pytest.raises(MediaError, match="no finished shot"):
        write_timeline(tmp_path / "cut.otio", [])
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(ExportError, match="OpenTimelineIO"):
        write_timeline(tmp_path / "cut.otio", [TimelineShot(Path("a.mov"), 1, NTSC)])
    video = make_clip(tmp_path / "a.mp4", frames=3)
    with caplog.at_level(logging.WARNING):
        assert write_timeline_of(tmp_path, [video]) is None
    assert "OpenTimelineIO" in caplog.text
