"""Where tables and verdicts go: stderr, for stdout is for the path."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

FILE_WIDTH = 180
"""Columns of what goes to a file instead of a terminal."""


def make_console() -> "Console":
    """Make a console on stderr, as wide as the terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else FILE_WIDTH)
