"""Verbs that measure: inspect (a take, before any render), score (a result, after it)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli.console import make_console
from perfkit.cli.progress import progress_bars
from perfkit.files import make_folder

if TYPE_CHECKING:
    from perfkit.inspection import Finding
    from perfkit.score import Figure

Folder = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for the results [NAME-score, NAME-inspection].")
]


def score(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A rendered video, its OUT.json beside it.")],
    take: Annotated[Path, typer.Option(help="The take that it was rendered from.")],
    truth: Annotated[Path | None, typer.Option(help="The exact drawing of the same performance, a video.")] = None,
    output: Folder = None,
    perf: Annotated[Path | None, typer.Option(help="The take's .perf, to save the capture.")] = None,
    character: Annotated[str | None, typer.Option("--character", "-c", help="A pack's folder [as OUT.json].")] = None,
    calibration: Annotated[Path | None, typer.Option(help="The neutral face that the render used.")] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Frames of a window [as OUT.json].")] = None,
) -> None:
    """Measure how well a result acts as its take does, holds together in time, and stays itself."""
    from perfkit.inference.job import read_performance
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.score import ScoreRequest, save_score, score_video
    from perfkit.training.landmark_net import LandmarkNet
    from perfkit.video import open_take

    folder = make_folder(output or Path(f"{out.stem}-score"))
    open_take(out)
    reader = LandmarkNet.load()
    with progress_bars("capture", "score") as (on_capture, on_progress):
        runtime = RuntimeSettings(take=take if perf else None, on_capture=on_capture)
        performance = read_performance(perf or take, runtime)
        request = ScoreRequest(
            out=out,
            take=performance.take or open_take(take),
            track=performance.track,
            truth=truth,
            character=character,
            calibration=calibration,
            window_frames=window,
        )
        result = score_video(request, reader, on_progress=on_progress)
    _print_figures(result.figures)
    print(save_score(result, folder))


def _print_figures(figures: "tuple[Figure, ...]") -> None:
    """Print the table of figures on stderr: stdout is for the path."""
    from rich.table import Table

    from perfkit.score.score_page import format_bar, format_figure

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "measure", "figure", "bar", ""):
        table.add_column(name, justify="right" if name == "figure" else "left", no_wrap=name in ("measure", "figure"))
    table.add_column("read it beside", style="dim")
    group = ""
    for figure in figures:
        word = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.passes]
        shown = figure.group if figure.group != group else ""
        group = figure.group
        table.add_row(shown, figure.name, format_figure(figure), format_bar(figure), word, figure.beside)
    make_console().print(table)


def inspect(
    source: Annotated[
        Path, typer.Argument(metavar="TAKE|PERF", help="Video of the performer, or a .perf captured from one.")
    ],
    output: Folder = None,
    take: Annotated[Path | None, typer.Option(help="The take of a .perf, for its pictures and sound.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when something is to be reshot.")] = False,
) -> None:
    """Look at a take before any render: what will go wrong, when, and what to reshoot."""
    from perfkit.errors import SettingsError
    from perfkit.inference.job import read_performance
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.inspection import Severity, inspect_performance, save_inspection
    from perfkit.track import is_perf, load_track

    if take is not None and not is_perf(source):
        raise SettingsError(f"--take {take}: only a .perf needs its take named, {source} is one; leave --take out")
    folder = make_folder(output or Path(f"{source.stem}-inspection"))
    with progress_bars("capture", "inspect") as (on_capture, on_progress):
        if is_perf(source) and take is None:
            track, opened = load_track(source), None
        else:
            performance = read_performance(source, RuntimeSettings(take=take, on_capture=on_capture))
            track, opened = performance.track, performance.take
        inspection = inspect_performance(track, opened, source=source.name, on_progress=on_progress)
    _print_findings(inspection.verdict, inspection.findings)
    print(save_inspection(inspection, folder))
    if strict and inspection.severity is Severity.RESHOOT:
        raise typer.Exit(1)


def _print_findings(verdict: str, findings: "tuple[Finding, ...]") -> None:
    """Print verdict and findings on stderr: stdout is for the path."""
    from rich.padding import Padding

    from perfkit.inspection import Severity

    console = make_console()
    console.print(verdict, style="bold")
    marks = {Severity.RESHOOT: "[red]reshoot[/]", Severity.CARE: "[yellow]care[/]   ", Severity.FINE: "       "}
    for finding in findings:
        console.print(f"{marks[finding.severity]} {finding.text}", soft_wrap=True)
        if finding.advice:
            console.print(Padding(finding.advice, (0, 0, 0, 8)), style="dim")
