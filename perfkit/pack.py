"""CharacterPack: a folder that holds everything a character is - its art with a licence per item, rig, words, LoRA.

    NAME/character.toml          name, trigger, caption, canvas, [rights], [rig], [landmarks], [lora.ENGINE], [[art]]
    NAME/art/*.png               straight-alpha RGBA drawings
    NAME/art/landmarks.safetensors   control points of every drawing
    NAME/lora/ENGINE.safetensors adapter in diffusers' key format

In: a name (a pack among the samples) or a folder. Out: a frozen CharacterPack whose every file was found inside the
folder with the digest that its manifest states. Never imports torch.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np

from perfkit.art import ArtItem, ArtLandmarks, read_landmarks, table_from_art_item, take_art_item
from perfkit.errors import PackError
from perfkit.files import write_aside
from perfkit.manifest import ManifestTable, digest_file, read_manifest, resolve_inside, shorten, write_toml
from perfkit.rig import Rig, present_rows
from perfkit.rights import Rights, require_right, take_rights

MANIFEST_NAME = "character.toml"
FORMAT = 1
VERDICTS = ("pass", "borderline", "fail")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_TRIGGER = re.compile(r"[a-z]{2,24}")


@dataclass(frozen=True)
class LoraItem:
    """A trained adapter.

    Attributes:
        file: Relative path inside the pack.
        sha256: Digest of the file.
        base_sha256: Digest of the base that it was trained on; it fits no other.
        rank: Rank of its matrices.
        steps: Optimiser steps.
        held_out: Files of the drawings that it was not trained on.
        verdict: Of `character evaluate`: pass, borderline or fail; empty: not evaluated.
    """

    file: str
    sha256: str
    base_sha256: str
    rank: int
    steps: int
    held_out: tuple[str, ...] = ()
    verdict: str = ""


@dataclass(frozen=True)
class CharacterPack:
    """A character, checked.

    Attributes:
        folder: Where it lies.
        name: What `--character` calls it.
        trigger: The word that stands for this character in a prompt.
        caption: Words of the base that describe it.
        light: Words of the base for the light that it is rendered in, one of its drawings' lights.
        canvas_wh: Size of its pictures, px.
        rig: Its proportions and absent parts.
        art: Its drawings.
        landmarks: (file, sha256) of their control points, if known.
        loras: Engine name -> adapter.
        rights: Who allows what with the character.
        digest: SHA-256 over the manifest, which holds the digest of every file: the identity of the whole pack.
            Empty until the manifest is written.
    """

    folder: Path
    name: str
    trigger: str
    caption: str
    light: str
    canvas_wh: tuple[int, int]
    rig: Rig
    art: tuple[ArtItem, ...] = ()
    landmarks: tuple[str, str] | None = None
    loras: Mapping[str, LoraItem] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)
    digest: str = ""

    @property
    def prompt(self) -> str:
        """What the character's adapter was trained on, in its own light."""
        return self.prompt_in_light(self.light)

    def prompt_in_light(self, light: str) -> str:
        """Return caption, light and, last, the trigger word: a causal text encoder then leaves the others unchanged."""
        return f"{self.caption} {light} {self.trigger}"

    @property
    def source_digest(self) -> str:
        """The identity of what a training starts from: all but the adapters."""
        return ManifestTable(_table_from_pack(replace(self, loras={})), "").digest

    def lora_path(self, engine: str) -> Path:
        """Return the adapter for an engine.

        Raises:
            PackError: The pack has none for it.
        """
        if engine not in self.loras:
            known = ", ".join(sorted(self.loras)) or "none"
            raise PackError(
                f"{self.folder}: no LoRA for engine {engine!r}, has {known}; run: perfkit character train {self.folder}"
            )
        return self.folder / self.loras[engine].file

    def require_right(self, use: str, *, today: date | None = None) -> None:
        """Refuse to "train" on or "render" with a character that its rights do not permit.

        Raises:
            RightsError: A use that is not permitted or no longer; drawings without licence or owner, named.
        """
        require_right(use, self.rights, self.art, where=str(self.folder), today=today)

    def art_paths(self) -> list[Path]:
        """Return the drawings' paths, in order."""
        return [self.folder / item.file for item in self.art]

    def load_landmarks(self) -> ArtLandmarks:
        """Read the control points of all drawings; parts that the rig declares absent are not visible.

        Raises:
            PackError: The pack has none, or the file breaks its shapes.
        """
        if self.landmarks is None:
            raise PackError(f"{self.folder}: has no [landmarks]; training needs the control points of every drawing")
        found = read_landmarks(self.folder / self.landmarks[0], num_drawings=len(self.art))
        return replace(found, visibility=found.visibility * present_rows(self.rig).astype(np.float32))


