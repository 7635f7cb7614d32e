"""The recorded performance in the formats of other programs: one module a format, loaded when it is asked for.

PerformanceTrack --export--> Live Link Face CSV, BVH, USD, OpenPose JSON: a file or folder
                        \\--> VMC: a stream in real time
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from perfkit.errors import SettingsError

if TYPE_CHECKING:
    from perfkit.calibration_file import Calibration
    from perfkit.track import PerformanceTrack

EXPORTERS: dict[str, str] = {
    "bvh": "perfkit.export.bvh:export_bvh",
    "livelink-csv": "perfkit.export.livelink_csv:export_livelink_csv",
    "openpose-json": "perfkit.export.openpose_json:export_openpose_json",
    "usd": "perfkit.export.usd:export_usd",
    "vmc": "perfkit.export.vmc:export_vmc",
}
"""Name -> "module:function" of every format; imported when asked for."""

INSTALL_COMMAND = 'pip install "perfkit[export]"'


@dataclass(frozen=True)
class ExportRequest:
    """What a person asks of an export; a format refuses what it has no use for.

    Attributes:
        output: File or folder to write; None for a stream.
        calibration: The performer at rest; None: fitted from the take.
        rate_fps: Frames a second to resample to; None: the take's own frames where the format can hold them.
        host: Whom to stream to.
        port: Where they listen.
        on_progress: Called with frames done and in all.
    """

    output: Path | None = None
    calibration: "Calibration | None" = None
    rate_fps: Fraction | None = None
    host: str | None = None
    port: int | None = None
    on_progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        if self.rate_fps is not None and not 1 <= self.rate_fps <= 1000:
            raise SettingsError(f"export: a rate of {self.rate_fps} frames/s, expected 1 to 1000; give another --rate")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise SettingsError(f"export: port {self.port}, expected 1 to 65535; give another --port")


@dataclass(frozen=True)
class ExportResult:
    """What an export did.

    Attributes:
        target: The path that was written, or the address that was sent to.
        notes: What the reader should know: rates, resampling; one line each.
    """

    target: str
    notes: tuple[str, ...] = ()


class Exporter(Protocol):
    """Hands a performance to another program."""

    def __call__(self, track: "PerformanceTrack", request: ExportRequest) -> ExportResult:
        """Write or send the track.

        Raises:
            SettingsError: The request holds what the format has no use for, or lacks what it needs.
            ExportError: A package is absent, or the receiver cannot be reached.
            CalibrationError: The format needs a calibrated face and the take has too few frames for one.
            MediaError: The file cannot be written.
        """
        ...


def make_exporter(name: str) -> Exporter:
    """Return a format's exporter.

    Raises:
        SettingsError: The name is unknown.
    """
    if name not in EXPORTERS:
        raise SettingsError(
            f"unknown format {name!r}; known: {', '.join(sorted(EXPORTERS))}; give one of these as --to"
        )
    module, _, function = EXPORTERS[name].partition(":")
    return cast(Exporter, getattr(importlib.import_module(module), function))


def check_request(name: str, request: ExportRequest, *, takes: frozenset[str]) -> None:
    """Refuse a request for what a format cannot do.

    Args:
        name: The format.
        request: What is asked.
        takes: Which of `output`, `rate_fps`, `host`, `port`, `calibration` the format has a use for.

    Raises:
        SettingsError: The request holds another one, or lacks the output.
    """
    options = {"output": "-o", "rate_fps": "--rate", "host": "--host", "port": "--port", "calibration": "--calibration"}
    for field, option in options.items():
        if field not in takes and getattr(request, field) is not None:
            raise SettingsError(f"{name}: has no use for {option}; leave it out")
    if "output" in takes and request.output is None:
        raise SettingsError(f"{name}: where to? name the result with -o")
