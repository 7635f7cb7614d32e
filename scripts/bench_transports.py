"""The two ways of the browser's pictures to a live show, taken in turns on the same machine, for scripts/bench.py.

Rate and delay are read as bench_live.py reads them. PERFKIT_BENCH_SECONDS says how long each turn is [30]. The packets
are those that this machine sends to multicast groups meanwhile: none is the sign that nothing left it.
"""

import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from bench_live import open_performance, write_clock_camera

TURN_SECONDS = float(os.environ.get("PERFKIT_BENCH_SECONDS", "30"))
NUM_TURNS = 2
TRANSPORTS = ("websocket", "webrtc")


@dataclass(frozen=True)
class Turn:
    """What was seen of one transport in one turn.

    Attributes:
        delays_ms: Camera to screen, of every picture whose clock could be read.
        num_shown: Pictures that reached the screen.
        seconds: How long it took.
        server_seconds, browser_seconds: Of the processors.
        num_multicast: Packets.
        was_by: What the page said at the end.
        levels: Qualities that were chosen.
    """

    delays_ms: np.ndarray
    num_shown: int
    seconds: float
    server_seconds: float
    browser_seconds: float
    num_multicast: int
    was_by: str
    levels: set[str]


def print_transports(take: Path, character: str) -> None:
    """Print a row for each transport."""
    turns: dict[str, list[Turn]] = {transport: [] for transport in TRANSPORTS}
    with tempfile.TemporaryDirectory() as folder:
        camera = write_clock_camera(take, Path(folder) / "take.mjpeg")
        for transport in TRANSPORTS * NUM_TURNS:
            turns[transport].append(perform(camera, character, Path(folder), transport))
    for transport, seen in turns.items():
        print_turns(transport, seen)


def perform(camera: Path, character: str, folder: Path, transport: str) -> Turn:
    """Let Chromium perform for one turn."""
    multicast = _count_multicast()
    with open_performance(camera, character, folder, "--transport", transport) as (pid, page):
        before, started = _read_load(pid), time.monotonic()
        levels = set()
        while time.monotonic() < started + TURN_SECONDS:
            page.wait_for_timeout(1000)
            levels.add(page.evaluate("perfkit.state.quality"))
        delays = np.array(page.evaluate("window.delays"))
        server, browser = _read_load(pid) - before
        seconds = time.monotonic() - started
        was_by = page.inner_text("#transport")
    is_read = delays[:, 1] >= 0
    num_multicast = _count_multicast() - multicast
    return Turn(delays[is_read, 1], len(delays), seconds, server, browser, num_multicast, was_by, levels)


def print_turns(transport: str, turns: list[Turn]) -> None:
    """Print one row."""
    values = np.concatenate([turn.delays_ms for turn in turns])
    seconds = sum(turn.seconds for turn in turns)
    middle, late = np.quantile(values, [0.5, 0.95])
    each = ", ".join(f"{np.quantile(turn.delays_ms, 0.95):.0f}" for turn in turns)
    rate = sum(turn.num_shown for turn in turns) / seconds
    server = sum(turn.server_seconds for turn in turns) / seconds
    browser = sum(turn.browser_seconds for turn in turns) / seconds
    said = sorted({turn.was_by for turn in turns})
    num_multicast = sum(turn.num_multicast for turn in turns)
    levels = sorted(set[str].union(*(turn.levels for turn in turns)))
    print(
        f"live by {transport} (the page says {', '.join(said)}) | {rate:.1f} frames/s; camera to screen p50 "
        f"{middle:.0f} ms, p95 {late:.0f} ms (each turn {each}); processors: server {server:.2f}, browser "
        f"{browser:.2f} cores; multicast packets {num_multicast}; quality {', '.join(levels)}"
    )


def _read_load(server_pid: int) -> np.ndarray:
    """Return processor seconds so far: of the server, of all else that this process started."""
    server = browser = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if process.pid == server_pid:
            server += used.user + used.system
        else:
            browser += used.user + used.system
    return np.array([server, browser])


def _count_multicast() -> int:
    """Return the packets that this machine has sent to multicast groups, as Linux counts them."""
    names, values = re.findall(r"^IpExt: (.*)$", Path("/proc/net/netstat").read_text(), re.MULTILINE)
    return int(dict(zip(names.split(), values.split(), strict=True))["OutMcastPkts"])
