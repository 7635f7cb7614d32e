"""What a batch has made: one row for every shot in OUT/ledger.sqlite, written when the shot is finished or refused.

In: shots. Out: the same, in a later run. A result is renamed into place before its row is written: what the ledger
calls done is whole.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from perfkit.errors import MediaError

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
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def read(self, out: str) -> Shot | None:
        """Return how a shot ended; None: it was not begun, or was broken off."""
        with self._open() as connection:
            row = connection.execute(f"SELECT {self._columns} FROM shots WHERE out = ?", (out,)).fetchone()
        return None if row is None else Shot(*row)

    def write(self, shot: Shot) -> None:
        """Write how a shot ended, in the place of what stood there."""
        with self._open() as connection:
            connection.execute(f"INSERT OR REPLACE INTO shots ({self._columns}) VALUES ({self._places})", astuple(shot))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            raise MediaError(
                f"{self.path}: the batch's ledger cannot be used ({error}); free space, or move it away to begin anew"
            ) from error
