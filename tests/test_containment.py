"""Nothing leaves the machine: the system calls of a capture, a render and a training show no socket to anywhere.

A blocked network would prove nothing: the attempt itself is the defect. Hence strace, not a firewall.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

LOOPBACK = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::(1"|ffff:127\.)')
CALLS_OUT = re.compile(r"\b(connect|sendto|sendmsg|sendmmsg)\(.*AF_INET")


def calls_out(command: list[str], folder: Path) -> list[str]:
    """Run a command under strace and return its system calls that reach for another machine.

    Args:
        command: Program and arguments; it must succeed.
        folder: Where it runs and where the log is kept.
    """
    log = folder / "strace.log"
    tracer = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(log)]
    unset = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run([*tracer, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [line for line in log.read_text().splitlines() if CALLS_OUT.search(line) and not LOOPBACK.search(line)]


def perfkit(*arguments: object) -> list[str]:
    """Return the command line that runs perfkit as a user would."""
    return [str(Path(sys.executable).with_name("perfkit")), *map(str, arguments)]


def test_an_attempt_would_be_seen(tmp_path):
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    assert calls_out([sys.executable, "-c", f"try:\n    {code}\nexcept OSError: pass"], tmp_path)


def test_capture_reaches_for_no_other_machine(short_take, tmp_path):
    assert calls_out(perfkit("capture", short_take, "-o", "take.perf"), tmp_path) == []
    assert (tmp_path / "take.perf").exists()


def test_render_reaches_for_no_other_machine(short_take, character, tmp_path):
    command = perfkit("render", short_take, "--character", character, "--steps", 1, "-o", "out.mp4")
    assert calls_out(command, tmp_path) == []
    assert (tmp_path / "out.mp4").exists()


def test_a_live_show_reaches_for_no_other_machine(short_take, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    command = perfkit("live", "--no-browser", "--camera", short_take)
    ended = ["timeout", "--preserve-status", "-s", "INT", "12", *command]
    assert calls_out(["sh", "-c", f"{shlex.join(ended)}; test $? -eq 130"], tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_a_batch_on_ray_reaches_for_no_other_machine(short_take, character, tmp_path):
    (tmp_path / "takes").mkdir()
    shutil.copy(short_take, tmp_path / "takes" / "a.mp4")
    command = perfkit("batch", "takes", "-o", "out", "--character", character, "--steps", 1, "--ray")
    assert calls_out(command, tmp_path) == []
    assert (tmp_path / "out" / "a.mp4").exists()


def test_character_training_reaches_for_no_other_machine(small_pack, tmp_path):
    assert calls_out(perfkit("character", "train", small_pack, "--steps", 1, "--anyway"), tmp_path) == []
