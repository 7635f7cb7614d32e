"""A long take at flat memory, and many short takes in one batch without a leak, for scripts/bench.py.

The long take is the sample take, looped at 176x100 px, captured and rendered in one step by the real command line.
PERFKIT_BENCH_MINUTES says how long it is [60], PERFKIT_BENCH_TAKES how many short takes of 5 frames follow [1000].
These are one `perfkit batch`; memory, open files and threads of its processes are looked at from outside.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice, repeat
from pathlib import Path

import cv2
import numpy as np
import psutil

MINUTES = float(os.environ.get("PERFKIT_BENCH_MINUTES", "60"))
NUM_TAKES = int(os.environ.get("PERFKIT_BENCH_TAKES", "1000"))
SIZE_WH = (176, 100)
NUM_SHORT_FRAMES = 5
LOOK_SECONDS = 0.25
MAX_MB_A_TAKE = 0.02
"""20 MB over 1,000 takes; a picture of a take that was kept would be 0.7 MB each."""
MAX_GROWTH = 1.05
"""Peak memory of the last worker against the first's."""
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


@dataclass
class Watched:
    """One process as seen from outside, look by look.

    Attributes:
        memory_mb: Resident.
        files: Open.
        threads: The system's.
    """

    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def look(self, process: psutil.Process) -> None:
        """Look once more."""
        with process.oneshot():
            memory_mb, files, threads = process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()
        self.memory_mb.append(memory_mb)
        self.files.append(files)
        self.threads.append(threads)


def print_short(take: Path, character: str, folder: Path) -> None:
    """Convert many short takes in one batch; print how its process and its workers, one after the other, fared."""
    short, takes, out = folder / "short.mp4", folder / "takes", folder / "shots"
    takes.mkdir()
    write_looped(take, short, NUM_SHORT_FRAMES / 24)
    for number in range(NUM_TAKES):
        (takes / f"take{number:04d}.mp4").hardlink_to(short)
    command = ["batch", str(takes), "-o", str(out), "-c", character, "--steps", "1"]
    with (folder / "batch.txt").open("w") as said:
        program = subprocess.Popen([sys.executable, "-c", _PROGRAM, *command], stdout=said, stderr=said)
        parent, workers = watch_batch(program)
    if program.returncode or len(list(out.glob("*.mp4"))) != NUM_TAKES:
        raise RuntimeError((folder / "batch.txt").read_text()[-2000:])
    settled = np.array(parent.memory_mb[len(parent.memory_mb) // 10 :])
    mb_a_take = np.polyfit(np.linspace(0, 0.9 * NUM_TAKES, len(settled)), settled, 1)[0]
    peaks = [max(worker.memory_mb) for worker in workers]
    first, last = workers[0], workers[-1]
    is_flat = mb_a_take <= MAX_MB_A_TAKE and peaks[-1] <= MAX_GROWTH * peaks[0]
    is_flat &= max(last.files) <= max(first.files) and max(last.threads) <= max(first.threads)
    print(
        f"{NUM_TAKES} takes of {NUM_SHORT_FRAMES} frames in one batch | its process {settled[0]:.0f} -> "
        f"{settled[-1]:.0f} MB, {mb_a_take:+.3f} MB a take; {len(workers)} workers one after the other, peaks "
        f"{', '.join(f'{peak:.0f}' for peak in peaks)} MB; the first's and the last's open files "
        f"{max(first.files)}, {max(last.files)}, threads {max(first.threads)}, {max(last.threads)}: "
        f"{'no leak' if is_flat else 'a leak'}"
    )


def watch_batch(program: "subprocess.Popen[bytes]") -> tuple[Watched, list[Watched]]:
    """Look at a batch while it has workers, and at these; return what was seen, workers in the order of their birth.

    Before and after it plans and writes its report, for which it holds all shots at once.
    """
    parent, workers = Watched(), dict[int, Watched]()
    batch = psutil.Process(program.pid)
    while program.poll() is None:
        try:
            for child in batch.children():
                if "spawn_main" in " ".join(child.cmdline()):
                    workers.setdefault(child.pid, Watched()).look(child)
                    parent.look(batch)
        except psutil.Error:
            pass
        try:
            program.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    return parent, list(workers.values())


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
