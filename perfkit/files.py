"""Writing a file or a folder beside its target and renaming it when complete: a half-written result cannot exist.

In: the target's path. Out: a path beside it to write to; MediaError in one line where the disk says no.
"""

import contextlib
import errno
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from perfkit.errors import MediaError, PerfkitError

_ADVICE = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EFBIG: "the file system or a limit of the shell forbids files of that size",
    errno.EACCES: "check the permissions of the folder",
    errno.EPERM: "check the permissions of the folder",
    errno.EROFS: "the disk is read-only; write to another one",
}


@contextlib.contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Give a path in the target's folder to write to; rename it to the target when the block ends well.

    What the block wrote is removed when it ends with any exception, Ctrl-C included.

    Args:
        path: The target; an existing file is replaced, its folder must exist.

    Raises:
        MediaError: The folder is absent, the target is a folder, or the disk refuses.
    """
    check_target(path)
    aside = aside_of(path)
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        if isinstance(error, PerfkitError):
            raise
        raise unwritable(path, error) from error
    finally:
        remove(aside)


def aside_of(path: Path) -> Path:
    """Return the path beside a target under which it is written until it is complete; hidden, with the same suffix."""
    return path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")


def remove_stale_asides(path: Path) -> None:
    """Remove what killed processes left beside a target; nobody else may be writing that target."""
    for stale in path.parent.glob(f".{glob.escape(path.stem)}.*.partial{glob.escape(path.suffix)}"):
        remove(stale)


def check_target(path: Path) -> None:
    """Refuse a target file that cannot come into being.

    Raises:
        MediaError: It is a folder, or its own folder does not exist or may not be written.
    """
    if path.is_dir():
        raise MediaError(f"{path}: is a folder; give the name of a file")
    check_parent(path)


def check_parent(path: Path) -> None:
    """Refuse a target whose folder does not exist or may not be written."""
    parent = path.parent
    if not parent.is_dir():
        raise MediaError(f"{path}: its folder {parent} does not exist; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise MediaError(f"{path}: its folder {parent} may not be written; check the permissions")


def make_folder(path: Path) -> Path:
    """Make a folder for results, if it is not there; return its path.

    Raises:
        MediaError: A file lies there, its own folder does not exist, or the disk refuses.
    """
    if path.exists() and not path.is_dir():
        raise MediaError(f"{path}: is a file; give the name of a folder for the results")
    check_parent(path)
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def unwritable(path: Path, error: OSError) -> MediaError:
    """Return the one-line refusal for an error of the disk."""
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0, "write to another place")
    return MediaError(f"{path}: cannot be written ({reason}); {advice}")


def is_disk_full(error: BaseException | None) -> bool:
    """Tell whether an error, or what caused it, says that a disk or a quota is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def build_aside(folder: Path) -> Iterator[Path]:
    """Give a new folder beside the target to fill; rename it to the target when the block ends well.

    What the block wrote is removed when it ends with any exception, Ctrl-C included.

    Args:
        folder: The target; it may exist only as an empty folder, its own folder must exist.

    Raises:
        MediaError: The target holds something, its folder is absent, or the disk refuses.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise MediaError(f"{folder}: exists already; give another name, or remove it first")
    check_parent(folder)
    aside = aside_of(folder)
    try:
        remove(aside)
        aside.mkdir()
        yield aside
        aside.replace(folder)
    except OSError as error:
        if isinstance(error, PerfkitError):
            raise
        raise unwritable(folder, error) from error
    finally:
        remove(aside)
