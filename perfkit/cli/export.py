"""Verb that hands a performance to other programs: export."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.progress import progress_bars


def _parse_rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise typer.BadParameter(f"{text!r} is no rate; expected such as 30, 29.97 or 30000/1001") from error


def export(
    source: Annotated[Path, typer.Argument(metavar="PERF", help="Performance captured by `perfkit capture`.")],
    to: Annotated[str, typer.Option("--to", help="livelink-csv, bvh, usd, openpose-json or vmc.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; a folder for openpose-json; not for vmc.")
    ] = None,
    rate: Annotated[
        Fraction | None,
        typer.Option(parser=_parse_rate, metavar="FPS", help="Resample to this rate (livelink-csv, bvh)."),
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="Neutral face saved by `perfkit calibrate`.")] = None,
    host: Annotated[str | None, typer.Option(help="Whom vmc streams to [127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Where they listen [39539].")] = None,
) -> None:
    """Write a performance as another program's file, or stream it to one in real time (vmc)."""
    from perfkit.calibrate import load_calibration
    from perfkit.export import ExportRequest, make_exporter
    from perfkit.track import load_track

    exporter = make_exporter(to)
    track = load_track(source)
    neutral = None if calibration is None else load_calibration(calibration)
    with progress_bars("stream") as (on_progress,):
        request = ExportRequest(output, neutral, rate, host, port, on_progress)
        result = exporter(track, request)
    for note in result.notes:
        print(note, file=sys.stderr)
    print(result.target)
