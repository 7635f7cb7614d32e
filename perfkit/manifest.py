"""TOML for character packs: strict reading, deterministic writing, paths that cannot leave their folder.

In: the text of a manifest. Out: plain values, each checked as it is taken; whatever nobody took is an unknown key.
Every refusal is a PackError of one line that names the file and the key.
"""

import errno
import json
import math
import stat
import tomllib
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath, PureWindowsPath

from perfkit.errors import PackError

MAX_MANIFEST_BYTES = 4_000_000
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def shorten(value: object, limit: int = 60) -> str:
    """Return repr(value) in at most about `limit` characters and always one line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= limit else text[: limit - 3] + "..."


class ManifestTable:
    """One table of a manifest, emptied key by key; `finish` refuses what is left.

    Args:
        table: The parsed table.
        where: "path: [section]", the beginning of every refusal.
    """

    def __init__(self, table: Mapping[str, object], where: str) -> None:
        self._table, self._left = table, dict(table)
        self.where = where

    @property
    def digest(self) -> str:
        """SHA-256 over all that the table holds, its own `digest` apart; the order of keys does not matter."""
        content = {key: value for key, value in self._table.items() if key != "digest"}
        return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    def refuse(self, key: str, got: str, expected: str) -> PackError:
        """Return the error for one key."""
        return PackError(f"{self.where} {_show_key(key)}: got {got}, expected {expected}; correct the manifest")

    def has(self, key: str) -> bool:
        """Return whether a key is still to be taken."""
        return key in self._left

    def take(self, key: str, expected: str) -> object:
        """Return a value of any type; a missing key is refused."""
        if key not in self._left:
            raise self.refuse(key, "nothing", expected)
        return self._left.pop(key)

    def take_text(self, key: str) -> str:
        """Return a non-empty string without control characters."""
        value = self.take(key, "text")
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.refuse(key, shorten(value), "printable text")
        return value

    def take_number(self, key: str, low: float, high: float) -> float:
        """Return a finite number in low..high."""
        expected = f"a number in {low:g}..{high:g}"
        value = self.take(key, expected)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.refuse(key, shorten(value), expected)
        return float(value)

    def take_integer(self, key: str, low: int, high: int) -> int:
        """Return an integer in low..high."""
        expected = f"an integer in {low}..{high}"
        value = self.take(key, expected)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.refuse(key, shorten(value), expected)
        return value

    def take_digest(self, key: str) -> str:
        """Return 64 lower-case hex digits."""
        value = self.take(key, "a SHA-256")
        if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise self.refuse(key, shorten(value), "64 lower-case hex digits (SHA-256)")
        return value

    def take_table(self, key: str) -> "ManifestTable":
        """Return a sub-table."""
        value = self.take(key, f"a table [{key}]")
        if not isinstance(value, dict):
            raise self.refuse(key, shorten(value), f"a table [{key}]")
        return ManifestTable(value, f"{self.where} [{_show_key(key)}]")

    def take_tables(self, key: str) -> list["ManifestTable"]:
        """Return an array of tables; absent = empty."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.refuse(key, shorten(value), f"an array of tables [[{key}]]")
        return [ManifestTable(item, f"{self.where} [[{key}]] {index}") for index, item in enumerate(value)]

    def names_left(self) -> list[str]:
        """Return the keys not taken yet, sorted."""
        return sorted(self._left)

    def take_rest(self) -> dict[str, object]:
        """Return all that is left and count it as taken."""
        rest, self._left = self._left, {}
        return rest

    def finish(self) -> None:
        """Refuse unknown keys."""
        if self._left:
            unknown = ", ".join(shorten(key) for key in sorted(self._left)[:5])
            raise PackError(f"{self.where} unknown key {unknown}; remove it or correct its spelling")


def _show_key(key: str) -> str:
    """Return a key as it is, or as `shorten` shows it where it would break the line."""
    return key if key.isprintable() else shorten(key)


def read_manifest(path: Path) -> ManifestTable:
    """Parse a TOML file.

    Raises:
        PackError: Absent, unreadable, too large, not UTF-8 or not TOML.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror}); a pack is a folder with this file") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise PackError(f"{path}: larger than {MAX_MANIFEST_BYTES} bytes; this is no manifest")
    try:
        return ManifestTable(tomllib.loads(content.decode()), f"{path}:")
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise PackError(f"{path}: not a TOML file ({reason}); correct the manifest") from error


def resolve_inside(folder: Path, file: str, where: str) -> Path:
    """Return the path of a file that a manifest names, if it lies inside the folder.

    Args:
        folder: The pack's folder.
        file: Relative path with forward slashes, as written in the manifest.
        where: Beginning of the refusal.

    Raises:
        PackError: Absolute, with `..`, a backslash or drive, leading out of the folder by a link, or absent.
    """
    parts = PurePosixPath(file).parts
    is_plain = file.isprintable() and "\\" not in file and ":" not in file and str(PurePosixPath(file)) == file
    is_relative = not PurePosixPath(file).is_absolute() and not PureWindowsPath(file).is_absolute()
    if not parts or ".." in parts or not is_plain or not is_relative:
        raise PackError(f"{where} file: got {shorten(file)}, expected a relative path inside the pack, as art/01.png")
    root = folder.resolve()
    try:
        path = (root / file).resolve()
        is_there = path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise PackError(f"{where} file: {shorten(file)} cannot be read; restore it or remove its entry") from error
    if not path.is_relative_to(root):
        raise PackError(f"{where} file: {shorten(file)} leads out of the pack by a link; put the file itself there")
    if not is_there:
        raise PackError(f"{where} file: {shorten(file)} is absent from {folder}; restore it or remove its entry")
    return path


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hex.

    Raises:
        OSError: It cannot be read, or is a pipe or a device: these never end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_toml(table: Mapping[str, object]) -> str:
    """Return TOML text: plain values, then tables, then arrays of tables, each in the mapping's own order.

    Values: str, bool, int, finite float, date, list or tuple of these; a mapping inside an array of tables is
    written inline. Same table, same bytes.
    """
    lines: list[str] = []
    _write_table(lines, table, ())
    return "\n".join(lines).lstrip("\n") + "\n"


def _write_table(lines: list[str], table: Mapping[str, object], path: tuple[str, ...]) -> None:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    arrays = {key: value for key, value in table.items() if _is_array_of_tables(value)}
    for key, value in table.items():
        if key not in tables and key not in arrays:
            lines.append(f"{_write_key(key)} = {_write_value(value)}")
    for key, sub_table in tables.items():
        header = ".".join(_write_key(part) for part in (*path, key))
        if any(not isinstance(value, Mapping) for value in sub_table.values()) or not sub_table:
            lines += ["", f"[{header}]"]
        _write_table(lines, sub_table, (*path, key))
    for key, items in arrays.items():
        header = ".".join(_write_key(part) for part in (*path, key))
        for item in items:  # type: ignore[attr-defined]
            lines += ["", f"[[{header}]]"]
            lines += [f"{_write_key(name)} = {_write_value(value)}" for name, value in item.items()]


def _is_array_of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _write_key(key: str) -> str:
    is_bare = key and key.isascii() and all(letter.isalnum() or letter in "-_" for letter in key)
    return key if is_bare else _write_value(key)


def _write_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in value) + '"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a manifest holds finite numbers only, got {value}")
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_write_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_write_key(key)} = {_write_value(item)}" for key, item in value.items())
        return "{ " + inner + " }" if inner else "{}"
    raise TypeError(f"a manifest cannot hold {type(value).__name__}")