def list_character_names() -> list[str]:
    """Return the names of the packs among the samples."""
    return sorted(path.name for path in _samples_folder().iterdir() if (path / MANIFEST_NAME).is_file())


def load_pack(name_or_folder: str | Path) -> CharacterPack:
    """Load a pack and check every file against its digest.

    Args:
        name_or_folder: Name of a sample character, or a folder; a name wins, so write ./name for a folder of that name.

    Raises:
        PackError: Unknown name, broken manifest, a path that leads out, an absent file, a wrong digest.
    """
    folder = find_pack_folder(name_or_folder)
    table = read_manifest(folder / MANIFEST_NAME)
    pack = _pack_from_table(table, folder)
    verify(pack)
    if pack.digest != table.digest:
        raise PackError(
            f"{folder / MANIFEST_NAME}: digest: got {pack.digest[:12]}..., the content gives {table.digest[:12]}...; "
            "restore the pack, or take over an edit you meant: perfkit character rig PACK --stamp"
        )
    return pack


def find_pack_folder(name_or_folder: str | Path) -> Path:
    """Return the folder of a sample character or of a pack given by path.

    Raises:
        PackError: Neither a known name nor a folder with a manifest.
    """
    text = str(name_or_folder)
    if _NAME.fullmatch(text) and (_samples_folder() / text / MANIFEST_NAME).is_file():
        return _samples_folder() / text
    try:
        if (Path(text) / MANIFEST_NAME).is_file():
            return Path(text)
    except (OSError, ValueError):
        pass
    known = ", ".join(list_character_names()) or "none"
    raise PackError(f"character {shorten(text)}: neither a known name ({known}) nor a folder with {MANIFEST_NAME}")


def verify(pack: CharacterPack) -> None:
    """Check that every file of a pack lies inside its folder with the stated digest.

    Raises:
        PackError: One does not.
    """
    listed = [(item.file, item.sha256, f"[[art]] {index}") for index, item in enumerate(pack.art)]
    listed += [(item.file, item.sha256, f"[lora.{engine}]") for engine, item in pack.loras.items()]
    if pack.landmarks is not None:
        listed.append((*pack.landmarks, "[landmarks]"))
    seen: set[str] = set()
    for file, stated, section in listed:
        where = f"{pack.folder / MANIFEST_NAME}: {section}"
        if file in seen:
            raise PackError(f"{where} file: {shorten(file)} is listed twice; remove one entry")
        seen.add(file)
        path = resolve_inside(pack.folder, file, where)
        try:
            found = digest_file(path)
        except OSError as error:
            raise PackError(f"{where} file: {shorten(file)} cannot be read ({error.strerror})") from error
        if found != stated:
            raise PackError(
                f"{where} {shorten(file)}: sha256 is {found[:12]}..., expected {stated[:12]}...; restore the file"
            )


def write_manifest(pack: CharacterPack) -> CharacterPack:
    """Write a pack's manifest beside its place and rename it; return the pack with its digest.

    Raises:
        PackError: Something in the pack would be refused on loading.
    """
    content = _table_from_pack(pack)
    digest = ManifestTable(content, "").digest
    table = {"digest": digest, **content}
    written = _pack_from_table(ManifestTable(table, f"{pack.folder / MANIFEST_NAME}:"), pack.folder)
    verify(written)
    with write_aside(pack.folder / MANIFEST_NAME) as aside:
        aside.write_text(write_toml(table), encoding="utf-8")
    return written


def stamp_pack(folder: Path) -> CharacterPack:
    """Give an edited manifest its new digest; the files must still match their own digests.

    Raises:
        PackError: As `load_pack`, the manifest's own digest apart.
    """
    return write_manifest(_pack_from_table(read_manifest(folder / MANIFEST_NAME), folder))


