"""`perfkit demo`: the whole product on the sample take."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.progress import progress_bar


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("out"),
) -> None:
    """Render the sample take as a sample character; print the paths of the video and of a contact sheet."""
    raise NotImplementedError((output, progress_bar))
