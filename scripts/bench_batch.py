"""Two workers against one, for scripts/bench.py: throughput on a core each, and memory."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from bench_soak import write_looped

NUM_TAKES = 4
_MOMENT_SECONDS = 0.5
_POLL_SECONDS = 1.0
"""Counting pages takes the workers' memory from them meanwhile, so that it is watched in runs of its own."""


@dataclass(frozen=True)
class _Crew:
    """Who makes a batch: so many workers, on these cores, in one of perfkit's ways."""

    num_workers: int
    cores: list[int]
    options: tuple[str, ...] = ()


def print_batch_load(take: Path, character: str) -> None:
    """Print the throughput and the memory of two workers against one worker that is pinned to one core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("batch, 2 workers against 1 | not measured: this machine has one core")
        return
    one, two, ray = _Crew(1, cores[:1]), _Crew(2, cores[:2]), _Crew(2, cores[:2], ("--ray",))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for subfolder, num_takes in (("takes", NUM_TAKES), ("half", NUM_TAKES // 2)):
            (folder / subfolder).mkdir()
            for number in range(num_takes):
                shutil.copy(take, folder / subfolder / f"{number}.mp4")
        (folder / "moment").mkdir()
        write_looped(take, folder / "moment" / "0.mp4", seconds=_MOMENT_SECONDS)
        _print_throughput(folder, character, one, two, ray)
        peaks = [_measure_memory(folder / "half", character, one), _measure_memory(folder / "takes", character, two)]
    print(f"batch, memory of 2 workers against 1 | {peaks[1] / peaks[0]:.2f}x ({peaks[0]:.0f} MiB, {peaks[1]:.0f} MiB)")


def _print_throughput(folder: Path, character: str, one: _Crew, two: _Crew, ray: _Crew) -> None:
    seconds = [_measure_seconds(folder / "takes", character, crew) for crew in (one, two, ray)]
    starts = [_measure_seconds(folder / "moment", character, crew) for crew in (one, two, ray)]
    print(f"batch, throughput of 2 workers on 2 cores against 1 on 1 core | {seconds[0] / seconds[1]:.2f}x")
    lasting = (seconds[0] - starts[0]) / (seconds[2] - starts[2])
    print(f"the same on Ray, each less what a batch of {_MOMENT_SECONDS:g} s takes | {lasting:.2f}x")
    print(
        f"the same on Ray, all in all, {NUM_TAKES} takes | {seconds[0] / seconds[2]:.2f}x "
        f"(seconds of 1 worker, 2, Ray's 2: {', '.join(f'{each:.1f}' for each in seconds)}; "
        f"of the short batch: {', '.join(f'{each:.1f}' for each in starts)})"
    )


def _measure_seconds(takes: Path, character: str, crew: _Crew) -> float:
    start = time.perf_counter()
    with _start(takes, character, crew, name="timed") as program:
        program.wait()
    _check(program)
    return time.perf_counter() - start


def _measure_memory(takes: Path, character: str, crew: _Crew) -> float:
    """Return the greatest sum of the workers' memory, MiB, in a run of its own."""
    with _start(takes, character, crew, name="watched") as program:
        peak = _watch_memory(program)
    _check(program)
    return peak


def _start(takes: Path, character: str, crew: _Crew, *, name: str) -> subprocess.Popen:
    out = "-".join((name, takes.name, str(crew.num_workers), *crew.options))
    perfkit = str(Path(sys.executable).with_name("perfkit"))
    workers = ("--workers", str(crew.num_workers), *crew.options)
    return subprocess.Popen(
        [perfkit, "batch", takes.name, "-o", out, "-c", character, *workers],
        cwd=takes.parent,
        preexec_fn=partial(os.sched_setaffinity, 0, crew.cores),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _check(program: subprocess.Popen) -> None:
    if program.returncode:
        raise SystemExit(f"a batch failed, code {program.returncode}: {program.args!r}")


def _watch_memory(program: subprocess.Popen) -> float:
    """Return the greatest sum of the workers' private and shared memory until the program ends, MiB.

    Pages that workers share are counted in part for each (PSS), so that the sum is what the machine gives.
    """
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        parent = psutil.Process(program.pid)
        while not done.wait(_POLL_SECONDS):
            try:
                workers = parent.children(recursive=True)
            except psutil.NoSuchProcess:
                return
            peak[0] = max(peak[0], sum(map(_read_pss, workers)) / 2**20)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    program.wait()
    done.set()
    watcher.join()
    return peak[0]


def _read_pss(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0
