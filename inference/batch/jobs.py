"""What a batch is to make: every take in a folder, or the rows of a list.

In: a folder; or a .csv or .toml file. Out: `ShotJob`s, in the order of their names or of their rows.

    take,character,background,seed          [[shot]]
    a.mp4,zib,take,3                        take = "a.mp4"
    b.mov,../packs/mine,,                   character = "zib"

A row may have any of the settings below; what it leaves out, or empty, is as the command line says.
"""

import csv
import io
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perfkit.errors import MediaError, PerfkitError, SettingsError
from perfkit.files import is_below, is_file, is_folder
from perfkit.inference.settings import RenderSettings
from perfkit.manifest import shorten
from perfkit.track import PERF_SUFFIX, is_perf

TAKE_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".mts", ".mxf", ".gif", PERF_SUFFIX)
MAX_LIST_BYTES = 16_000_000
_SETTINGS = {"background": str, "alpha": bool, "side_by_side": bool, "steps": int, "seed": int, "calibration": Path}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class ShotJob:
    """One shot to make.

    Attributes:
        take: The video, or a .perf captured from one.
        out: The video to write.
        character: A sample's name, or a pack's folder.
        settings: What changes pixels.
    """

    take: Path
    out: Path
    character: str
    settings: RenderSettings


def find_jobs(
    folder: Path,
    out_folder: Path,
    character: str,
    settings: RenderSettings,
    *,
    suffix: str,
    may_be_empty: bool = False,
) -> list[ShotJob]:
    """Return a job for every take in a folder and the folders below; results keep their place below `out_folder`.

    A .perf is left out where a video of the same name lies beside it: the video has the sound.

    Raises:
        MediaError: The folder holds no take, and must.
    """
    found = sorted(path for path in folder.rglob("*") if _is_take(path, folder, out_folder))
    videos = {path.with_suffix("") for path in found if not is_perf(path)}
    takes = [path for path in found if not (is_perf(path) and path.with_suffix("") in videos)]
    if not takes and not may_be_empty:
        raise MediaError(f"{folder}: no takes here; expected files ending in {', '.join(TAKE_SUFFIXES)}")
    outs = _name_results([take.relative_to(folder) for take in takes], out_folder, suffix)
    return [ShotJob(take, out, character, settings) for take, out in zip(takes, outs, strict=True)]


def read_job_list(
    path: Path, out_folder: Path, character: str | None, settings: RenderSettings, *, suffix: str
) -> list[ShotJob]:
    """Return a job for every row of a list; its paths are seen from the list's folder.

    Raises:
        MediaError: It cannot be read.
        SettingsError: A row lacks its take or character, or holds something unknown; the line names the row.
    """
    jobs, names = [], []
    for number, row in enumerate(_iterate_rows(path), start=1):
        where = f"{path}, row {number}"
        unknown = sorted(set(row) - {"take", "character", *_SETTINGS})
        if unknown:
            known = ", ".join(("take", "character", *_SETTINGS))
            raise SettingsError(f"{where}: unknown {', '.join(unknown)[:200]}; known: {known}")
        if any("\0" in text for text in row.values()):
            raise SettingsError(f"{where}: holds a zero byte, which no path can; write it anew as plain text")
        if not row.get("take"):
            raise SettingsError(f"{where}: names no take; give it one, or remove the row")
        name = row.get("character") or character
        if not name:
            raise SettingsError(f"{where}: names no character; give it one, or name one for all with --character")
        take = path.parent / row["take"]
        if take.name in ("", ".."):
            raise SettingsError(
                f"{where}: take {shorten(row['take'])} is no file's name; give it one, or remove the row"
            )
        pack = path.parent / name
        jobs.append(
            ShotJob(take, take, str(pack) if is_folder(pack) else name, _settle(row, settings, where, path.parent))
        )
        names.append(Path(take.name))
    if not jobs:
        raise MediaError(f"{path}: holds no rows; give it one for every shot")
    outs = _name_results(names, out_folder, suffix)
    return [replace(job, out=out) for job, out in zip(jobs, outs, strict=True)]


def _is_take(path: Path, folder: Path, out_folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    is_result = is_below(path, out_folder)
    return is_file(path) and path.suffix.lower() in TAKE_SUFFIXES and not is_hidden and not is_result


def _name_results(names: list[Path], out_folder: Path, suffix: str) -> list[Path]:
    """Return a result's path for each take; two takes that differ in their suffix alone keep it in the name."""
    plain = [name.with_suffix(suffix) for name in names]
    num_alike = Counter(plain)
    outs: dict[Path, None] = {}
    numbers: dict[Path, int] = defaultdict(lambda: 2)
    for name, out in zip(names, plain, strict=True):
        chosen = out if num_alike[out] == 1 else name.with_name(f"{name.stem}-{name.suffix[1:]}{suffix}")
        while out_folder / chosen in outs:
            chosen = name.with_name(f"{name.stem}-{numbers[out]}{suffix}")
            numbers[out] += 1
        outs[out_folder / chosen] = None
    return list(outs)


def _iterate_rows(path: Path) -> Iterator[Mapping[str, str]]:
    text = _read_list_text(path)
    if path.suffix.lower() == ".csv":
        try:
            for row in csv.DictReader(io.StringIO(text, newline="")):
                yield {str(key).strip(): str(value or "").strip() for key, value in row.items()}
        except csv.Error as error:
            raise MediaError(f"{path}: not CSV ({error}); mend it") from error
        return
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise MediaError(f"{path}: not TOML ({error}); mend it") from error
    shots = table.get("shot")
    if set(table) != {"shot"} or not isinstance(shots, list) or not all(isinstance(shot, dict) for shot in shots):
        raise MediaError(f"{path}: expected tables [[shot]] and nothing else; give one for every shot")
    for number, shot in enumerate(shots, start=1):
        nested = [key for key, value in shot.items() if not isinstance(value, str | bool | int | float)]
        if nested:
            raise SettingsError(f"{path}, row {number}: {shorten(nested[0])} is neither a text nor a number; give one")
        yield {key: _write_cell(value) for key, value in shot.items()}


def _write_cell(value: str | float) -> str:
    """Write a value as a cell of a CSV would hold it; a number of thousands of digits cannot be written in decimals."""
    return hex(value) if isinstance(value, int) and value.bit_length() > 64 else str(value)


def _read_list_text(path: Path) -> str:
    if not is_file(path):
        raise MediaError(f"{path}: cannot be read (no such file); give a folder of takes, or a .csv or .toml list")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_LIST_BYTES + 1)
        if len(content) > MAX_LIST_BYTES:
            raise MediaError(f"{path}: larger than {MAX_LIST_BYTES} bytes; this is no list of shots")
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, PerfkitError):
            raise
        raise MediaError(f"{path}: cannot be read ({error}); give a .csv or .toml list in UTF-8") from error


def _settle(row: Mapping[str, str], settings: RenderSettings, where: str, home: Path) -> RenderSettings:
    values: dict[str, object] = {}
    for name, kind in _SETTINGS.items():
        text = row.get(name, "")
        if not text:
            continue
        try:
            values[name] = _WORDS[text.lower()] if kind is bool else home / text if kind is Path else kind(text)
        except (ValueError, KeyError):
            expected = "true or false" if kind is bool else "a whole number"
            raise SettingsError(f"{where}: {name} is {shorten(text)}, expected {expected}") from None
    background = str(values.get("background", ""))
    if background and is_file(home / background):
        values["background"] = str(home / background)
    try:
        return replace(settings, **values)  # type: ignore[arg-type] # each of its own kind
    except PerfkitError as error:
        raise SettingsError(f"{where}: {error}") from error