def _samples_folder() -> Path:
    return Path(str(resources.files("perfkit.characters")))


def _pack_from_table(table: ManifestTable, folder: Path) -> CharacterPack:
    table.take_integer("format", FORMAT, FORMAT)
    digest = table.take_digest("digest")
    name, trigger = table.take_text("name"), table.take_text("trigger")
    if not _NAME.fullmatch(name):
        raise table.refuse("name", shorten(name), "a-z 0-9 _ - beginning with a letter")
    if not _TRIGGER.fullmatch(trigger):
        raise table.refuse("trigger", shorten(trigger), "2 to 24 letters a-z")
    caption, light = table.take_text("caption"), table.take_text("light")
    canvas = table.take("canvas_wh", "[width, height]")
    if not isinstance(canvas, list) or len(canvas) != 2 or not all(_is_canvas_side(side) for side in canvas):
        raise table.refuse("canvas_wh", shorten(canvas), "[width, height] in 16..4096 px")
    rights = take_rights(table)
    rig = _take_rig(table)
    landmarks = None
    if table.has("landmarks"):
        section = table.take_table("landmarks")
        landmarks = (section.take_text("file"), section.take_digest("sha256"))
        section.finish()
    art = tuple(take_art_item(item) for item in table.take_tables("art"))
    loras = _take_loras(table)
    table.finish()
    canvas_wh = (canvas[0], canvas[1])
    return CharacterPack(folder, name, trigger, caption, light, canvas_wh, rig, art, landmarks, loras, rights, digest)


def _is_canvas_side(side: object) -> bool:
    return isinstance(side, int) and not isinstance(side, bool) and 16 <= side <= 4096


def _take_rig(table: ManifestTable) -> Rig:
    section = table.take_table("rig")
    values = section.take_rest()
    if not isinstance(values.get("absent", []), list):
        raise section.refuse("absent", shorten(values["absent"]), "a list of parts")
    try:
        return Rig.from_dict(values)
    except PackError as error:
        raise PackError(f"{section.where} {error}") from error


def _take_loras(table: ManifestTable) -> dict[str, LoraItem]:
    if not table.has("lora"):
        return {}
    section = table.take_table("lora")
    loras = {}
    for engine in section.names_left():
        if not _NAME.fullmatch(engine):
            raise section.refuse(engine, shorten(engine), "an engine's name")
        item = section.take_table(engine)
        loras[engine] = LoraItem(
            file=item.take_text("file"),
            sha256=item.take_digest("sha256"),
            base_sha256=item.take_digest("base_sha256"),
            rank=item.take_integer("rank", 1, 4096),
            steps=item.take_integer("steps", 0, 10**9),
            held_out=_take_held_out(item),
            verdict=_take_verdict(item),
        )
        item.finish()
    return loras


def _take_held_out(item: ManifestTable) -> tuple[str, ...]:
    files = item.take("held_out", "a list of drawings") if item.has("held_out") else []
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise item.refuse("held_out", shorten(files), "a list of drawings")
    return tuple(files)


def _take_verdict(item: ManifestTable) -> str:
    verdict = item.take_text("verdict") if item.has("verdict") else ""
    if verdict and verdict not in VERDICTS:
        raise item.refuse("verdict", shorten(verdict), " or ".join(VERDICTS))
    return verdict


def _table_from_lora(item: LoraItem) -> dict[str, object]:
    table: dict[str, object] = {**vars(item), "held_out": list(item.held_out)}
    return {name: value for name, value in table.items() if value not in ("", [])}


def _table_from_pack(pack: CharacterPack) -> dict[str, object]:
    table: dict[str, object] = {
        "format": FORMAT,
        "name": pack.name,
        "trigger": pack.trigger,
        "caption": pack.caption,
        "light": pack.light,
        "canvas_wh": list(pack.canvas_wh),
    }
    if rights := pack.rights.to_table():
        table["rights"] = rights
    table["rig"] = pack.rig.to_dict()
    if pack.landmarks is not None:
        table["landmarks"] = {"file": pack.landmarks[0], "sha256": pack.landmarks[1]}
    if pack.loras:
        table["lora"] = {engine: _table_from_lora(item) for engine, item in sorted(pack.loras.items())}
    if pack.art:
        table["art"] = [table_from_art_item(item) for item in pack.art]
    return table
