"""Names that a pack gives: to itself, to its trigger word, to its drawings.

In: names that people chose. Out: names that are safe on every disk and in every manifest, still recognisable.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from perfkit.errors import PackError

_MOST_TRIGGER_LETTERS = 8
_MOST_STEM_LETTERS = 60


def name_pack(folder: Path) -> str:
    """Return the name of the pack in a folder: the folder's own in a-z 0-9 _ -.

    Raises:
        PackError: No letter is left of it.
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", _fold(folder.resolve().name).lower()).strip("-_")
    name = re.sub(r"^[^a-z]+", "", plain)[:40].rstrip("-_")
    if not name:
        raise PackError(f"{folder}: its name has no letter a-z to name the character by; give --name")
    return name


def name_trigger(name: str) -> str:
    """Return the word for a character in a prompt: the letters of its name, few, for each is a token.

    Raises:
        PackError: Fewer than two letters are left.
    """
    letters = re.sub(r"[^a-z]", "", name)[:_MOST_TRIGGER_LETTERS]
    if len(letters) < 2:
        raise PackError(f"{name}: its name has too few letters for a trigger word; give --trigger")
    return letters


def name_art(files: Iterable[str]) -> dict[str, str]:
    """Return file -> the name of its drawing in a pack: recognisable, plain, unique even where case is ignored."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for file in files:
        stem = re.sub(r"[^A-Za-z0-9+_.-]+", "_", _fold(file.rpartition(".")[0])).strip("._-")[:_MOST_STEM_LETTERS]
        stem = stem or "drawing"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names[file] = f"{name}.png"
    return names


def _fold(text: str) -> str:
    """Return text without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
