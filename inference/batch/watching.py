"""Wait for takes to arrive in a folder, and let only those in that are there whole.

In: what the folder holds, asked for again and again. Out: the takes that are new or changed, when they are complete.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from perfkit.errors import PerfkitError
from perfkit.inference.batch.jobs import ShotJob
from perfkit.track import is_perf, load_track
from perfkit.video import open_take

_log = logging.getLogger(__name__)
POLL_SECONDS = 2.0
Stamp = tuple[int, int] | None


def iterate_arrivals(
    find: Callable[[], Sequence[ShotJob]], *, wait: Callable[[], None] | None = None
) -> Iterator[list[ShotJob]]:
    """Yield the jobs whose takes have arrived since the last time; without end.

    A take has arrived when its size and time of change have stood still from one look to the next and it can be opened:
    a video that is still being copied or recorded has no end yet, most often no index either. One that stands still and
    cannot be opened is told, and waited for until it changes.

    Args:
        find: Looks at the folder.
        wait: What to do between two looks; two seconds of sleep by default.
    """
    wait = wait or (lambda: time.sleep(POLL_SECONDS))
    seen: dict[Path, tuple[Stamp, bool]] = {}
    while True:
        arrived = []
        for job in find():
            stamp = _read_stamp(job.take)
            last_stamp, is_settled = seen.get(job.take, (None, False))
            if stamp != last_stamp:
                seen[job.take] = (stamp, False)
            elif stamp is not None and not is_settled:
                seen[job.take] = (stamp, True)
                arrived += [job] if _can_be_opened(job.take) else []
        if arrived:
            yield arrived
        wait()


def _read_stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _can_be_opened(path: Path) -> bool:
    try:
        if is_perf(path):
            load_track(path)
        else:
            open_take(path)
    except PerfkitError as error:
        _log.warning("waiting for it to change: %s", error)
        return False
    return True
