"""The same shots on Ray: its scheduler hands out segments, its retries make those of a killed worker again.

    begin_shot (capture) --> make_segment, make_segment, ... --> finish_shot (composite, encode, mux)

In: planned shots. Out: `Outcome`s as they end. What is made lies in the shots' work folders, where every machine must
find it; what the tasks tell of it travels through Ray's object store. The door to Ray: nobody else imports it.
"""

import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from perfkit.cores import count_cores
from perfkit.errors import PerfkitError, SettingsError
from perfkit.files import remove
from perfkit.inference.batch.ledger import Ledger
from perfkit.inference.batch.making import MakingOptions, Outcome, fail_shot, make_runtime, make_shot, sheet_path
from perfkit.inference.batch.planning import PlannedShot
from perfkit.inference.job import Job, open_job
from perfkit.inference.render import make_segments, remove_half_written, retarget_job
from perfkit.inference.work_folder import Segment, WorkFolder, work_path
from perfkit.pack import load_pack
from perfkit.track import CharacterTrack

LOCAL = "local"
MAX_RETRIES = 3
"""How often a task is made again whose worker was killed."""
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_ON_THIS_MACHINE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's words for: no cluster of machines, so that loopback is the address of this one."""
_NO_PROXY = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """What every task of a shot is given.

    Attributes:
        shot: The shot.
        options: What a worker is told.
        home: The folder from which the shot's paths are seen.
    """

    shot: PlannedShot
    options: MakingOptions
    home: Path


@dataclass(frozen=True)
class Answer:
    """What a task tells: what was asked for, or how the shot failed; and how long it took."""

    told: list[range] | Segment | Outcome
    seconds: float = 0.0


