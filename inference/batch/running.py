"""Make the shots of a batch in worker processes, each shot to its end or to its one-line reason.

In: planned shots. Out: `Shot`s as they end; the ledger holds them. A worker that is killed loses its own shot only:
that is made again, once.
"""

import errno
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from perfkit.errors import MediaError, PerfkitError
from perfkit.files import remove_stale_asides
from perfkit.inference.batch.ledger import DONE, FAILED, Ledger, Shot
from perfkit.inference.batch.planning import PlannedShot
from perfkit.inference.devices import count_cores
from perfkit.inference.render import render_take
from perfkit.inference.settings import RuntimeSettings
from perfkit.manifest import digest_file
from perfkit.pack import load_pack
from perfkit.provenance import load_provenance, provenance_path

_log = logging.getLogger(__name__)
SHEETS = "sheets"


@dataclass(frozen=True)
class BatchOptions:
    """What changes no pixel.

    Attributes:
        num_workers: Processes side by side, the cores shared among them; 0: this process alone, without a child.
        on_progress: Called with (shots ended, shots in all, the one that ended).
    """

    num_workers: int = 1
    on_progress: Callable[[int, int, Shot], None] | None = None


@dataclass(frozen=True)
class _Outcome:
    """What a worker says of its shot; `is_disk_full` ends the batch."""

    shot: Shot
    is_disk_full: bool = False


def run_batch(
    planned: Sequence[PlannedShot], out_folder: Path, ledger: Ledger, options: BatchOptions | None = None
) -> list[Shot]:
    """Make what is due and return how every shot stands, in the order of the plan.

    Raises:
        MediaError: The disk is full; what is finished stays, and the same command goes on.
    """
    options = options or BatchOptions()
    (out_folder / SHEETS).mkdir(exist_ok=True)
    ended: dict[str, Shot] = {}
    due = [shot for shot in planned if shot.is_due]
    outcomes = _run_here(due, out_folder) if not options.num_workers else _run_workers(due, out_folder, options)
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.is_disk_full:
            raise MediaError(f"{outcome.shot.reason}; then run the same command again: what is finished stays")
        ledger.write(outcome.shot)
        ended[outcome.shot.out] = outcome.shot
        if options.on_progress is not None:
            options.on_progress(number, len(due), outcome.shot)
    shots = [ended.get(each.out) or ledger.read(each.out) for each in planned]
    return [shot for shot in shots if shot is not None]


def _run_here(due: Sequence[PlannedShot], out_folder: Path) -> Iterator[_Outcome]:
    for shot in due:
        yield make_shot(shot, out_folder, num_threads=0)


def _run_workers(due: Sequence[PlannedShot], out_folder: Path, options: BatchOptions) -> Iterator[_Outcome]:
    """Yield outcomes as shots end; what ran when a worker was killed is made again, each shot alone."""
    num_workers = min(options.num_workers, max(1, len(due)))
    waiting, suspects = list(due), list[PlannedShot]()
    while waiting or suspects:
        if suspects:
            shot = suspects.pop(0)
            killed, _ = yield from _run_pool([shot], out_folder, num_workers=1)
            if killed:
                yield _Outcome(_fail(shot, "its worker was killed, twice; free memory, or give a shorter take"))
        else:
            suspects, waiting = yield from _run_pool(waiting, out_folder, num_workers=num_workers)


def _run_pool(
    shots: Sequence[PlannedShot], out_folder: Path, *, num_workers: int
) -> Generator[_Outcome, None, tuple[list[PlannedShot], list[PlannedShot]]]:
    """Yield outcomes until all shots have ended or a worker is killed; return what ran then, and what had not begun."""
    rest, killed, is_whole = list(shots), list[PlannedShot](), True
    num_threads = max(1, count_cores() // num_workers)
    with _make_pool(num_workers) as pool:
        running: dict[Future[_Outcome], PlannedShot] = {}
        while running or (rest and is_whole):
            while rest and is_whole and len(running) < num_workers:
                try:
                    running[pool.submit(make_shot, rest[0], out_folder, num_threads=num_threads)] = rest[0]
                    rest.pop(0)
                except BrokenProcessPool:
                    is_whole = False
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                shot, error = running.pop(future), future.exception()
                if error is None:
                    yield future.result()
                elif isinstance(error, BrokenProcessPool):
                    is_whole = False
                    killed.append(shot)
                else:
                    _log.error("%s: a bug in perfkit", shot.job.take, exc_info=error)
                    yield _Outcome(_fail(shot, f"a bug in perfkit ({error!r}); please report it"))
    return killed, rest


def _make_pool(num_workers: int) -> ProcessPoolExecutor:
    """Children are started afresh: a fork would copy the threads' locks, held or not."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(num_workers, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, so that a killed batch leaves nobody at work."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make_shot(shot: PlannedShot, out_folder: Path, *, num_threads: int) -> _Outcome:
    """Render one shot; whatever is wrong with it becomes its reason."""
    started = time.monotonic()
    job = shot.job
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        sheet = sheet_path(out_folder, shot.out)
        for target in (job.out, provenance_path(job.out), sheet):
            remove_stale_asides(target)
        runtime = RuntimeSettings(num_threads=num_threads, contact_sheet=sheet)
        render_take(job.take, load_pack(job.character), job.out, job.settings, runtime)
        provenance = load_provenance(job.out)
    except (PerfkitError, OSError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{job.take}: ")
        return _Outcome(_fail(shot, reason, time.monotonic() - started), _is_disk_full(error))
    return _Outcome(
        Shot(
            out=shot.out,
            take=str(job.take),
            state=DONE,
            identity=shot.identity,
            out_digest=digest_file(job.out),
            reason="; ".join(provenance.notes),
            num_frames=provenance.num_frames,
            seconds=round(time.monotonic() - started, 2),
        )
    )


def sheet_path(out_folder: Path, out: str) -> Path:
    """Return where a shot's contact sheet lies."""
    return out_folder / SHEETS / f"{out.replace('/', '--')}.png"


def _fail(shot: PlannedShot, reason: str, seconds: float = 0.0) -> Shot:
    return Shot(shot.out, str(shot.job.take), FAILED, shot.identity, reason=reason, seconds=round(seconds, 2))


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
