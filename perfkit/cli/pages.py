"""Serving a local page until Ctrl-C, for verbs that have one."""

import gc
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from perfkit.serving import PageServer


def serve_page(server: "PageServer", *, browser: bool) -> None:
    """Print a page's address, perhaps open it, and serve it until Ctrl-C.

    Args:
        server: Not started yet.
        browser: Whether to open the address.
    """
    with server:
        typer.echo(server.address)
        if browser:
            typer.launch(server.address)
        try:
            server.wait()
        finally:
            gc.freeze()  # else Python looks through all of torch on its way out: seconds, on a busy machine
