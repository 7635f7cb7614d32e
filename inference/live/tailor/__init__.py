"""Makes a character's engine ready in a process of its own: an export keeps Python busy for many seconds.

In: a character and a light. Out: exported networks in the cache, from which the show opens them at once.
"""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

from perfkit.errors import WeightsError

_POLL_SECONDS = 0.2


def tailor(name: str, light: str, *, cache_dir: Path | None, stop: threading.Event) -> bool:
    """Export what is not in the cache yet.

    Args:
        name: A sample character's name, or a pack's folder.
        light: As of `controls.LiveControls`.
        cache_dir: As of `RuntimeSettings`.
        stop: Ends it early.

    Returns:
        Whether it was finished.

    Raises:
        WeightsError: It could not be made; the line says why.
    """
    command = [sys.executable, "-m", __name__, name, light, *([str(cache_dir)] if cache_dir else [])]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        while not stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, errors = process.communicate(timeout=_POLL_SECONDS)
                if process.returncode:
                    lines = errors.decode(errors="replace").strip().splitlines()
                    raise WeightsError(lines[-1] if lines else f"{name}: no engine came of it; run: perfkit doctor")
                return True
        process.kill()
    return False
