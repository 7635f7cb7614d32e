"""Verbs that read a performer: capture, calibrate."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.progress import progress_bars

Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]


def capture(
    take: Annotated[Path, typer.Argument(metavar="TAKE", help="Video of the performer.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write [TAKE's name .perf].")] = None,
) -> None:
    """Track a performer: face, head, body and hands of every frame of TAKE go into one .perf file."""
    from perfkit.capture import capture_take
    from perfkit.files import check_result
    from perfkit.track import PERF_SUFFIX, save_track

    path = output or Path(take.name).with_suffix(PERF_SUFFIX)
    check_result(path, take)
    with progress_bars("capture") as (on_progress,):
        track = capture_take(take, on_progress=on_progress)
    save_track(track, path)
    print(path)


def calibrate(
    source: Annotated[
        Path, typer.Argument(metavar="TAKE|PERF", help="Video of the performer, or a .perf captured from one.")
    ],
    output: Output,
) -> None:
    """Find a performer's neutral face, to be reused for their other takes."""
    from perfkit.calibrate import fit_calibration, save_calibration
    from perfkit.capture import capture_take
    from perfkit.files import check_result
    from perfkit.track import is_perf, load_track

    check_result(output, source)
    if is_perf(source):
        track = load_track(source)
    else:
        with progress_bars("capture") as (on_progress,):
            track = capture_take(source, on_progress=on_progress)
    save_calibration(fit_calibration(track), output)
    print(output)
