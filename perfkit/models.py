"""The pinned tracker files: which bytes we accept, and where they are looked up. Nothing here downloads.

In: the name of a tracker. Out: the path of a file whose SHA-256 is the pinned one, or one line saying what to run.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from perfkit.errors import CaptureError

FETCH_COMMAND = "python scripts/fetch_models.py"


@dataclass(frozen=True)
class TrackerFile:
    """One model bundle of MediaPipe Tasks.

    Attributes:
        name: What perfkit calls the tracker: face, pose or hands.
        filename: Its file name in a models folder.
        sha256: Digest that decides whether a file is the one we know, hex.
        is_required: Whether capture refuses to run without it.
    """

    name: str
    filename: str
    sha256: str
    is_required: bool = False


TRACKER_FILES: dict[str, TrackerFile] = {
    "face": TrackerFile(
        name="face",
        filename="face_landmarker.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        is_required=True,
    ),
    "pose": TrackerFile(
        name="pose",
        filename="pose_landmarker_full.task",
        sha256="5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1",
    ),
    "hands": TrackerFile(
        name="hands",
        filename="hand_landmarker_full.task",
        sha256="ef3f184fa8d5e6905ea4770282627d6937975119af763054312d05985c059bda",
    ),
}
"""All from MediaPipe, Apache-2.0. The hands' bundle is our own stored zip of MediaPipe's two tflite files."""


def model_folders() -> list[Path]:
    """Return the folders that are searched for tracker files, first hit wins."""
    folders = [Path(__file__).parent.parent / "models", Path.home() / ".cache" / "perfkit" / "models"]
    chosen = os.environ.get("PERFKIT_MODELS")
    return [Path(chosen), *folders] if chosen else folders


def find_model(name: str) -> Path | None:
    """Return the path of a tracker's file, or None where no folder holds it.

    Args:
        name: A key of `TRACKER_FILES`.

    Raises:
        CaptureError: A file of that name is there and is not the pinned one.
    """
    model = TRACKER_FILES[name]
    for folder in model_folders():
        path = folder / model.filename
        if path.is_file():
            _check_digest(path, model)
            return path
    return None


def require_model(name: str) -> Path:
    """Return the path of a tracker's file.

    Raises:
        CaptureError: It is absent, or another file; the line names the command that gets it.
    """
    path = find_model(name)
    if path is None:
        folders = ", ".join(str(folder) for folder in model_folders())
        raise CaptureError(
            f"{name} tracker: {TRACKER_FILES[name].filename} is in none of {folders}; get it with `{FETCH_COMMAND}`"
        )
    return path


def _check_digest(path: Path, model: TrackerFile) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != model.sha256:
        raise CaptureError(
            f"{model.name} tracker: {path} has SHA-256 {found[:12]}, expected {model.sha256[:12]}; "
            f"remove it and run `{FETCH_COMMAND}`"
        )
