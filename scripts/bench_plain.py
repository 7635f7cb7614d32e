"""Where code that one would write without perfkit is timed: with its libraries as they come."""

import os

from perfkit.quiet import SETTINGS


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what perfkit, or this repository's Makefile, sets for speed."""
    speed = [name for name in SETTINGS if name.startswith(("OMP_", "OPENBLAS_"))] + ["OMP_NUM_THREADS"]
    return {name: value for name, value in os.environ.items() if name not in speed}
