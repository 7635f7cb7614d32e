"""The verb for many takes: batch."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli.console import make_console
from perfkit.cli.options import (
    Alpha,
    Background,
    Calibration,
    Expressiveness,
    Gain,
    Hdr,
    Mute,
    Precision,
    Preset,
    Seed,
    Steps,
    make_settings,
    read_retarget,
)
from perfkit.cli.progress import OnProgress, progress_bars
from perfkit.errors import SettingsError
from perfkit.files import is_file, is_folder, make_folder

if TYPE_CHECKING:
    from perfkit.inference.batch import BatchOptions, PlannedShot, Shot, ShotJob


def batch(
    source: Annotated[Path, typer.Argument(metavar="FOLDER|LIST", help="Folder of takes, or a .csv or .toml list.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the shots, their ledger and report.")],
    character: Annotated[str | None, typer.Option("--character", "-c", help="For every take that names none.")] = None,
    suffix: Annotated[
        str | None, typer.Option(help="Format of the shots: .mp4, .mov, .webm or .mkv; as the preset says, or .mp4.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side; they share the cores.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be made and why; make nothing.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with what is dropped into the folder, until Ctrl-C.")
    ] = False,
    ray: Annotated[
        bool, typer.Option("--ray", help="Make them on Ray, segment by segment: a cluster of its own.")
    ] = False,
    ray_address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The same on a cluster that runs.")] = None,
    background: Background = None,
    alpha: Alpha = False,
    preset: Preset = None,
    hdr: Hdr = None,
    steps: Steps = None,
    precision: Precision = None,
    seed: Seed = None,
    gain: Gain = None,
    mute: Mute = None,
    expressiveness: Expressiveness = None,
    calibration: Calibration = None,
) -> None:
    """Render every take of a folder or a list; run again, it makes what is missing or changed. Exit 1: some failed."""
    from perfkit.inference.batch import BatchOptions, Ledger, find_jobs, iterate_arrivals, plan_batch, read_job_list
    from perfkit.inference.batch.ledger import LEDGER_NAME

    settings = make_settings(
        {
            "background": background,
            "alpha": alpha,
            "preset": preset,
            "hdr": hdr,
            "steps": steps,
            "precision": precision,
            "seed": seed,
            "retarget": read_retarget(gain=gain, mute=mute, expressiveness=expressiveness),
            "calibration": calibration,
        }
    )
    chosen = _settle_suffix(suffix, preset=preset, alpha=alpha)
    if watch and not is_folder(source):
        raise SettingsError(f"--watch: {source} is no folder; give the folder that takes are dropped into")
    if is_folder(source) and character is None:
        raise SettingsError(f"{source}: a folder names no characters; name one with --character")

    def find() -> "list[ShotJob]":
        if character is not None and is_folder(source):
            return find_jobs(source, output, character, settings, suffix=chosen, may_be_empty=watch)
        return read_job_list(source, output, character, settings, suffix=chosen)

    jobs = find()
    if dry_run:
        _print_plan(plan_batch(jobs, output, Ledger(output) if is_file(output / LEDGER_NAME) else None))
        return
    make_folder(output)
    options = BatchOptions(num_workers=workers, ray_address=ray_address or ("local" if ray else None))
    _make_all(iterate_arrivals(find) if watch else [jobs], output, options, is_watch=watch)


def _make_all(
    arrivals: "Iterable[Sequence[ShotJob]]", output: Path, options: "BatchOptions", *, is_watch: bool
) -> None:
    """Make what comes and print the report's path; exit 1 if a shot failed. Ctrl-C is how a watch ends."""
    from perfkit.inference.batch import Ledger, Shot, plan_batch, run_batch, write_batch_report
    from perfkit.inference.batch.ledger import DONE, FAILED
    from perfkit.timeline import write_timeline_of

    ledger, shots = Ledger(output), dict[str, Shot]()
    try:
        for jobs in arrivals:
            planned = plan_batch(jobs, output, ledger)
            _print_plan(planned)
            with progress_bars("batch", unit="shots") as (on_progress,):
                on_shot = partial(_show_progress, on_progress)
                made = run_batch(planned, output, ledger, replace(options, on_progress=on_shot))
            _print_shots(made)
            shots |= {shot.out: shot for shot in made}
            write_batch_report(list(shots.values()), output)
    except KeyboardInterrupt:
        print("perfkit: interrupted; the same command goes on from there", file=sys.stderr)
        if not is_watch:
            raise
    if shots:
        write_timeline_of(output, [output / shot.out for shot in shots.values() if shot.state == DONE])
        print(write_batch_report(list(shots.values()), output))
    if any(shot.state == FAILED for shot in shots.values()):
        raise typer.Exit(1)


def _show_progress(on_progress: OnProgress, done: int, total: int, shot: "Shot") -> None:
    on_progress(done, total)


def _settle_suffix(suffix: str | None, *, preset: str | None, alpha: bool) -> str:
    from perfkit.video_formats import FORMATS, PRESETS, usual_suffix

    formats = FORMATS if preset is None else PRESETS[preset]
    known = [name for name, file_format in formats.items() if name and (file_format.has_alpha or not alpha)]
    chosen = usual_suffix(preset) if suffix is None else suffix
    if chosen not in known:
        what = chosen or "(a folder of pictures for every shot)"
        raise SettingsError(f"--suffix {what}: expected one of {', '.join(known)}; give one of these")
    return chosen


def _print_plan(planned: "Sequence[PlannedShot]") -> None:
    rows = [(shot.out, "make" if shot.is_due else "skip", shot.why) for shot in planned]
    _print_table(("shot", "", "why"), rows)


def _print_shots(shots: "Sequence[Shot]") -> None:
    rows = [(shot.out, shot.state, f"{shot.num_frames}", f"{shot.seconds:.1f}", shot.reason) for shot in shots]
    _print_table(("shot", "", "frames", "seconds", "remarks"), rows)


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table(*header, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*row)
    make_console().print(table)
