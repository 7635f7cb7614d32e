"""Make the shots of a batch, here, in worker processes or on Ray; the ledger holds how each ended.

In: planned shots. Out: `Shot`s.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from perfkit.errors import MediaError
from perfkit.files import remove
from perfkit.inference.batch.ledger import DONE, Ledger, Shot
from perfkit.inference.batch.making import SHEETS, MakingOptions, Outcome, make_shot
from perfkit.inference.batch.planning import PlannedShot
from perfkit.inference.batch.workers import run_workers
from perfkit.inference.work_folder import work_path


@dataclass(frozen=True)
class BatchOptions:
    """What changes no pixel.

    Attributes:
        num_workers: Processes side by side, the cores shared among them; 0: this process alone, without a child.
        ray_address: A Ray cluster that makes the shots, "local" for one on this machine; None: no Ray.
        segment_frames: Frames that a kill costs at most; 0 = as usual.
        on_progress: Called with (shots ended, shots in all, the one that ended).
    """

    num_workers: int = 1
    ray_address: str | None = None
    segment_frames: int = 0
    on_progress: Callable[[int, int, Shot], None] | None = None


def run_batch(
    planned: Sequence[PlannedShot], out_folder: Path, ledger: Ledger, options: BatchOptions | None = None
) -> list[Shot]:
    """Make what is due and return how every shot stands, in the order of the plan.

    Raises:
        MediaError: The disk is full; what is finished stays, and the same command goes on.
        SettingsError: Ray is asked for and is not installed, or its cluster cannot be reached.
    """
    options = options or BatchOptions()
    (out_folder / SHEETS).mkdir(exist_ok=True)
    ended: dict[str, Shot] = {}
    due = [shot for shot in planned if shot.is_due]
    for shot in planned:
        if not shot.is_due:
            remove(work_path(shot.job.out))
    with closing(_make(due, out_folder, ledger, options)) as outcomes:
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.is_disk_full:
                raise MediaError(f"{outcome.shot.reason}; then run the same command again: what is finished stays")
            ledger.write(outcome.shot)
            if outcome.shot.state == DONE:
                remove(work_path(out_folder / outcome.shot.out))
            ended[outcome.shot.out] = outcome.shot
            if options.on_progress is not None:
                options.on_progress(number, len(due), outcome.shot)
    shots = [ended.get(each.out) or ledger.read(each.out) for each in planned]
    return [shot for shot in shots if shot is not None]


def _make(
    due: Sequence[PlannedShot], out_folder: Path, ledger: Ledger, options: BatchOptions
) -> Generator[Outcome, None, None]:
    making = MakingOptions(out_folder, segment_frames=options.segment_frames, ledger=ledger)
    if options.ray_address is not None:
        from perfkit.inference.batch.on_ray import run_on_ray

        return run_on_ray(due, making, address=options.ray_address, num_workers=options.num_workers)
    if options.num_workers:
        return run_workers(due, making, num_workers=options.num_workers)
    return (make_shot(shot, making) for shot in due)
