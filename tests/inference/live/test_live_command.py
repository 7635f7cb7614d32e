"""`perfkit live` as a person runs it: an address on stdout, one line for what can't be, Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from command_line import Outcome

PROGRAM = str(Path(sys.executable).with_name("perfkit"))


def begin_show(camera: Path, folder: Path) -> subprocess.Popen[str]:
    """Start a show that plays a video as its camera and keeps everything in a folder."""
    environment = {**os.environ, "XDG_DATA_HOME": str(folder)}
    command = [PROGRAM, "live", "--no-browser", "--camera", str(camera), "-o", str(folder / "recordings")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--character", "nobody"], "nobody"),
        (["--camera", "absent.mp4"], "absent.mp4"),
        (["--quality", "best"], "quality"),
        (["--transport", "pigeon"], "expected websocket or webrtc"),
        (["--vmc", "nowhere"], "expected HOST:PORT"),
        (["--performer", "../me"], "expected up to 40 letters"),
    ],
)
def test_what_can_not_be_is_one_line(run, arguments: list[str], line: str, models_dir: Path) -> None:  # type: ignore[no-untyped-def]
    outcome: Outcome = run("live", "--no-browser", *arguments)
    assert outcome.code == 1
    assert line in outcome.err
    assert "Traceback" not in outcome.err


def test_impatient_ctrl_c_ends_it_in_order(tmp_path: Path, short_take: Path) -> None:
    process = begin_show(short_take, tmp_path)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # the trackers are still being loaded
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in errors
        assert "terminate" not in errors
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_ctrl_c_ends_it_within_two_seconds(tmp_path: Path, short_take: Path) -> None:
    process = begin_show(short_take, tmp_path)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address) as answer:
            assert b"perfkit" in answer.read()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        told = time.monotonic()
        process.wait(10)
        assert time.monotonic() - told < 2
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()
