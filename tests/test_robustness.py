"""What may come from anywhere is read or refused: the fuzzer's short form, and a test for every defect it found."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import make_clip
from script_loader import load_script

from perfkit.errors import MediaError, PerfkitError, SettingsError, TrackError
from perfkit.files import aside_of, check_target, remove_stale_asides, write_aside
from perfkit.manifest import digest_file
from perfkit.track import load_track
from perfkit.video import open_take

NUM_CASES = 200


@pytest.fixture
def fuzzer(monkeypatch):
    return load_script("fuzz_loaders", monkeypatch)


def test_loaders_read_or_refuse_whatever_they_are_given(fuzzer, tmp_path):
    for target in fuzzer.make_targets(tmp_path):
        tally = fuzzer.fuzz(target, tmp_path / target.name, range(NUM_CASES))
        assert tally.defects == {}, target.name
        assert tally.num_read + tally.num_refused == NUM_CASES
        assert min(tally.num_read, tally.num_refused) > 0, target.name


def test_the_fuzzer_notices_a_loader_that_lets_an_exception_out(fuzzer, tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    target = fuzzer.Target("number", lambda folder: int((folder / "a").read_bytes()), {"a": b"1"}, {})
    assert "ValueError" in " ".join(fuzzer.fuzz(target, tmp_path, range(50)).defects)


def write_perf(fuzzer, path, **header):
    """Write a valid .perf with some of its header's values replaced."""
    import json
    import struct

    content = fuzzer.make_perf_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    outer = json.loads(content[8 : 8 + size])
    outer["__metadata__"]["perfkit"] = json.dumps(json.loads(outer["__metadata__"]["perfkit"]) | header)
    written = json.dumps(outer).encode()
    path.write_bytes(struct.pack("<Q", len(written)) + written + content[8 + size :])
    return path


@pytest.mark.parametrize(
    "header",
    [
        {"time_base": "1e999999999"},
        {"time_base": "1/0"},
        {"size_wh": [float("inf"), 1]},
        {"size_wh": {"a": 1}},
        {"size_wh": [-640, 360]},
        {"trackers": {"face": None}},
        {"notes": "text"},
        {"version": "9" * 5000},
    ],
    ids=str,
)
def test_a_perf_whose_header_lies_is_refused_at_once(fuzzer, tmp_path, header):
    path = write_perf(fuzzer, tmp_path / "take.perf", **header)
    with pytest.raises(TrackError, match=r"take\.perf"), fuzzer.time_limit():
        load_track(path)


def test_a_perf_header_nested_without_end_is_refused(tmp_path):
    import numpy as np
    import safetensors.numpy

    content = safetensors.numpy.save({"pts": np.zeros(1)}, metadata={"perfkit": "[" * 100_000})
    (tmp_path / "take.perf").write_bytes(content)
    with pytest.raises(TrackError, match="nested too deeply"):
        load_track(tmp_path / "take.perf")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "take\n" + "x" * (csv.field_size_limit() + 1), "not CSV"),
        ("a.csv", "take,character\na.mp4," + "x" * 5000, None),
        ("a.csv", "take\n..", "no file's name"),
        ("a.csv", "take\na\0b.mp4", "zero byte"),
        ("a.csv", "take\n/", "no file's name"),
        ("a.toml", "shot = " + "[" * 5000, "not TOML"),
        ("a.toml", "[[shot]]\ntake = 'a'\nseed = " + "9" * 5000, "not TOML"),
        ("a.toml", "[[shot]]\ntake = 'a'\nseed = 0x" + "f" * 5000, "seed"),
        ("a.toml", "[[shot]]\ntake = { a = 1 }", "neither a text nor a number"),
    ],
)
def test_a_list_that_no_program_should_choke_on(tmp_path, name, text, message):
    from perfkit.inference.batch import read_job_list
    from perfkit.inference.settings import RenderSettings

    (tmp_path / name).write_text(text)

    def read():
        return read_job_list(tmp_path / name, tmp_path / "out", "zib", RenderSettings(), suffix=".mp4")

    if message is None:
        assert len(read()) == 1
    else:
        with pytest.raises((MediaError, SettingsError), match=message) as caught:
            read()
        assert len(str(caught.value)) < 1000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "/dev/zero"])
