"""The verb for performing live: live."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.options import Character


def live(
    character: Character = "zib",
    camera: Annotated[
        str, typer.Option(help="browser, a device's number, or a video to play as a camera.")
    ] = "browser",
    performer: Annotated[str, typer.Option(help="Whose neutral face is taken, and kept.")] = "me",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for recordings.")] = Path("perfkit-live"),
    quality: Annotated[str, typer.Option(help="auto, low, medium or high.")] = "auto",
    transport: Annotated[str, typer.Option(help="How the browser's pictures come: websocket or webrtc.")] = "websocket",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served [any that is free].")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    vmc: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Send the performance to a VMC receiver.")
    ] = None,
    livelink: Annotated[Path | None, typer.Option(help="Write a Live Link Face CSV.")] = None,
    virtual_camera: Annotated[bool, typer.Option("--virtual-camera", help="Be a camera to other programs.")] = False,
) -> None:
    """Play a character live from a camera: a local page, recordings, pictures and motion for other programs."""
    from perfkit.cli.pages import serve_page
    from perfkit.inference.live import ShowOptions
    from perfkit.inference.live.serving import OutputOptions, open_show

    options = ShowOptions(
        character=character, camera=camera, performer=performer, folder=output, quality=quality, transport=transport
    )
    outputs = OutputOptions(vmc=vmc, livelink=livelink, with_virtual_camera=virtual_camera)
    with open_show(options, outputs, port=port) as server:
        serve_page(server, browser=browser)
