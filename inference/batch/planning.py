"""What of a batch remains to be made, and why.

In: jobs, the ledger. Out: `PlannedShot`s.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from perfkit import __version__
from perfkit.errors import PerfkitError
from perfkit.files import is_file
from perfkit.inference.batch.jobs import ShotJob
from perfkit.inference.batch.ledger import DONE, FAILED, Ledger, Shot
from perfkit.inference.job import digest_source
from perfkit.inference.work_folder import work_path
from perfkit.manifest import digest_file
from perfkit.pack import load_pack


@dataclass(frozen=True)
class PlannedShot:
    """A shot, and whether it is to be made.

    Attributes:
        job: The shot.
        out: Its result's path below the output folder.
        identity: SHA-256 over take, pack and settings; empty where one of them cannot be read.
        is_due: Whether it is to be made.
        why: Why, or why not.
    """

    job: ShotJob
    out: str
    identity: str
    is_due: bool
    why: str


def plan_batch(jobs: Sequence[ShotJob], out_folder: Path, ledger: Ledger | None) -> list[PlannedShot]:
    """Decide for every job whether it is to be made; without a ledger nothing is made yet. Only digests are read."""
    pack_digests: dict[str, str] = {}
    return [_plan(job, out_folder, ledger, pack_digests) for job in jobs]


def _plan(job: ShotJob, out_folder: Path, ledger: Ledger | None, pack_digests: dict[str, str]) -> PlannedShot:
    out = job.out.relative_to(out_folder).as_posix()
    shot = None if ledger is None else ledger.read(out)
    try:
        if job.character not in pack_digests:
            pack_digests[job.character] = load_pack(job.character).digest
        identity = identify(job, pack_digests[job.character])
    except (PerfkitError, OSError):
        has_failed = shot is not None and shot.state == FAILED
        why = "failed before" if has_failed else "cannot be read; the reason follows when it is its turn"
        return PlannedShot(job, out, "", True, why)
    due, why = _compare(job, identity, shot)
    if due and ledger is not None and work_path(job.out).is_dir():
        num_kept = sum(len(segment.frames) for segment in ledger.read_segments(out, identity))
        why = f"broken off, {num_kept} frames are kept" if num_kept else why
    return PlannedShot(job, out, identity, due, why)


def _compare(job: ShotJob, identity: str, shot: Shot | None) -> tuple[bool, str]:
    if shot is None:
        return True, "not made yet"
    if shot.state == FAILED:
        return True, "failed before"
    assert shot.state == DONE
    if shot.identity != identity:
        return True, "take, character or settings changed"
    if not is_file(job.out):
        return True, "its result is gone"
    if digest_file(job.out) != shot.out_digest:
        return True, "its result was changed"
    return False, "done"


def identify(job: ShotJob, pack_digest: str) -> str:
    """Return the SHA-256 over everything that a shot depends on, hex.

    Raises:
        OSError: The take or a file of its settings cannot be read.
        PerfkitError: The take cannot be opened.
    """
    files = [Path(job.settings.background), job.settings.calibration]
    digests = [digest_source(job.take), *(digest_file(path) for path in files if path is not None and is_file(path))]
    text = json.dumps([__version__, digests, pack_digest, asdict(job.settings), job.out.suffix], default=str)
    return hashlib.sha256(text.encode()).hexdigest()
