"""What grows with a take lies on the disk: arrays whose rows, one a frame, are kept in files and looked at by parts.

    rows, part after part --keep_rows--> files without names --> read-only arrays in their place
    iterate_parts: work on some frames, then let go of them

A process holds the rows that it looks at; the rest is the system's to keep or to drop. The files lie in the folder that
the environment's TMPDIR names, else in /var/tmp, which is meant for what is large (/tmp is memory on many systems).
Nothing is left of them when the process ends, however it ends.
"""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from perfkit.errors import MediaError

PART_FRAMES = 512
"""Frames that are worked on at a time: long takes stay small."""
_ROOMY_FOLDER = "/var/tmp"


def iterate_parts(num_frames: int, *passed: np.ndarray) -> Iterator[slice]:
    """Yield slices that cover all frames in order, `PART_FRAMES` at a time; let go of `passed` after each."""
    for start in range(0, num_frames, PART_FRAMES):
        yield slice(start, min(start + PART_FRAMES, num_frames))
        let_go(*passed)


def let_go(*arrays: np.ndarray) -> None:
    """Give back the memory of rows that lie in files; they come again when they are looked at again."""
    for array in arrays:
        owner: object = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            owner.madvise(mmap.MADV_DONTNEED)


def keep_rows(parts: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Write rows to files as they come, and return them as arrays in those files.

    Args:
        parts: The next rows of every array, (n, ...) each; dtypes and the shapes of rows stay what they are.

    Returns:
        The arrays, read-only; none if nothing came.

    Raises:
        MediaError: The disk refuses.
    """
    with contextlib.ExitStack() as stack:
        files: list[ScratchFile] = []
        heads: list[np.ndarray] = []
        num_rows = 0
        for part in parts:
            if not files:
                files = [stack.enter_context(ScratchFile()) for _ in part]
                heads = [rows[:0].copy() for rows in part]
            for file, rows in zip(files, part, strict=True):
                file.write(rows)
            num_rows += len(part[0])
        return [
            np.ndarray((num_rows, *head.shape[1:]), head.dtype, file.map())
            for file, head in zip(files, heads, strict=True)
        ]


class ScratchFile:
    """A file without a name; what is mapped from it stays readable when it is closed.

    Raises:
        MediaError: The disk refuses, here and in `write`.
    """

    def __init__(self) -> None:
        is_roomy = "TMPDIR" not in os.environ and os.access(_ROOMY_FOLDER, os.W_OK | os.X_OK)
        self._folder = _ROOMY_FOLDER if is_roomy else tempfile.gettempdir()
        with self._told_where():
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        self.num_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, block: np.ndarray) -> None:
        """Append an array's numbers."""
        rest = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
        self.num_bytes += len(rest)
        with self._told_where():
            while len(rest):
                rest = rest[self._file.write(rest) :]

    def map(self) -> mmap.mmap | bytes:
        """Return what was written, to be read only."""
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self.num_bytes else b""

    @contextlib.contextmanager
    def _told_where(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise MediaError(
                f"{self._folder}: what is known of a take's frames cannot be kept there ({reason}); free some space, "
                "or name a folder on another disk in TMPDIR"
            ) from error
