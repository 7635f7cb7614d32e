"""A golden's folder: what to render again, and the evidence of the render that was approved.

In: a `Golden`, or a folder. Out: a folder, or a `Golden`.

    NAME/golden.json            take, character, settings, versions, digests, times, sound
    NAME/take.perf              what capture saw
    NAME/evidence.safetensors   latents of the chosen frames, every picture made small
    NAME/control-00012.png      the chosen pictures: control-, character-, delivered-

Paths in golden.json are relative to the folder, so that goldens travel with the repository they lie in.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from PIL import Image, UnidentifiedImageError

from perfkit.errors import MediaError, SettingsError
from perfkit.files import aside_of, build_aside, remove
from perfkit.inference.golden.evidence import Evidence, PictureRow
from perfkit.inference.settings import RenderSettings
from perfkit.pack import list_character_names
from perfkit.provenance import Provenance
from perfkit.retarget import retarget_settings_from_table
from perfkit.track import load_track, save_track

FORMAT = 1
GOLDEN_NAME = "golden.json"
DOORS = ("control", "character", "delivered")
GOLDEN_SETTINGS = RenderSettings(precision="f32")
"""What a golden is rendered with where nothing else is said: arithmetic that every processor has."""


@dataclass(frozen=True, eq=False)
class Golden:
    """An approved take.

    Attributes:
        folder: Where it lies.
        source: The take or .perf.
        take: The take of a .perf, if its sound or pictures matter.
        character: A sample's name, or a pack's folder.
        settings: What it was rendered with.
        evidence: What the render was.
    """

    folder: Path
    source: Path
    take: Path | None
    character: str
    settings: RenderSettings
    evidence: Evidence

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.resolve().name


def find_goldens(folder: Path) -> tuple[Path, ...]:
    """Return the goldens in a folder by name, or the folder itself if it is one.

    Raises:
        MediaError: There is none.
    """
    if (folder / GOLDEN_NAME).is_file():
        return (folder,)
    found = sorted(path.parent for path in folder.glob(f"[!.]*/{GOLDEN_NAME}"))
    if not found:
        raise MediaError(
            f"{folder}: no golden takes here; make one: perfkit golden record TAKE -c NAME -o {folder}/NAME"
        )
    return tuple(found)


def save_golden(golden: Golden, *, replaces: bool = False) -> None:
    """Write a golden's folder beside its place and rename it.

    Args:
        golden: What to write.
        replaces: Whether a golden that lies there gives way.

    Raises:
        MediaError: The folder holds something else, or the disk refuses.
    """
    folder = golden.folder
    if not replaces or not folder.exists():
        with build_aside(folder) as aside:
            _fill(aside, golden)
        return
    fresh = folder.with_name(f".{folder.name}.fresh")
    remove(fresh)
    with build_aside(fresh) as aside:
        _fill(aside, golden)
    retired = aside_of(folder)
    folder.replace(retired)
    fresh.replace(folder)
    shutil.rmtree(retired)


def load_golden(folder: Path) -> Golden:
    """Read a golden's folder.

    Raises:
        MediaError: It is none, of another format, or a file of it is absent or damaged.
        SettingsError: Its settings are not those of this perfkit.
        TrackError: Its .perf is absent or damaged.
    """
    path = folder / GOLDEN_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, this perfkit reads {FORMAT}")
        arrays = safetensors.numpy.load((folder / "evidence.safetensors").read_bytes())
        provenance = {each.name: content["provenance"][each.name] for each in fields(Provenance)}
        evidence = Evidence(
            track=load_track(folder / "take.perf"),
            latents={int(key[8:]): array for key, array in arrays.items() if key.startswith("latents-")},
            **{door: _load_row(folder, door, content["digests"][door], arrays[door]) for door in DOORS},
            seconds=tuple(Fraction(text) for text in content["seconds"]),
            sound=tuple((Fraction(start), digest) for start, digest in content["sound"]),
            provenance=Provenance(**provenance),
        )
        take = content["take"]
        return Golden(
            folder=folder,
            source=folder / content["source"],
            take=None if take is None else folder / take,
            character=_absolute(content["character"], folder),
            settings=_read_settings(content["settings"], folder),
            evidence=evidence,
        )
    except FileNotFoundError as error:
        raise MediaError(
            f"{folder}: lacks {Path(error.filename).name}; restore it, or record the golden anew"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError, UnidentifiedImageError) as error:
        if isinstance(error, MediaError):
            raise
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise MediaError(f"{path}: not a golden of this perfkit ({reason}); record it anew") from error


def _fill(folder: Path, golden: Golden) -> None:
    """Write the files of a golden; relative paths are those seen from its final place."""
    evidence, home = golden.evidence, golden.folder
    rows = {door: getattr(evidence, door) for door in DOORS}
    content = {
        "format": FORMAT,
        "source": _relative(golden.source, home),
        "take": None if golden.take is None else _relative(golden.take, home),
        "character": _relative_or_name(golden.character, home),
        "settings": _write_settings(golden.settings, home),
        "provenance": asdict(evidence.provenance) | {"settings": {}, "stage_seconds": {}},
        "digests": {door: list(row.digests) for door, row in rows.items()},
        "seconds": [str(each) for each in evidence.seconds],
        "sound": [[str(start), digest] for start, digest in evidence.sound],
    }
    (folder / GOLDEN_NAME).write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
    save_track(evidence.track, folder / "take.perf")
    arrays = {door: row.thumbs for door, row in rows.items()}
    arrays |= {f"latents-{index}": latents for index, latents in evidence.latents.items()}
    safetensors.numpy.save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "evidence.safetensors"
    )
    for door, row in rows.items():
        for index, image in row.kept.items():
            Image.fromarray(image).save(folder / _picture_name(door, index))


def _load_row(folder: Path, door: str, digests: list[str], thumbs: np.ndarray) -> PictureRow:
    kept = {}
    for path in sorted(folder.glob(f"{door}-*.png")):
        with Image.open(path) as image:
            kept[int(path.stem.rpartition("-")[2])] = np.asarray(image)
    return PictureRow(tuple(digests), thumbs, kept)


def _picture_name(door: str, index: int) -> str:
    return f"{door}-{index:05d}.png"


def _write_settings(settings: RenderSettings, home: Path) -> dict[str, Any]:
    """Return the settings that differ from a golden's usual ones, paths seen from the golden's folder."""
    given = {name: value for name, value in asdict(settings).items() if value != getattr(GOLDEN_SETTINGS, name)}
    if settings.calibration is not None:
        given["calibration"] = _relative(settings.calibration, home)
    if Path(settings.background).is_file():
        given["background"] = _relative(Path(settings.background), home)
    if settings.loras:
        given["loras"] = [[_relative_or_name(name, home), scale] for name, scale in settings.loras]
    return given


def _read_settings(given: Mapping[str, Any], home: Path) -> RenderSettings:
    unknown = sorted(set(given) - {each.name for each in fields(RenderSettings)})
    if unknown:
        raise SettingsError(f"{home / GOLDEN_NAME}: unknown settings {', '.join(unknown)}; record the golden anew")
    values = dict(given)
    if "background" in values:
        values["background"] = _absolute(values["background"], home)
    if "calibration" in values:
        values["calibration"] = home / values["calibration"]
    if "loras" in values:
        values["loras"] = tuple((_absolute(name, home), scale) for name, scale in values["loras"])
    if values.get("retarget"):
        values["retarget"] = retarget_settings_from_table(values["retarget"])
    return replace(GOLDEN_SETTINGS, **values)


def _relative(path: Path, home: Path) -> str:
    """Return a path as seen from the golden's folder; it begins with "./" or "../", which tells it from a name."""
    text = Path(os.path.relpath(path.resolve(), home.resolve())).as_posix()
    return text if text.startswith("../") else f"./{text}"


def _relative_or_name(name: str, home: Path) -> str:
    return name if name in list_character_names() or not Path(name).exists() else _relative(Path(name), home)


def _absolute(text: str, home: Path) -> str:
    return str(home / text) if text.startswith(("./", "../")) else text
