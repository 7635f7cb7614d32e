"""Run one command of perfkit and judge how it ended, for scripts/bench_robustness.py.

In: a case, an empty folder for it. Out: finished, refused, wrong usage - and what it did that it must not: a traceback,
more or less than one line, a file left behind or changed, more than 60 s or 2 GB. The peak of memory is the kernel's,
read until the process has ended; `wait4` would count what the process that started it held.
"""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

LIMIT_SECONDS = float(os.environ.get("PERFKIT_BENCH_SECONDS", "60"))
LIMIT_BYTES = 2 * 10**9
PROGRAM = str(Path(sys.executable).with_name("perfkit"))
_IS_REMARK = re.compile(r"its LoRA was|its take is not given")
"""Lines that a render may say of what it does; they are no refusal."""
_IS_TRACEBACK = re.compile(r"Traceback|[A-Za-z_.]+Error: ")


@dataclass(frozen=True)
class Case:
    """One command over one odd input.

    Attributes:
        kind: The row of the table.
        name: What is odd.
        prepare: Fills the folder that the command will run in and returns the command's arguments; OSError: this
            machine cannot make that input.
        results: Patterns of what a finished command may leave; of a batch also a refused one.
        may_fail_with_results: Whether the results may lie there after a refusal, as of a batch.
        clean_up: Undoes what `prepare` did outside the folder.
    """

    kind: str
    name: str
    prepare: Callable[[Path], list[str]]
    results: tuple[str, ...] = ("out/*",)
    may_fail_with_results: bool = False
    clean_up: Callable[[Path], None] = lambda folder: None


@dataclass
class Verdict:
    """How a case ended: its exit code, None for one that was ended; what it did wrong; how much it took."""

    case: Case
    arguments: list[str]
    code: int | None
    violations: list[str] = field(default_factory=list)
    last_line: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


def judge(case: Case, folder: Path) -> Verdict:
    """Run a case in a folder of its own.

    Raises:
        OSError: Its input cannot be made on this machine.
    """
    for name in ("out", "tmp"):
        (folder / "here" / name).mkdir(parents=True)
    try:
        arguments = case.prepare(folder / "here")
        before = _look(folder / "here")
        verdict = _run(case, arguments, folder)
        after = _look(folder / "here")
    finally:
        case.clean_up(folder / "here")
    changed = sorted(path for path in before | after if before.get(path) != after.get(path))
    may_leave = verdict.code == 0 or case.may_fail_with_results
    left = [path for path in changed if not may_leave or "partial" in path or not _is_result(path, case.results)]
    if left:
        verdict.violations.append(f"left or changed {', '.join(left)[:200]}")
    if verdict.code == 0 and case.results and not any(_is_result(path, case.results) for path in changed):
        verdict.violations.append("finished without a result")
    return verdict


def _run(case: Case, arguments: list[str], folder: Path) -> Verdict:
    environment = {**os.environ, "TMPDIR": str(folder / "here" / "tmp"), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    started = time.monotonic()
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=folder / "here",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            start_new_session=True,
        )
        ended, peak_bytes, reason = _wait(process.pid, started)
    process.returncode = ended
    lines = (folder / "stderr").read_text(errors="replace").splitlines()
    verdict = Verdict(case, arguments, None if reason else ended, last_line=lines[-1] if lines else "")
    verdict.seconds, verdict.peak_bytes = time.monotonic() - started, peak_bytes
    verdict.violations += _find_violations(verdict, lines, reason)
    return verdict


def _wait(process_id: int, started: float) -> tuple[int, int, str]:
    """Wait for a process and end it, with all that it started, where it takes too much; return its peak in bytes."""
    reason, peak_bytes = "", 0
    while True:
        peak_bytes = max(peak_bytes, _read_peak_bytes(process_id))
        ended, status = os.waitpid(process_id, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), peak_bytes, reason
        if time.monotonic() - started > LIMIT_SECONDS:
            reason = f"ran longer than {LIMIT_SECONDS:.0f} s"
        elif peak_bytes > LIMIT_BYTES:
            reason = f"took more than {LIMIT_BYTES / 1e9:.0f} GB"
        if reason:
            with suppress(ProcessLookupError):
                os.killpg(process_id, signal.SIGKILL)
        time.sleep(0.02)


def _find_violations(verdict: Verdict, lines: list[str], reason: str) -> list[str]:
    if reason:
        return [reason]
    found = []
    if any(_IS_TRACEBACK.match(line) for line in lines):
        found.append("a traceback")
    if verdict.code not in (0, 1, 2):
        found.append(f"exit {verdict.code}")
    said = [line for line in lines if not _IS_REMARK.search(line)]
    is_one_line = len(said) == 1 and said[0].startswith("perfkit: ") and len(said[0]) < 20_000
    if verdict.code == 1 and not is_one_line and not verdict.case.may_fail_with_results:
        found.append(f"refused in {len(said)} lines: {' / '.join(said)[:300]}")
    if verdict.peak_bytes > LIMIT_BYTES:
        found.append(f"took {verdict.peak_bytes / 1e9:.1f} GB")
    return found


def _look(folder: Path) -> dict[str, tuple]:
    """Return what lies in a folder: relative path -> kind, size and time of change; links are not followed."""
    found: dict[str, tuple] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            with suppress(OSError):
                status = path.lstat()
                about = () if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_mtime_ns)
                found[str(path.relative_to(folder))] = (status.st_mode, *about)
    return found


def _is_result(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _read_peak_bytes(process_id: int) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
