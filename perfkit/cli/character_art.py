"""Verbs for a character's art: new (from a folder of drawings), coverage (what it lacks), rights (who allows what)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli.progress import progress_bars
from perfkit.errors import CaptureError, PackError, SettingsError, WeightsError

if TYPE_CHECKING:
    from perfkit.face_reading import LandmarkReader
    from perfkit.ingest import Readers
    from perfkit.rights import Rights

Pack = Annotated[str, typer.Argument(metavar="PACK", help="A sample character's name, or a pack's folder.")]
Licence = Annotated[str, typer.Option(help="Of the drawings: SPDX (CC0-1.0) or its words.")]
Owner = Annotated[str, typer.Option(help="Who owns the drawings.")]
CharacterOwner = Annotated[str, typer.Option(help="Who owns the character.")]
Performer = Annotated[str, typer.Option(help="Whose likeness or acting it is bound to.")]
Permit = Annotated[
    list[str] | None, typer.Option(help="A use that is permitted, train or render, or none; give it for each [both].")
]
Terms = Annotated[str, typer.Option(help="What else was agreed, in words.")]
Expires = Annotated[str, typer.Option(metavar="DATE", help="Last day of the permission, YYYY-MM-DD, or never.")]


def new_character(
    folder: Annotated[Path, typer.Argument(metavar="NAME|FOLDER", help="The pack to make; its folder must not exist.")],
    art: Annotated[Path, typer.Option(help="Folder of drawings (PNG, JPEG, WebP), perhaps with labels.csv.")],
    licence: Licence = "",
    owner: Owner = "",
    name: Annotated[str, typer.Option(help="The character's name [the folder's].")] = "",
    trigger: Annotated[str, typer.Option(help="Its word in a prompt, letters a-z [of its name].")] = "",
    caption: Annotated[str, typer.Option(help="What it is, in the base's words [toon cel inked].")] = "",
    light: Annotated[str, typer.Option(help="Its light, as 'hard left' [gentle front].")] = "",
    canvas: Annotated[str, typer.Option(metavar="WxH", help="Size of the pack's pictures.")] = "256x256",
    framing: Annotated[str, typer.Option(help="whole, bust, or auto: a bust of tall figures.")] = "auto",
    positive_yaw: Annotated[str, typer.Option(help="Where the nose turns at a positive yaw: left or right.")] = "right",
    guess: Annotated[bool, typer.Option(help="Let MediaPipe or the landmark network read what no label says.")] = True,
    absent: Annotated[
        list[str] | None,
        typer.Option(metavar="PART", help="A part that it lacks: left_eye, right_brow, nose, mouth ...; give each."),
    ] = None,
    character_owner: CharacterOwner = "",
    performer: Performer = "",
    permit: Permit = None,
    terms: Terms = "",
    expires: Expires = "",
) -> None:
    """Make a character pack of a folder of drawings."""
    from perfkit.captions import DEFAULT_CAPTION, DEFAULT_LIGHT
    from perfkit.ingest import IngestSettings, build_pack, describe_report
    from perfkit.ingest.names import name_pack
    from perfkit.pack import list_character_names
    from perfkit.rights import Rights

    if str(folder) in list_character_names():
        raise PackError(f"{folder}: is a sample character's name; give another")
    settings = IngestSettings(
        name=name or name_pack(folder),
        trigger=trigger,
        caption=caption or DEFAULT_CAPTION,
        light=light or DEFAULT_LIGHT,
        licence=licence,
        owner=owner,
        rights=_change_rights(Rights(), (character_owner, performer, terms, expires), permit),
        canvas_wh=_read_canvas(canvas),
        framing=framing,
        positive_yaw=positive_yaw,
        absent=frozenset(absent or ()),
    )
    with _open_readers(guess) as readers, progress_bars("read", unit="drawings") as (on_progress,):
        report = build_pack(art, folder, settings, readers=readers, on_progress=on_progress)
    print("\n".join(describe_report(report)), file=sys.stderr)
    print(folder)


def show_coverage(
    pack: Pack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write [./NAME-coverage].")
    ] = None,
    acceptance: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What `character evaluate` wrote, to show the scores in it.")
    ] = None,
) -> None:
    """Show what a character's art lacks: a table of turns, expressions and lights, and what to draw next."""
    from perfkit.coverage import describe_ways, measure_coverage, summarise, write_coverage
    from perfkit.pack import load_pack

    character = load_pack(pack)
    coverage = measure_coverage(character, acceptance=acceptance)
    summary = summarise(coverage)
    paths = write_coverage(character, coverage, output or Path(f"{character.name}-coverage"))
    print(f"{summary.title} {summary.headline}", file=sys.stderr)
    for line in describe_ways(coverage):
        print(f"  never trained on and {line}", file=sys.stderr)
    for gap in summary.gaps:
        print(f"  {gap.words}", file=sys.stderr)
    for rank, suggestion in enumerate(summary.suggestions, start=1):
        print(f"  draw {rank:2}  {suggestion.words}  (+{suggestion.gain:.1%})", file=sys.stderr)
    for path in paths:
        print(path)


