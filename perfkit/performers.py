"""Performers that this machine knows: each one's neutral face, kept by name from one performance to the next.

In: a name. Out: their calibration, and its path in the user's own data folder.
"""

import os
import re
from pathlib import Path

from perfkit.calibration_file import Calibration, load_calibration
from perfkit.errors import SettingsError

DEFAULT_PERFORMER = "me"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")


def calibration_path(performer: str) -> Path:
    """Return where a performer's calibration lies, or would lie.

    Raises:
        SettingsError: No name for a file: letters, digits, spaces, - and _, up to 40.
    """
    if not _NAME.fullmatch(performer):
        raise SettingsError(f"performer {performer[:60]!r}: expected up to 40 letters, digits, spaces, - or _")
    return performers_folder() / f"{performer}.calibration"


def find_calibration(performer: str) -> Calibration | None:
    """Return a performer's neutral face; None for one who was never seen here.

    Raises:
        SettingsError: No name for a file.
        CalibrationError: Their file is damaged.
    """
    path = calibration_path(performer)
    return load_calibration(path) if path.is_file() else None


def performers_folder() -> Path:
    """Return $XDG_DATA_HOME/perfkit/performers, or its usual place."""
    root = os.environ.get("XDG_DATA_HOME")
    return (Path(root) if root else Path.home() / ".local" / "share") / "perfkit" / "performers"
