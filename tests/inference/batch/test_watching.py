"""A watched folder: what is dropped into it is taken when it is whole, and not before."""

import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from grey_take import SETTINGS, write_perf, write_take

from perfkit.inference.batch import find_jobs, iterate_arrivals

PROGRAM = Path(sys.executable).with_name("perfkit")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def look(folder):
    """A function that lets one script of changes run between looks and returns what arrived at each look."""

    def run(changes):
        looks, arrived = count(), []

        def wait():
            number = next(looks)
            if number == len(changes):
                raise KeyboardInterrupt
            changes[number]()

        def find():
            return find_jobs(folder, folder / "out", "zib", SETTINGS, suffix=".mp4", may_be_empty=True)

        with pytest.raises(KeyboardInterrupt):
            for jobs in iterate_arrivals(find, wait=wait):
                arrived.append([job.take.name for job in jobs])
        return arrived

    return run


def nothing():
    pass


def test_a_take_is_taken_once_when_it_has_stood_still(folder, look, tmp_path):
    whole = write_take(tmp_path / "whole.mp4")
    assert look([nothing, lambda: shutil.copy(whole, folder / "a.mp4"), nothing, nothing, nothing]) == [["a.mp4"]]


def test_a_take_that_grows_is_left_until_it_stops(folder, look, tmp_path):
    data = write_perf(tmp_path / "whole.perf", write_take(tmp_path / "take.mp4")).read_bytes()
    takes = []

    def grow():
        with (folder / "a.perf").open("ab") as file:
            file.write(data[len(takes) * len(data) // 4 : (len(takes) + 1) * len(data) // 4])
        takes.append(1)

    assert look([grow, grow, grow, grow]) == []
    assert len(takes) == 4
    assert look([nothing, nothing]) == [["a.perf"]]


def test_a_copy_that_pauses_half_way_is_told_and_waited_for(folder, look, tmp_path, caplog):
    data = write_take(tmp_path / "whole.mp4").read_bytes()
    half, rest = data[: len(data) // 2], data[len(data) // 2 :]

    def append():
        with (folder / "a.mp4").open("ab") as file:
            file.write(rest)

    assert look(
        [lambda: (folder / "a.mp4").write_bytes(half), nothing, nothing, nothing, append, nothing, nothing]
    ) == [["a.mp4"]]
    assert len(caplog.records) == 1 and "waiting for it to change" in caplog.text and "a.mp4" in caplog.text


def test_a_take_that_is_replaced_is_taken_again(folder, look, tmp_path):
    whole = write_take(tmp_path / "whole.mp4")

    def drop():
        shutil.copy(whole, folder / "a.mp4")

    def replace():
        drop()
        os.utime(folder / "a.mp4", ns=(0, 0))

    assert look([drop, nothing, nothing, replace, nothing, nothing]) == [["a.mp4"], ["a.mp4"]]


@pytest.mark.slow
def test_the_command_makes_what_is_dropped_and_ends_with_a_report(short_take, character, tmp_path):
    """Two takes, the second dropped while the watch runs; Ctrl-C ends it, with the report's path and exit 0."""
    (tmp_path / "in").mkdir()
    command = [str(PROGRAM), "batch", "in", "-o", "out", "-c", character, "--steps", "1", "--watch"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        command, cwd=tmp_path, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **pipes
    ) as program:
        for name in ("a.mp4", "b.mp4"):
            time.sleep(3)
            shutil.copy(short_take, tmp_path / "in" / name)
            _wait_for(tmp_path / "out" / f"{name}.json")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (0, "out/report.html\n"), err
    assert "Traceback" not in err
    html = (tmp_path / "out" / "report.html").read_text()
    assert "a.mp4" in html and "b.mp4" in html


def _wait_for(path: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.2)
    time.sleep(2)
