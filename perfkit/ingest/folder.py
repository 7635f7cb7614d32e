"""Walking a stranger's folder of drawings: what is a drawing, what is a matte, what is refused without being opened.

In: a folder. Out: `Found`. Names are free, folders may nest. Nothing outside the folder is ever read: a link that leads
out is refused, and so is whatever is no plain file.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfkit.errors import PackError
from perfkit.ingest.read import SUFFIXES

MATTE_SUFFIX = ".matte.png"
MAX_DRAWINGS = 2000
_SKIPPED_FOLDERS = frozenset({"__MACOSX"})


@dataclass(frozen=True)
class Refusal:
    """A file that stays out of the pack.

    Attributes:
        file: Its path inside the folder.
        reason: Why, and what to do.
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        drawings: Path inside the folder -> where it lies, in the order of the paths.
        mattes: Path of a drawing inside the folder -> where its matte lies.
        refused: What looked like a drawing but may not be read.
        ignored: Paths of files that are none.
    """

    drawings: dict[str, Path]
    mattes: dict[str, Path]
    refused: tuple[Refusal, ...]
    ignored: tuple[str, ...]


def find_drawings(folder: Path) -> Found:
    """Look through a folder and the folders in it; hidden files and folders are passed over.

    Raises:
        PackError: It is no folder, or holds more than `MAX_DRAWINGS` drawings.
    """
    if not folder.is_dir():
        raise PackError(f"{folder}: is no folder; give the folder that holds the drawings")
    root = folder.resolve()
    drawings: dict[str, Path] = {}
    mattes: dict[str, Path] = {}
    refused: list[Refusal] = []
    ignored: list[str] = []
    for file, path in sorted(_iterate_files(root, refused)):
        is_matte = file.lower().endswith(MATTE_SUFFIX)
        if path.suffix.lower() not in SUFFIXES:
            ignored.append(file)
        elif reason := _why_not(root, path):
            refused.append(Refusal(file, reason))
        elif is_matte:
            mattes[file] = path
        else:
            drawings[file] = path
    if len(drawings) > MAX_DRAWINGS:
        raise PackError(f"{folder}: holds {len(drawings)} drawings, at most {MAX_DRAWINGS} make a pack; give fewer")
    of_drawing: dict[str, Path] = {}
    for file, path in mattes.items():
        stem = file[: -len(MATTE_SUFFIX)]
        owners = [drawing for drawing in drawings if drawing.rpartition(".")[0] == stem]
        if owners:
            of_drawing |= dict.fromkeys(owners, path)
        else:
            refused.append(Refusal(file, "is a matte without a drawing; give it the name of one"))
    return Found(drawings, of_drawing, tuple(refused), tuple(ignored))


def _iterate_files(root: Path, refused: list[Refusal]) -> Iterator[tuple[str, Path]]:
    """Yield (path inside the folder, path) of everything that is no folder; links are not followed into folders."""

    def refuse_folder(error: OSError) -> None:
        folder = Path(error.filename).relative_to(root).as_posix()
        refused.append(Refusal(folder, f"cannot be opened ({error.strerror}); check its permissions"))

    for place, folders, files in os.walk(root, onerror=refuse_folder):
        for name in folders[:]:
            path = Path(place, name)
            if name.startswith(".") or name in _SKIPPED_FOLDERS:
                folders.remove(name)
            elif path.is_symlink():
                file = path.relative_to(root).as_posix()
                refused.append(Refusal(file, "is a link to a folder; put the folder itself there"))
                folders.remove(name)
        for name in files:
            if not name.startswith("."):
                path = Path(place, name)
                yield path.relative_to(root).as_posix(), path


def _why_not(root: Path, path: Path) -> str:
    """Return why a file may not be read; empty where it may."""
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        return "is a link that leads nowhere; put the file itself there"
    if not target.is_relative_to(root):
        return "is a link that leads out of the folder; put the file itself there"
    if not stat.S_ISREG(mode):
        return "is no plain file; remove it"
    if not path.relative_to(root).as_posix().isprintable():
        return "has control characters in its name; rename it"
    return ""
