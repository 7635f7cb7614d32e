"""Writing a file or a folder beside its target and renaming it when complete: a half-written result cannot exist.

In: the target's path. Out: a path beside it to write to; MediaError in one line where the disk says no.
"""

import contextlib
import errno
import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from perfkit.errors import MediaError, PerfkitError

_MAX_NAME_BYTES = 255
_ASIDE_BYTES = 30
"""What `aside_of` adds to a name, at most."""
_ADVICE = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EFBIG: "the file system or a limit of the shell forbids files of that size",
    errno.EACCES: "check the permissions of the folder",
    errno.EPERM: "check the permissions of the folder",
    errno.EROFS: "the disk is read-only; write to another one",
}


def is_file(path: Path) -> bool:
    """Return whether a regular file can be found there; False for a path that no system could have, and for a pipe."""
    return _mode_of(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Return whether a folder can be found there; False for a path that no system could have."""
    return _mode_of(path, stat.S_ISDIR)


def _mode_of(path: Path, test: Callable[[int], bool]) -> bool:
    try:
        return test(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_same_place(path: Path, other: Path) -> bool:
    """Return whether two paths lead to one place, links followed as far as they lead."""
    return os.path.realpath(path) == os.path.realpath(other)


def is_below(path: Path, folder: Path) -> bool:
    """Return whether a path leads into a folder, links followed as far as they lead."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


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
    """Return the path beside a target under which it is written until it is complete; hidden, with the same suffix.

    Raises:
        MediaError: The target has no name.
    """
    if not path.name:
        raise MediaError(f"{str(path)!r}: names no file; give the result a name")
    return path.with_name(f".{_aside_stem(path)}.{os.getpid()}.partial{path.suffix}")


def _aside_stem(path: Path) -> str:
    """Return the target's stem, or, where nothing could be added to it, its beginning and its digest."""
    stem, room = path.stem, _MAX_NAME_BYTES - _ASIDE_BYTES - len(os.fsencode(path.suffix))
    if len(os.fsencode(stem)) <= room:
        return stem
    mark = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:12]}"
    while stem and len(os.fsencode(stem)) + len(mark) > room:
        stem = stem[:-1]
    return stem + mark


def remove_stale_asides(path: Path) -> None:
    """Remove what killed processes left beside a target; nobody else may be writing that target."""
    for stale in path.parent.glob(f".{glob.escape(_aside_stem(path))}.*.partial{glob.escape(path.suffix)}"):
        remove(stale)


def check_target(path: Path) -> None:
    """Refuse a target file that cannot come into being.

    Raises:
        MediaError: It is a folder or a device, or its own folder does not exist or may not be written.
    """
    if is_folder(path):
        raise MediaError(f"{path}: is a folder; give the name of a file")
    check_parent(path)
    if not is_file(path) and path.exists():
        raise MediaError(f"{path}: is a pipe or a device, which a result would replace; give the name of a file")
    aside = aside_of(path)
    if not aside.exists():
        try:
            aside.touch()
            aside.unlink()
        except OSError as error:  # permissions do not tell of a read-only disk, nor of /proc
            raise unwritable(path, error) from error


def check_result(path: Path, source: Path) -> None:
    """Refuse a target file that cannot come into being, or that would take the place of what it is made from.

    Raises:
        MediaError: As `check_target`, or it is the source itself.
    """
    check_target(path)
    if is_same_place(path, source):
        raise MediaError(f"{path}: is the source itself; give the result another name")


def check_parent(path: Path) -> None:
    """Refuse a target whose folder does not exist or may not be written, or whose name no disk would take."""
    parent, num_bytes = path.parent, len(os.fsencode(path.name))
    if not num_bytes:
        raise MediaError(f"{str(path)!r}: names no file; give the result a name")
    if num_bytes > _MAX_NAME_BYTES:
        raise MediaError(
            f"{parent}: a name of {num_bytes} bytes, {path.name[:40]}..., is too long, {_MAX_NAME_BYTES} fit; "
            "give a shorter name"
        )
    if not is_folder(parent):
        raise MediaError(f"{path}: its folder {parent} does not exist; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise MediaError(f"{path}: its folder {parent} may not be written; check the permissions")


def make_folder(path: Path) -> Path:
    """Make a folder for results, if it is not there; return its path.

    Raises:
        MediaError: A file lies there, its own folder does not exist, or the disk refuses.
    """
    check_parent(path)
    if path.exists() and not path.is_dir():
        raise MediaError(f"{path}: is a file; give the name of a folder for the results")
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
    check_parent(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise MediaError(f"{folder}: exists already; give another name, or remove it first")
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
