"""Verbs for character packs: new, list, show, rights, rig, label, coverage, train, evaluate, export."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.character_art import new_character, print_rights, set_rights, show_coverage
from perfkit.cli.character_label import label_drawings
from perfkit.cli.character_rig import edit_rig
from perfkit.cli.progress import progress_bars

app = typer.Typer(help="Character packs: make, train, judge, export.", no_args_is_help=True, rich_markup_mode=None)
Pack = Annotated[str, typer.Argument(metavar="PACK", help="A sample character's name, or a pack's folder.")]


app.command("new")(new_character)


@app.command("list")
def list_characters() -> None:
    """Print the names of the sample characters, one a line."""
    from perfkit.pack import list_character_names

    for name in list_character_names():
        print(name)


@app.command("show")
def show_character(pack: Pack) -> None:
    """Print what a pack holds: words, art with its licences, adapters, digest."""
    from perfkit.pack import load_pack

    character = load_pack(pack)
    width, height = character.canvas_wh
    print(f"name      {character.name}")
    print(f"folder    {character.folder}")
    print(f"prompt    {character.prompt}")
    print(f"canvas    {width}x{height}")
    print(f"absent    {', '.join(sorted(character.rig.absent)) or 'nothing'}")
    for rights in sorted({(item.licence, item.owner) for item in character.art}):
        num_items = sum((item.licence, item.owner) == rights for item in character.art)
        licence, owner = (right or "not stated" for right in rights)
        print(f"art       {num_items} drawings, licence {licence}, owner {owner}")
    print_rights(character.rights)
    for engine, lora in sorted(character.loras.items()):
        print(f"lora      {engine}: rank {lora.rank}, {lora.steps} steps, base {lora.base_sha256[:12]}")
    print(f"digest    {character.digest}")


app.command("rights")(set_rights)
app.command("label")(label_drawings)
app.command("rig")(edit_rig)
app.command("coverage")(show_coverage)


@app.command("train")
def train_character(
    pack: Pack,
    engine: Annotated[str, typer.Option(help="Whose LoRA: a renderer's name.")] = "nano",
    recipe: Annotated[str, typer.Option(help="standard, draft or thorough.")] = "standard",
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [the recipe's].")] = None,
    resume: Annotated[
        bool | None, typer.Option("--resume/--restart", help="Go on with what was broken off, or begin anew [go on].")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Folder for train.png and TensorBoard's events [out/training/NAME].")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="A turn or a face of the coverage table not to train on, to see what lacking it costs."),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Train though the drawings show too little (see coverage).")
    ] = False,
) -> None:
    """Train a character's LoRA on its art; run again, it goes on where it stopped."""
    from dataclasses import replace

    from perfkit.coverage import measure_coverage, require_minimum
    from perfkit.pack import load_pack
    from perfkit.training.lora import TrainOptions, count_useful_workers, make_recipe, train_character

    settings = make_recipe(recipe, engine=engine)
    settings = replace(settings, steps=settings.steps if steps is None else steps, leave_out=tuple(leave_out or ()))
    character = load_pack(pack)
    character.require_right("train")
    if not anyway:
        require_minimum(measure_coverage(character), where=str(character.folder))
    folder = curves or Path("out/training") / character.name
    with progress_bars("train", unit="pictures") as (on_progress,):
        options = TrainOptions(
            curves_folder=folder, resume=resume, num_workers=count_useful_workers(), on_progress=on_progress
        )
        path = train_character(character, settings, options)
    print(path)


@app.command("evaluate")
def evaluate(
    pack: Pack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for grid and figures [out/acceptance/NAME].")
    ] = None,
) -> None:
    """Judge a character's LoRA: the acceptance grid, figures, a verdict that the pack remembers."""
    from perfkit.pack import load_pack
    from perfkit.training.acceptance import AcceptanceOptions, evaluate_character

    character = load_pack(pack)
    with progress_bars("evaluate", unit="stages") as (on_progress,):
        options = AcceptanceOptions(on_progress=on_progress)
        verdict, page = evaluate_character(character, output or Path("out/acceptance") / character.name, options)
    print(f"{verdict.word}: {verdict.psnr_db:.1f} dB, {verdict.gap_closed:.0%} of the gap closed")
    for reason in verdict.reasons:
        print(f"  {reason}")
    print(page)


@app.command("export")
def export_lora(
    pack: Pack,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .safetensors.")],
    to: Annotated[str, typer.Option(help="diffusers, kohya or comfyui.")] = "diffusers",
) -> None:
    """Write a character's LoRA in the keys of another program."""
    from perfkit.training.lora.export import export_adapter

    print(export_adapter(pack, output, program=to))
