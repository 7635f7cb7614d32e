"""The process of its own: NAME LIGHT [CACHE]. Exit 1 with one line on stderr where there is no engine to be had."""

import os
import sys
from pathlib import Path

from perfkit.errors import PerfkitError
from perfkit.inference.live.wardrobe import make_costume
from perfkit.inference.settings import RuntimeSettings

_NICENESS = 10
"""The show goes first."""


def main() -> int:
    """Make one costume, for its traces in the cache."""
    name, light, *cache = sys.argv[1:]
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        make_costume(name, light, RuntimeSettings(num_threads=1, cache_dir=Path(cache[0]) if cache else None))
    except PerfkitError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
