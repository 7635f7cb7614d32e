"""What is said on stderr, for stdout is for the path: tables, verdicts, how to go on after Ctrl-C."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

FILE_WIDTH = 180
"""Columns of what goes to a file instead of a terminal."""


def make_console() -> "Console":
    """Make a console on stderr, as wide as the terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else FILE_WIDTH)


@contextmanager
def tell_how_to_go_on(result: Path) -> Iterator[None]:
    """Say in one line, when Ctrl-C ends the block, that the same command goes on with what is kept of a result."""
    from perfkit.inference.work_folder import work_path

    try:
        yield
    except KeyboardInterrupt:
        if work_path(result).is_dir():
            print(f"perfkit: interrupted; the same command goes on from there ({work_path(result)})", file=sys.stderr)
        raise
