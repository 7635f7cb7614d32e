"""Verbs for character packs: list, show, train."""

from typing import Annotated

import typer

from perfkit.cli.progress import progress_bars

app = typer.Typer(help="Character packs: list, show, train.", no_args_is_help=True, rich_markup_mode=None)
Pack = Annotated[str, typer.Argument(metavar="PACK", help="A sample character's name, or a pack's folder.")]


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
        print(f"art       {num_items} drawings, {rights[0]}, {rights[1]}")
    for engine, lora in sorted(character.loras.items()):
        print(f"lora      {engine}: rank {lora.rank}, {lora.steps} steps, base {lora.base_sha256[:12]}")
    print(f"digest    {character.digest}")


@app.command("train")
def train_character(
    pack: Pack,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [the recipe's].")] = None,
) -> None:
    """Train a character's LoRA on its art; run again, it goes on where it stopped."""
    from perfkit.training import lora

    settings = lora.LoraSettings() if steps is None else lora.LoraSettings(steps=steps)
    with progress_bars("train", unit="steps") as (on_progress,):
        path = lora.train_character(pack, settings, on_progress=on_progress)
    print(path)
