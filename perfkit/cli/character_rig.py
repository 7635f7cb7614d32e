"""The verb `character rig`: show a character's proportions, fit them to its art, set them by hand."""

import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perfkit.errors import SettingsError

if TYPE_CHECKING:
    from perfkit.proportions import Rig


def edit_rig(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="A sample character's name, or a pack's folder.")],
    fit: Annotated[bool, typer.Option("--fit", help="Fit it to the drawings' control points anew.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=NUMBER", help="Set a proportion; give it for each.")
    ] = None,
    absent: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="Declare a part absent: left_eye, nose, right_brow ...")
    ] = None,
    present: Annotated[list[str] | None, typer.Option(metavar="PART", help="Declare a part present after all.")] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=GAIN[,CURVE]",
            help="How it answers to a blendshape, as jawOpen=1.3,0.8; a curve under 1 lifts small motions.",
        ),
    ] = None,
    stamp: Annotated[bool, typer.Option("--stamp", help="Take over a manifest that was edited by hand.")] = False,
) -> None:
    """Show a character's proportions and absent parts; fit or set them."""
    from perfkit.ingest import describe_fit, fit_pack_rig
    from perfkit.pack import find_pack_folder, load_pack, stamp_pack, write_manifest

    character = stamp_pack(find_pack_folder(pack)) if stamp else load_pack(pack)
    before = character.rig
    declared = replace(before, absent=(before.absent | {*(absent or ())}) - {*(present or ())})
    wanted = _set_channels(_set_fields(declared, change or []), channel or [])
    if fit:
        character, found = fit_pack_rig(write_manifest(replace(character, rig=declared)))
        print(f"rig: {describe_fit(found)}", file=sys.stderr)
        wanted = _set_channels(_set_fields(character.rig, change or []), channel or [])
    if wanted != character.rig:
        character = write_manifest(replace(character, rig=wanted))
    if character.rig.absent != before.absent and character.loras:
        print("rig: parts came or went since the adapter was trained; run: perfkit character train", file=sys.stderr)
    _print_rig(character.rig)


def _set_fields(rig: "Rig", changes: list[str]) -> "Rig":
    names = {field.name for field in fields(rig)} - {"absent", "channels"}
    values: dict[str, Any] = {}
    for text in changes:
        name, _, number = text.partition("=")
        if name not in names:
            raise SettingsError(f"--set {text}: expected FIELD=NUMBER, a field of {', '.join(sorted(names))}")
        values[name] = _read_number(number, f"--set {text}")
    return replace(rig, **values)


def _set_channels(rig: "Rig", changes: list[str]) -> "Rig":
    from perfkit.proportions import Channel

    channels = {each.name: each for each in rig.channels}
    for text in changes:
        name, _, numbers = text.partition("=")
        gain, _, curve = numbers.partition(",")
        where = f"--channel {text}"
        channels[name] = Channel(name, _read_number(gain, where), _read_number(curve or "1", where))
        if channels[name] == Channel(name):
            del channels[name]
    return replace(rig, channels=tuple(channels[name] for name in sorted(channels)))


def _read_number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{where}: {text!r} is no number; give one as 0.4") from None


def _print_rig(rig: "Rig") -> None:
    """Print every field, and the average adult's where it differs."""
    from perfkit.proportions import HUMAN_RIG

    for field in fields(rig):
        value, usual = getattr(rig, field.name), getattr(HUMAN_RIG, field.name)
        if field.name == "absent":
            print(f"{'absent':<15} {', '.join(sorted(value)) or 'nothing'}")
        elif field.name == "channels":
            for each in value:
                print(f"{'channel':<15} {each.name}: gain {each.gain:g}, curve {each.curve:g}")
        else:
            print(f"{field.name:<15} {value:<8.4g}" + (f" adult {usual:g}" if value != usual else ""))
