"""Record a golden take, hold it against a render of today, approve that render in its place.

In: a take, a character, settings; or a golden's folder. Out: a golden; a `Check` and its report.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from perfkit.errors import MediaError
from perfkit.files import check_parent, make_folder
from perfkit.inference.golden.comparing import DEFAULT_TOLERANCE, Comparison, Tolerance, compare
from perfkit.inference.golden.evidence import gather_evidence
from perfkit.inference.golden.golden_file import GOLDEN_SETTINGS, Golden, load_golden, save_golden
from perfkit.inference.golden.golden_page import make_golden_page
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.pack import load_pack
from perfkit.page import write_page

DEFAULT_RUNTIME = RuntimeSettings()
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Check:
    """A golden held against a render of today.

    Attributes:
        approved: The golden as it was recorded.
        found: The same with today's evidence.
        comparison: What was found.
    """

    approved: Golden
    found: Golden
    comparison: Comparison


def record_golden(
    source: Path,
    character: str,
    folder: Path,
    settings: RenderSettings = GOLDEN_SETTINGS,
    runtime: RuntimeSettings = DEFAULT_RUNTIME,
) -> Golden:
    """Render a take and write down what the render was, as the approved one.

    Args:
        source: A video, or a .perf captured from one (`runtime.take` then names the take).
        character: A sample's name, or a pack's folder.
        folder: The golden's folder, which must not exist yet.
        settings: What changes pixels; precision "auto" becomes that of `GOLDEN_SETTINGS`.
        runtime: What does not.

    Raises:
        PerfkitError: What cannot be read, tracked, drawn or written, in one line.
    """
    if settings.precision == "auto":
        settings = replace(settings, precision=GOLDEN_SETTINGS.precision)
    if folder.exists() and any(folder.iterdir()):
        raise MediaError(
            f"{folder}: exists already; to approve a new render of it: perfkit golden check {folder} --update"
        )
    check_parent(folder)
    evidence = gather_evidence(source, load_pack(character), settings, runtime)
    golden = Golden(folder, source, runtime.take, character, settings, evidence)
    save_golden(golden)
    return golden


def check_golden(
    folder: Path, runtime: RuntimeSettings = DEFAULT_RUNTIME, *, tolerance: Tolerance = DEFAULT_TOLERANCE
) -> Check:
    """Render a golden take again and compare.

    Raises:
        PerfkitError: The golden, its take or its character cannot be read or rendered, in one line.
    """
    approved = load_golden(folder)
    if not approved.source.is_file():
        raise MediaError(
            f"{approved.source}: no such file, golden {approved.name} was recorded from it; put the take there, or "
            "record the golden anew"
        )
    runtime = replace(runtime, take=approved.take)
    evidence = gather_evidence(approved.source, load_pack(approved.character), approved.settings, runtime)
    comparison = compare(approved.name, approved.evidence, evidence, tolerance=tolerance)
    return Check(approved, replace(approved, evidence=evidence), comparison)


def approve(check: Check) -> None:
    """Put today's render in the place of the approved one.

    Raises:
        MediaError: The disk refuses.
    """
    save_golden(check.found, replaces=True)


def write_report(check: Check, folder: Path) -> Path:
    """Write a check's page, FOLDER/NAME.html; the folder is made if its own folder is there.

    Raises:
        MediaError: It cannot be written.
    """
    make_folder(folder)
    path = folder / f"{check.comparison.name}.html"
    write_page(make_golden_page(check.comparison, check.approved.evidence, check.found.evidence), path)
    return path
