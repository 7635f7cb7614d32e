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
"""Counting pages takes the workers' memory from them meanwhile: ten times a second cost them a fifth of their speed."""


@dataclass(frozen=True)
class _Load:
    """What a batch took: wall-clock seconds, and the greatest sum of its workers' memory, MiB."""

    seconds: float
    workers_mib: float


def print_batch_load(take: Path, character: str) -> None:
    """Print the throughput and the memory of two workers against one worker that is pinned to one core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("batch, 2 workers against 1 | not measured: this machine has one core")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "takes").mkdir()
        for number in range(NUM_TAKES):
            shutil.copy(take, folder / "takes" / f"{number}.mp4")
        (folder / "moment").mkdir()
        write_looped(take, folder / "moment" / "0.mp4", seconds=_MOMENT_SECONDS)
        alone, both = (1, cores[:1]), (2, cores[:2])
        one, two = _run(folder / "takes", character, alone), _run(folder / "takes", character, both)
        ray = _run(folder / "takes", character, both, options=("--ray",))
        start_one = _run(folder / "moment", character, alone)
        start_ray = _run(folder / "moment", character, both, options=("--ray",))
    lasting = (one.seconds - start_one.seconds) / (ray.seconds - start_ray.seconds)
    print(f"batch, throughput of 2 workers on 2 cores against 1 on 1 core | {one.seconds / two.seconds:.2f}x")
    print(f"the same on Ray, each less what a batch of {_MOMENT_SECONDS:g} s takes | {lasting:.2f}x")
    print(
        f"Ray with its start, {NUM_TAKES} takes | {one.seconds / ray.seconds:.2f}x "
        f"(1 worker {one.seconds:.0f} s, its short batch {start_one.seconds:.0f} s; "
        f"Ray {ray.seconds:.0f} s and {start_ray.seconds:.0f} s)"
    )
    print(
        f"batch, memory of 2 workers against 1 | {two.workers_mib / one.workers_mib:.2f}x "
        f"({one.workers_mib:.0f} MiB, {two.workers_mib:.0f} MiB)"
    )


def _run(takes: Path, character: str, workers: tuple[int, list[int]], options: tuple[str, ...] = ()) -> _Load:
    """Run a batch of a folder by so many workers on these cores."""
    num_workers, cores = workers
    out = "".join(("out-", takes.name, str(num_workers), *options))
    perfkit = str(Path(sys.executable).with_name("perfkit"))
    command = [perfkit, "batch", takes.name, "-o", out, "-c", character, "--workers", str(num_workers), *options]
    start = time.perf_counter()
    pin = partial(os.sched_setaffinity, 0, cores)
    with subprocess.Popen(
        command, cwd=takes.parent, preexec_fn=pin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        peak = _watch_memory(program)
    if program.returncode:
        raise SystemExit(f"the batch of {num_workers} workers failed, code {program.returncode}")
    return _Load(time.perf_counter() - start, peak)


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
