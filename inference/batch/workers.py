"""Worker processes on this machine, each with its share of the cores; one that is killed costs its own shot only.

In: planned shots. Out: `Outcome`s as they end. A shot whose worker was killed is made again, once, from where it stood.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.context import SpawnContext
from multiprocessing.queues import SimpleQueue
from types import FrameType

from perfkit.cores import count_cores
from perfkit.inference.batch.making import MakingOptions, Outcome, fail_shot, make_shot, sheet_path
from perfkit.inference.batch.planning import PlannedShot
from perfkit.inference.render import remove_half_written

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 0.6
"""What an interrupted worker is given to clear up."""
SHOTS_A_WORKER = 100
"""Then a worker gives way to a new one: MediaPipe leaves some KB of every take behind, in blocks that pin whole pages,
a tenth of a MB in all."""


def run_workers(
    due: Sequence[PlannedShot], options: MakingOptions, *, num_workers: int
) -> Generator[Outcome, None, None]:
    """Yield outcomes as shots end; what ran when a worker was killed is made again, each shot alone."""
    num_workers = min(num_workers, max(1, len(due)))
    options = replace(options, num_threads=max(1, count_cores() // num_workers))
    waiting, suspects = list(due), list[PlannedShot]()
    while waiting or suspects:
        if suspects:
            shot = suspects.pop(0)
            killed, _ = yield from _run_pool([shot], options, num_workers=1)
            if killed:
                yield fail_shot(shot, "its worker was killed, twice; free memory, or give a shorter take")
        else:
            next_ones, later = waiting[: SHOTS_A_WORKER * num_workers], waiting[SHOTS_A_WORKER * num_workers :]
            suspects, rest = yield from _run_pool(next_ones, options, num_workers=num_workers)
            waiting = rest + later


def _run_pool(
    shots: Sequence[PlannedShot], options: MakingOptions, *, num_workers: int
) -> Generator[Outcome, None, tuple[list[PlannedShot], list[PlannedShot]]]:
    """Yield outcomes until all shots have ended or a worker is killed; return what ran then, and what had not begun."""
    rest, killed, is_whole = list(shots), list[PlannedShot](), True
    running: dict[Future[Outcome], PlannedShot] = {}
    with _make_pool(num_workers) as pool, _interrupted_at_once(running, options):
        while running or (rest and is_whole):
            while rest and is_whole and len(running) < num_workers:
                try:
                    running[pool.submit(make_shot, rest[0], options)] = rest[0]
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
                    yield fail_shot(shot, f"a bug in perfkit ({error!r}); please report it")
    return killed, rest


@contextlib.contextmanager
def _interrupted_at_once(running: dict[Future[Outcome], PlannedShot], options: MakingOptions) -> Iterator[None]:
    """End the workers when the block is left by an interrupt or an error, however deep in a library they are."""
    others = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        workers = [child for child in multiprocessing.active_children() if child not in others]
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
        for shot in running.values():
            remove_half_written(shot.job.out, sheet_path(options.out_folder, shot.out))
        raise


def _make_pool(num_workers: int) -> ProcessPoolExecutor:
    """Children are started afresh: a fork would copy the threads' locks, held or not."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        num_workers, mp_context=context, initializer=_prepare_worker, initargs=(_share_cores(num_workers, context),)
    )


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Leave by the way that clears up half-written files; a worker that waits for work leaves without a word."""
    raise SystemExit(1)


def _share_cores(num_workers: int, context: SpawnContext) -> "SimpleQueue[set[int]]":
    """Return each worker's cores, to be taken by one after the other; empty sets where they cannot be shared out."""
    shares: SimpleQueue[set[int]] = context.SimpleQueue()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    for number in range(num_workers):
        shares.put(set(cores[number::num_workers]))
    return shares


def _prepare_worker(shares: "SimpleQueue[set[int]]") -> None:
    """Keep to cores of one's own, which every library then counts, and let the parent alone decide when this one ends.

    It ends by the parent's signal, or by the parent's being gone.
    """
    cores = shares.get()
    if cores:
        os.sched_setaffinity(0, cores)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