def run_on_ray(
    due: Sequence[PlannedShot], options: MakingOptions, *, address: str, num_workers: int
) -> Generator[Outcome, None, None]:
    """Yield outcomes as shots end.

    Args:
        due: The shots.
        options: What workers are told.
        address: Of a cluster; "local" starts one on this machine and ends it.
        num_workers: Tasks side by side on a machine like this one.

    Raises:
        SettingsError: Ray is not installed, or the cluster cannot be reached.
    """
    num_threads = max(1, count_cores() // num_workers)
    told = replace(options, num_threads=num_threads, ledger=None)
    with _join_cluster(address, num_cpus=num_threads * num_workers) as ray:
        num_gpus = 1 / num_workers if ray.cluster_resources().get("GPU") else 0
        as_task = ray.remote(num_cpus=num_threads, num_gpus=num_gpus, max_retries=MAX_RETRIES)
        try:
            yield from _Dispatch(ray, as_task, options.ledger).run([Errand(shot, told, Path.cwd()) for shot in due])
        except BaseException:
            for shot in due:
                remove_half_written(shot.job.out, sheet_path(options.out_folder, shot.out))
            raise


class _Dispatch:
    """Hands out tasks, and keeps beside each what is to be done with its answer."""

    def __init__(self, ray: Any, as_task: Callable[[Callable], Any], ledger: Ledger | None) -> None:
        self._ray = ray
        self._begin, self._make, self._finish = as_task(begin_shot), as_task(make_segment), as_task(finish_shot)
        self._ledger = ledger
        self._pending: dict[Any, Callable[[Any], Outcome | None]] = {}

    def run(self, errands: Sequence[Errand]) -> Iterator[Outcome]:
        """Yield outcomes as shots end."""
        for errand in errands:
            self._pending[self._begin.remote(errand)] = partial(self._hand_out, errand)
        while self._pending:
            (task,), _ = self._ray.wait(list(self._pending), num_returns=1)
            outcome = self._pending.pop(task)(task)
            if outcome is not None:
                yield outcome

    def _hand_out(self, errand: Errand, task: Any) -> Outcome | None:
        """Hand out a shot's missing segments and, Ray waiting for them, its end."""
        missing = self._receive(errand, task)
        if isinstance(missing, Outcome):
            return missing
        assert isinstance(missing, list)
        segments = [self._make.remote(errand, frames) for frames in missing]
        self._pending |= dict.fromkeys(segments, partial(self._write_down, errand))
        self._pending[self._finish.remote(errand, task, *segments)] = partial(self._receive_outcome, errand)
        return None

    def _write_down(self, errand: Errand, task: Any) -> None:
        segment = self._receive(errand, task)
        if isinstance(segment, Segment) and self._ledger is not None:
            self._ledger.write_segment(errand.shot.out, errand.shot.identity, segment)

    def _receive_outcome(self, errand: Errand, task: Any) -> Outcome:
        outcome = self._receive(errand, task)
        assert isinstance(outcome, Outcome)
        return outcome

    def _receive(self, errand: Errand, task: Any) -> list[range] | Segment | Outcome:
        """Return what a task tells; a worker that was killed too often is the shot's failure."""
        try:
            answer: Answer = self._ray.get(task)
            return answer.told
        except self._ray.exceptions.RayTaskError as error:
            _log.error("%s: a bug in perfkit", errand.shot.job.take, exc_info=error)
            return fail_shot(errand.shot, f"a bug in perfkit ({error.cause!r}); please report it")
        except self._ray.exceptions.RayError as error:
            what = type(error).__name__
            return fail_shot(errand.shot, f"Ray gave it up after {MAX_RETRIES} retries ({what}); free memory")


def begin_shot(errand: Errand) -> Answer:
    """Capture a shot's take; tell the segments that are missing."""

    def find_missing() -> list[range]:
        errand.shot.job.out.parent.mkdir(parents=True, exist_ok=True)
        job = _open_job(errand, is_shared=False)
        segments = job.work.split(len(job.performance.track))
        return [frames for frames in segments if job.work.find_segment(frames) is None]

    answer = _answer(errand, find_missing)
    if isinstance(answer.told, Outcome):
        _clear_up(answer.told, errand)
    return answer


def make_segment(errand: Errand, frames: range) -> Answer:
    """Make one segment of a shot that is begun."""

    def make() -> Segment:
        job, character = _open_character(errand)
        deque(make_segments(character, job, [frames]), maxlen=0)
        segment = job.work.find_segment(frames)
        assert segment is not None
        return segment

    return _answer(errand, make)


def finish_shot(errand: Errand, *answers: Answer) -> Answer:
    """Make the shot of its segments; if one of them failed, so did the shot."""

    def finish() -> Outcome:
        failure = next((answer.told for answer in answers if isinstance(answer.told, Outcome)), None)
        if failure is None:
            outcome = make_shot(errand.shot, errand.options)
            seconds = outcome.shot.seconds + sum(answer.seconds for answer in answers)
            return replace(outcome, shot=replace(outcome.shot, seconds=round(seconds, 2)))
        _clear_up(failure, errand)
        return failure

    return _answer(errand, finish)


def _clear_up(failure: Outcome, errand: Errand) -> None:
    if not failure.is_disk_full:
        remove(work_path(errand.shot.job.out))


def _answer(errand: Errand, work: Callable[[], list[range] | Segment | Outcome]) -> Answer:
    """Do a task's work in the folder from which the batch was started; what is wrong with the shot is an answer too."""
    started = time.monotonic()
    claim_cores(errand.options.num_threads)
    os.chdir(errand.home)
    try:
        told = work()
    except (PerfkitError, OSError) as error:
        told = fail_shot(errand.shot, error)
    return Answer(told, time.monotonic() - started)


@lru_cache(maxsize=1)
def claim_cores(num_cores: int) -> socket.socket | None:
    """Keep this process to cores that no other worker of the machine has claimed.

    Ray counts cores, but leaves it to the system where its workers run: two of them then share one while another idles.

    Returns:
        The claim: a socket name that the kernel frees with the process; None where all cores are claimed already, or
        the system does not let processes be kept to cores.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    for first in range(0, len(cores) - num_cores + 1, num_cores):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0perfkit-cores-{cores[first]}")
        except OSError:
            claim.close()
            continue
        os.sched_setaffinity(0, cores[first : first + num_cores])
        return claim
    return None


@lru_cache(maxsize=1)
def _open_character(errand: Errand) -> tuple[Job, CharacterTrack]:
    """Return what every segment of a shot needs; a worker makes one after the other."""
    job = _open_job(errand, is_shared=True)
    return job, retarget_job(job)


def _open_job(errand: Errand, *, is_shared: bool) -> Job:
    job, options = errand.shot.job, errand.options
    work = WorkFolder(job.out, segment_frames=options.segment_frames, is_shared=is_shared)
    runtime = make_runtime(errand.shot, options)
    return open_job(job.take, load_pack(job.character), work, job.settings, runtime)


@contextmanager
def _join_cluster(address: str, *, num_cpus: int) -> Iterator[Any]:
    """Start or join a cluster and leave it; it tells nobody anything, and a local one listens on this machine alone."""
    os.environ |= _QUIET | (_ON_THIS_MACHINE if address == LOCAL else {})  # read when Ray is imported
    try:
        import ray
    except ImportError as error:
        raise SettingsError("--ray: Ray is not installed; install it with: pip install 'perfkit[ray]'") from error
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address == LOCAL:
            with _without_way_out():
                ray.init("local", num_cpus=num_cpus, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
        else:
            ray.init(address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"--ray {address}: no cluster can be reached there ({reason}); start it first") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _without_way_out() -> Iterator[None]:
    """Give what is started in the block a proxy that is not there.

    Also with its statistics off, Ray asks the addresses of three clouds' metadata services whether it runs on them.
    """
    before = {name: os.environ.get(name) for name in _NO_PROXY}
    os.environ |= _NO_PROXY
    try:
        yield
    finally:
        for name, setting in before.items():
            if setting is None:
                del os.environ[name]
            else:
                os.environ[name] = setting