def set_rights(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="A pack's folder.")],
    licence: Licence = "",
    owner: Owner = "",
    everywhere: Annotated[
        bool, typer.Option("--all", help="Also of drawings that state a licence or an owner already.")
    ] = False,
    character_owner: CharacterOwner = "",
    performer: Performer = "",
    permit: Permit = None,
    terms: Terms = "",
    expires: Expires = "",
) -> None:
    """State licence and owner of the drawings, and who allows what with the character."""
    from dataclasses import replace

    from perfkit.pack import load_pack, write_manifest
    from perfkit.rights import is_stated

    character = load_pack(pack)
    items = [
        replace(
            item,
            licence=licence if licence and (everywhere or not is_stated(item.licence)) else item.licence,
            owner=owner if owner and (everywhere or not is_stated(item.owner)) else item.owner,
        )
        for item in character.art
    ]
    rights = _change_rights(character.rights, (character_owner, performer, terms, expires), permit)
    print(write_manifest(replace(character, art=tuple(items), rights=rights)).folder)


def print_rights(rights: "Rights") -> None:
    """Print what is stated of a character's rights, one a line."""
    for title, text in (("owner", rights.character_owner), ("performer", rights.performer), ("terms", rights.terms)):
        if text:
            print(f"{title:<9} {text}")
    print(
        f"permitted {', '.join(rights.permitted_use) or 'nothing'}{f', to {rights.expires}' if rights.expires else ''}"
    )


def _change_rights(rights: "Rights", given: tuple[str, str, str, str], permit: list[str] | None) -> "Rights":
    """Return rights with what is given: owner, performer, terms, expiry, uses."""
    from dataclasses import replace

    from perfkit.rights import USES

    character_owner, performer, terms, expires = given
    if permit is not None:
        wanted = {use for use in permit if use != "none"}
        if not wanted <= set(USES) or ("none" in permit and wanted):
            raise SettingsError(f"--permit {' '.join(permit)}: expected {' and '.join(USES)}, each by its own, or none")
        rights = replace(rights, permitted_use=tuple(use for use in USES if use in wanted))
    if expires:
        try:
            last_day = None if expires == "never" else date.fromisoformat(expires)
        except ValueError:
            raise SettingsError(f"--expires {expires}: expected a day as 2027-12-31, or never") from None
        rights = replace(rights, expires=last_day)
    return replace(
        rights,
        character_owner=character_owner or rights.character_owner,
        performer=performer or rights.performer,
        terms=terms or rights.terms,
    )


def _read_canvas(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 4096 and 16 <= int(height) <= 4096):
        raise SettingsError(f"--canvas {text}: expected WIDTHxHEIGHT in 16..4096 px, as 256x256")
    return int(width), int(height)


def load_reader() -> "LandmarkReader | None":
    """Load the landmark network; without it, MediaPipe and the labels must do."""
    from perfkit.training.landmark_net import LandmarkNet

    try:
        return LandmarkNet.load()
    except WeightsError as error:
        print(f"perfkit: {error}; going on without it", file=sys.stderr)
        return None


@contextmanager
def _open_readers(guess: bool) -> "Iterator[Readers | None]":
    """Load MediaPipe and the landmark network; without one of them the other reads, without both the labels must do."""
    from perfkit.capture.mediapipe import StillFaces
    from perfkit.ingest import Readers

    if not guess:
        yield None
        return
    drawn, people = load_reader(), None
    try:
        people = StillFaces()
    except CaptureError as error:
        print(f"perfkit: {error}; going on without it", file=sys.stderr)
    try:
        yield Readers(drawn, people)
    finally:
        if people is not None:
            people.close()
