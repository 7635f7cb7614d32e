"""Make one shot, in whatever process: to its end or to its one-line reason.

In: a planned shot. Out: `Outcome`.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perfkit.errors import PerfkitError
from perfkit.files import is_disk_full
from perfkit.inference.batch.ledger import DONE, FAILED, Ledger, Shot
from perfkit.inference.batch.planning import PlannedShot
from perfkit.inference.engine import EngineKeeper
from perfkit.inference.render import render_take
from perfkit.inference.settings import RuntimeSettings
from perfkit.manifest import digest_file
from perfkit.pack import load_pack
from perfkit.provenance import load_provenance

SHEETS = "sheets"
_engines = EngineKeeper()
"""This worker's: neighbouring shots are mostly of one character."""


@dataclass(frozen=True)
class MakingOptions:
    """What a worker is told besides its shot.

    Attributes:
        out_folder: Folder of the batch.
        num_threads: Cores for the network; 0 = all.
        segment_frames: Frames of a segment; 0 = as usual.
        ledger: Where segments are written down as they are made; None: who asked for them does it.
    """

    out_folder: Path
    num_threads: int = 0
    segment_frames: int = 0
    ledger: Ledger | None = None


@dataclass(frozen=True)
class Outcome:
    """What a worker says of its shot; `is_disk_full` ends the batch."""

    shot: Shot
    is_disk_full: bool = False


def make_shot(shot: PlannedShot, options: MakingOptions) -> Outcome:
    """Render one shot; whatever is wrong with it becomes its reason.

    Its work folder stays until the ledger knows that it is done: who writes that down removes it.
    """
    started = time.monotonic()
    job = shot.job
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        render_take(job.take, load_pack(job.character), job.out, job.settings, make_runtime(shot, options))
        provenance = load_provenance(job.out)
    except (PerfkitError, OSError) as error:
        return fail_shot(shot, error, seconds=time.monotonic() - started)
    return Outcome(
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


def make_runtime(shot: PlannedShot, options: MakingOptions) -> RuntimeSettings:
    """Return how a shot is rendered."""
    ledger = options.ledger
    return RuntimeSettings(
        num_threads=options.num_threads,
        segment_frames=options.segment_frames,
        contact_sheet=sheet_path(options.out_folder, shot.out),
        on_segment=None if ledger is None else partial(ledger.write_segment, shot.out, shot.identity),
        keeps_work=True,
        engines=_engines,
    )


def fail_shot(shot: PlannedShot, why: BaseException | str, *, seconds: float = 0.0) -> Outcome:
    """Return that a shot failed."""
    reason = " ".join(str(why).split()).removeprefix(f"{shot.job.take}: ")
    failed = Shot(shot.out, str(shot.job.take), FAILED, shot.identity, reason=reason, seconds=round(seconds, 2))
    return Outcome(failed, isinstance(why, BaseException) and is_disk_full(why))


def sheet_path(out_folder: Path, out: str) -> Path:
    """Return where a shot's contact sheet lies."""
    return out_folder / SHEETS / f"{out.replace('/', '--')}.png"
