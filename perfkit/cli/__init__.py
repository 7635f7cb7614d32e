"""The command line's door: errors become one line and an exit code here, and nowhere else.

In: arguments. Out: the resulting path on stdout; progress and errors on stderr.
Exit codes: 0 ok, 1 a PerfkitError, 2 wrong usage, 130 interrupted. Anything else is a bug and keeps its traceback.
"""

import io
import sys

from perfkit.errors import PerfkitError
from perfkit.quiet import settle_libraries


def main() -> None:
    """Run the command line and exit."""
    settle_libraries()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a result's path is printed as it is, UTF-8 or not
    from perfkit.cli.app import app

    try:
        app()
    except PerfkitError as error:
        sys.exit(_refuse(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(error: PerfkitError) -> int:
    print(f"perfkit: {' '.join(str(error).split())}", file=sys.stderr)
    return 1
