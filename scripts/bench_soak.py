"""A long take at flat memory, and many short takes in one process without a leak, for scripts/bench.py.

The long take is the sample take, looped at 176x100 px, captured and rendered in one step by the real command line.
PERFKIT_BENCH_MINUTES says how long it is [60], PERFKIT_BENCH_TAKES how many short takes of 5 frames follow [1000].
These are captured and rendered one after another in one process, which tells its memory, open files and threads.
"""

import gc
import os
import subprocess
import sys
import tempfile
import threading
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path

import cv2
import numpy as np

MINUTES = float(os.environ.get("PERFKIT_BENCH_MINUTES", "60"))
NUM_TAKES = int(os.environ.get("PERFKIT_BENCH_TAKES", "1000"))
SIZE_WH = (176, 100)
NUM_SHORT_FRAMES = 5
NUM_WARM = 100
"""Short takes before the first count: libraries fill their caches once, and their threads' heaps find their size."""
MAX_MB_A_TAKE = 0.02
"""20 MB over 1,000 takes; a picture of a take that was kept would be 0.7 MB each."""
_PROGRAM = """
import resource, sys
sys.argv[0] = "perfkit"
from perfkit.cli import main
try:
    main()
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
"""


def print_soak(take: Path, character: str) -> None:
    """Print the peak memory of a take a tenth as long and of the long one, then what many short takes leave behind."""
    with tempfile.TemporaryDirectory(prefix="perfkit-soak-") as name:
        folder = Path(name)
        peaks = [measure_long(take, character, folder, minutes) for minutes in (MINUTES / 10, MINUTES)]
        row = f"{peaks[1]:.2f} GB, a tenth of it {peaks[0]:.2f} GB: x {peaks[1] / peaks[0]:.2f}"
        print(f"peak memory, a take of {MINUTES:g} minutes | {row}", flush=True)
        print_short(take, character, folder)


def measure_long(take: Path, character: str, folder: Path, minutes: float) -> float:
    """Return the peak memory in GB of rendering a looped take of so many minutes."""
    path = folder / f"{minutes:g}.mp4"
    write_looped(take, path, minutes * 60)
    command = ["render", str(path), "-c", character, "--steps", "1", "-o", str(folder / "long.mp4")]
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    path.unlink()
    return int(done.stderr.split()[-1]) / 1e9


def print_short(take: Path, character: str, folder: Path) -> None:
    """Capture and render many short takes and print memory, open files and threads at the beginning and the end."""
    from perfkit.inference.render import render_take
    from perfkit.inference.settings import RenderSettings, RuntimeSettings
    from perfkit.pack import load_pack

    pack, settings, runtime = load_pack(character), RenderSettings(steps=1), RuntimeSettings(device="cpu")
    short = folder / "short.mp4"
    write_looped(take, short, NUM_SHORT_FRAMES / 24)
    counts = []
    for number in range(NUM_WARM + NUM_TAKES):
        render_take(short, pack, folder / f"short{number % 2}.mp4", settings, runtime)
        counts.append(count_held())
    settled = counts[NUM_WARM - 1 :]
    memory_mb = np.array([mb for mb, _, _ in settled])
    mb_a_take = np.polyfit(np.arange(len(memory_mb)), memory_mb, 1)[0]
    (first_mb, files, threads), (last_mb, files_after, threads_after) = settled[0], settled[-1]
    is_flat = mb_a_take <= MAX_MB_A_TAKE and files_after <= files and threads_after <= threads
    memory = f"{first_mb:.0f} -> {last_mb:.0f} MB ({memory_mb.min():.0f} to {memory_mb.max():.0f})"
    row = f"{files} -> {files_after} open files, {threads} -> {threads_after} threads, {memory}"
    print(
        f"{NUM_TAKES} takes of {NUM_SHORT_FRAMES} frames in one process, after {NUM_WARM} | {row}; "
        f"{mb_a_take:+.3f} MB a take along a straight line: {'no leak' if is_flat else 'a leak'}"
    )


def count_held() -> tuple[float, int, int]:
    """Return memory in MB, open files and threads (the system's) of this process."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    num_threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    assert num_threads >= threading.active_count()
    return resident, sum(1 for _ in Path("/proc/self/fd").iterdir()), num_threads


def write_looped(take: Path, path: Path, seconds: float) -> None:
    """Write a take again and again, small, as one video."""
    from perfkit.video import iterate_frames, open_take
    from perfkit.video_write import VideoWriter

    source = open_take(take)
    rate_fps = source.info.rate_fps_from_content or Fraction(24)
    again = chain.from_iterable(iterate_frames(each) for each in repeat(source))
    with VideoWriter(path, time_base=1 / rate_fps, rate_fps=rate_fps) as writer:
        for index, (_, _, image_rgb) in enumerate(islice(again, max(2, round(seconds * rate_fps)))):
            writer.write(cv2.resize(image_rgb, SIZE_WH, interpolation=cv2.INTER_AREA), index)
