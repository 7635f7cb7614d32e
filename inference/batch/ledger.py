"""What a batch has made, in OUT/ledger.sqlite: a row for every segment that is kept, one for every shot that has ended.

In: segments, shots. Out: the same, in a later run. A file is renamed into place before its row is written: what the
ledger calls done is whole.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from perfkit.errors import MediaError
from perfkit.inference.work_folder import Segment

LEDGER_NAME = "ledger.sqlite"
VERSION = 1
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Shot:
    """How a shot ended.

    Attributes:
        out: The result's path below the output folder.
        take: The take's path, as it was given.
        state: DONE or FAILED.
        identity: SHA-256 over take, pack and settings.
        out_digest: SHA-256 of the result; empty: none.
        reason: Why it failed, one line; or what was odd.
        num_frames: Frames of the result.
        seconds: How long it took.
    """

    out: str
    take: str
    state: str
    identity: str
    out_digest: str = ""
    reason: str = ""
    num_frames: int = 0
    seconds: float = 0.0


def _write_plain(value: object) -> object:
    """Return a value as SQLite holds it: of a file's name that is no UTF-8, the odd bytes are written out."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


class Ledger:
    """The rows of one output folder.

    Args:
        folder: The output folder, which must exist.

    Raises:
        MediaError: The ledger is damaged, of another version, or may not be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER_NAME
        names = [each.name for each in fields(Shot)]
        self._columns = ", ".join(names)
        self._places = ", ".join("?" * len(names))
        with self._open() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise MediaError(
                    f"{self.path}: of version {version}, this perfkit writes {VERSION}; use another folder"
                )
            connection.execute(f"CREATE TABLE IF NOT EXISTS shots ({self._columns}, PRIMARY KEY (out))")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS segments (out, identity, first, stop, digest, PRIMARY KEY (out, first))"
            )
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def read(self, out: str) -> Shot | None:
        """Return how a shot ended; None: it was not begun, or was broken off."""
        with self._open() as connection:
            row = connection.execute(
                f"SELECT {self._columns} FROM shots WHERE out = ?", (_write_plain(out),)
            ).fetchone()
        return None if row is None else Shot(*row)

    def write(self, shot: Shot) -> None:
        """Write how a shot ended, in the place of what stood there."""
        with self._open() as connection:
            out, values = _write_plain(shot.out), [_write_plain(value) for value in astuple(shot)]
            connection.execute("DELETE FROM segments WHERE out = ? AND identity != ?", (out, shot.identity))
            connection.execute(f"INSERT OR REPLACE INTO shots ({self._columns}) VALUES ({self._places})", values)

    def write_segment(self, out: str, identity: str, segment: Segment) -> None:
        """Write down that a segment of a shot is kept."""
        row = (_write_plain(out), identity, segment.frames.start, segment.frames.stop, segment.digest)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?)", row)

    def read_segments(self, out: str, identity: str) -> list[Segment]:
        """Return the segments of a shot that were kept, in order."""
        query = "SELECT first, stop, digest FROM segments WHERE out = ? AND identity = ? ORDER BY first"
        with self._open() as connection:
            rows = connection.execute(query, (_write_plain(out), identity)).fetchall()
        return [Segment(range(first, stop), digest) for first, stop, digest in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise MediaError(
                f"{self.path}: the batch's ledger cannot be used ({error}); free space, or move it away to begin anew"
            ) from (OSError(errno.ENOSPC, str(error)) if is_full else error)
