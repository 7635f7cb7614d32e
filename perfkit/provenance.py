"""How a result came to be: written beside it as RESULT.json, so that it can be made again and trusted.

In: digests, settings, versions, times of a render. Out: one JSON file.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from perfkit.errors import MediaError
from perfkit.files import write_aside

FORMAT = 1
LIBRARIES = ("perfkit", "torch", "diffusers", "openvino", "mediapipe", "opencv-contrib-python", "av", "numpy")


@dataclass(frozen=True)
class Provenance:
    """How a video came to be.

    Attributes:
        result: File name of the video.
        source: File name of the take or .perf.
        character: Name of the pack.
        num_frames: Frames written.
        num_frames_without_face: Frames of the take in which no face was seen.
        size_wh: Size of the video, px.
        duration_seconds: From the first frame to the last.
        digests: SHA-256 of what went in: take, character, engine, and background or calibration where they are files.
        settings: All that changes a pixel.
        runtime: Where it ran: backend, device, cores, frames of a window.
        trackers: Tracker -> "version sha256".
        stage_seconds: Stage -> wall-clock seconds; stages run beside each other.
        notes: What was odd and how it was treated, one line each.
        versions: Library -> version.
    """

    result: str
    source: str
    character: str
    num_frames: int
    num_frames_without_face: int
    size_wh: tuple[int, int]
    duration_seconds: float
    digests: Mapping[str, str]
    settings: Mapping[str, Any]
    runtime: Mapping[str, Any]
    trackers: Mapping[str, str]
    stage_seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: read_versions())

    @property
    def identity(self) -> str:
        """SHA-256 over everything that the pixels depend on: equal identities on one machine are equal pixels."""
        text = json.dumps([dict(self.digests), dict(self.settings)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def provenance_path(result: Path) -> Path:
    """Return where a result's provenance lies: beside it, with .json added."""
    return result.with_name(f"{result.name}.json")


def save_provenance(provenance: Provenance, path: Path) -> None:
    """Write a provenance beside its place and rename it.

    Raises:
        MediaError: It cannot be written.
    """
    content = {"format": FORMAT, "identity": provenance.identity, **asdict(provenance)}
    with write_aside(path) as aside:
        text = json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n"
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")  # a file's name may be no UTF-8


def load_provenance(result: Path) -> Provenance:
    """Read the provenance that lies beside a result.

    Raises:
        MediaError: It is absent, damaged or of another format; the line names the file.
    """
    path = provenance_path(result)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MediaError(
            f"{path}: no such file; `perfkit render` writes it beside {result.name}, keep them together"
        ) from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: cannot be read ({error}); render {result.name} again") from error
    names = {each.name for each in fields(Provenance)}
    if not isinstance(content, dict) or content.get("format") != FORMAT or not names <= set(content):
        raise MediaError(f"{path}: not a provenance of format {FORMAT}; render {result.name} again")
    known = {name: content[name] for name in names}
    known |= {"size_wh": tuple(content["size_wh"]), "notes": tuple(content["notes"])}
    return Provenance(**known)


def read_versions() -> dict[str, str]:
    """Return the versions of Python, the system, the processor and the libraries that shape a result."""
    versions = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": read_processor(),
    }
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def read_processor() -> str:
    """Return the processor's name, as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