def test_what_never_ends_is_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / "take.mp4")
    with pytest.raises(MediaError, match="a pipe or a device"):
        open_take(tmp_path / "take.mp4")
    with pytest.raises(OSError, match="not a regular file"):
        digest_file(tmp_path / "take.mp4")


@pytest.mark.parametrize("name", ["10:30.mp4", "http:take.mp4", "a\nb.mp4", "x" * 251 + ".mp4"], ids=repr)
def test_a_take_may_have_any_name_that_the_disk_takes(tmp_path, name):
    clip = make_clip(tmp_path / "clip.mp4", frames=2)
    clip.rename(tmp_path / name)
    assert open_take(tmp_path / name).info.num_frames_from_content == 2


@pytest.mark.parametrize("size", ["8192:4352", "32768:2"])
def test_pictures_that_would_fill_the_memory_are_refused(tmp_path, size):
    take = make_clip(tmp_path / "take.mkv", "-vf", f"scale={size}", "-c:v", "ffv1", frames=1)
    with pytest.raises(MediaError, match="px a side are read"):
        open_take(take)


def test_a_title_that_is_no_utf8_does_not_matter(tmp_path):
    take = make_clip(tmp_path / "take.mp4", "-metadata", "title=cafe of many letters", frames=2)
    take.write_bytes(take.read_bytes().replace(b"cafe of", b"caf\xe9 of"))
    assert open_take(take).info.num_frames_from_content == 2


def test_a_name_that_no_disk_takes_is_refused_and_is_no_crash(tmp_path):
    for refuse in (open_take, check_target, load_track):
        with pytest.raises(PerfkitError):
            refuse(tmp_path / ("x" * 5000))


def test_folders_of_takes_may_hold_links_in_circles(tmp_path):
    from perfkit.inference.batch import find_jobs
    from perfkit.inference.settings import RenderSettings

    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "up").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "good.mp4").write_bytes(b"")
    jobs = find_jobs(tmp_path, tmp_path / "out", "zib", RenderSettings(), suffix=".mp4")
    assert [job.take.name for job in jobs] == ["good.mp4"]


def test_a_result_never_replaces_a_pipe_or_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe.perf")
    with pytest.raises(MediaError, match="a pipe or a device"), write_aside(tmp_path / "pipe.perf"):
        pytest.fail("the work began")
    assert (tmp_path / "pipe.perf").is_fifo()


def test_the_longest_name_can_be_written_and_its_remains_are_found(tmp_path):
    for letters in ("x" * 250, "é" * 125):
        path = tmp_path / f"{letters}.mp4"
        with write_aside(path) as aside:
            aside.write_bytes(b"whole")
        assert path.read_bytes() == b"whole"
        aside_of(path).write_bytes(b"half")
        remove_stale_asides(path)
        assert not aside_of(path).exists()


@pytest.mark.parametrize("place", ["/proc/x.perf", "/sys/x.perf"])
def test_a_disk_that_takes_nothing_is_refused_before_the_work(place):
    if not Path(place).parent.is_dir():
        pytest.skip(f"no {Path(place).parent} on this system")
    with pytest.raises(MediaError):
        check_target(Path(place))


def test_a_capture_is_never_written_over_its_take(run, tmp_path):
    take = make_clip(tmp_path / "clip.mp4", frames=2)
    content = take.read_bytes()
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    for target in (take, tmp_path / "link.mp4"):
        outcome = run("capture", take, "-o", target)
        assert outcome.code == 1
        assert "is the source itself" in outcome.err
    assert take.read_bytes() == content


def test_a_path_that_is_no_utf8_is_kept_in_the_ledger(tmp_path):
    from perfkit.inference.batch import Ledger, Shot

    out = os.fsdecode(b"caf\xe9.mp4")
    ledger = Ledger(tmp_path)
    ledger.write(Shot(out, out, "done", "identity"))
    assert ledger.read(out) is not None


def test_the_command_line_prints_a_path_that_is_no_utf8(tmp_path):
    code = "import sys; sys.argv = ['perfkit', '--help']\nimport perfkit.cli\ntry:\n perfkit.cli.main()\n"
    code += "except SystemExit:\n print(b'caf\\xe9'.decode(errors='surrogateescape'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.endswith(b"caf\xe9\n")
