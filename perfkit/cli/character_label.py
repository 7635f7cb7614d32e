"""The verb that opens the labelling page of a character."""

from pathlib import Path
from typing import Annotated

import typer


def label_drawings(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="A pack's folder; a sample character is shown only.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served [any that is free].")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    guess: Annotated[bool, typer.Option(help="Let the landmark network read what nobody labelled.")] = True,
) -> None:
    """Look at a character's drawings in the browser, correct contours, angle, expression and light; Ctrl-C ends it."""
    from perfkit.cli.character_art import load_reader
    from perfkit.cli.pages import serve_page
    from perfkit.labelling import LabelDesk, make_label_app, needs_reader
    from perfkit.pack import find_pack_folder, list_character_names, load_pack
    from perfkit.serving import PageServer

    folder = find_pack_folder(pack)
    character = load_pack(folder)
    is_sample = pack in list_character_names()
    read_only = f"{pack} is a sample character, shown only; copy {folder} and label the copy" if is_sample else ""
    reader = load_reader() if guess and needs_reader(character) else None
    server = PageServer(make_label_app(LabelDesk(Path(folder), reader=reader, read_only=read_only)), port=port)
    serve_page(server, browser=browser)
