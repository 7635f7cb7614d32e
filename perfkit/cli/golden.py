"""Verbs that guard approved takes: golden record, golden check."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.options import (
    Alpha,
    Background,
    Calibration,
    Character,
    Expressiveness,
    Gain,
    Mute,
    Seed,
    Source,
    Steps,
    make_settings,
    read_retarget,
)
from perfkit.cli.progress import progress_bars

app = typer.Typer(
    help="Pin approved takes, frame by frame.",
    short_help="Pin approved takes, frame by frame.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("record", short_help="Write down an approved render.")
def record(
    source: Source,
    character: Character,
    output: Annotated[Path, typer.Option("--output", "-o", help="The golden's folder, as goldens/NAME.")],
    take: Annotated[Path | None, typer.Option(help="The take of a .perf, for its sound and pictures.")] = None,
    background: Background = None,
    alpha: Alpha = False,
    steps: Steps = None,
    precision: Annotated[
        str | None, typer.Option(metavar="f32|bf16", help="Arithmetic of the networks; every processor has f32 [f32].")
    ] = None,
    seed: Seed = None,
    gain: Gain = None,
    mute: Mute = None,
    expressiveness: Expressiveness = None,
    calibration: Calibration = None,
) -> None:
    """Render a take and write down what the render was: control frames, latents, pixels, times, sound, versions."""
    from perfkit.inference.golden.checking import record_golden
    from perfkit.inference.settings import RuntimeSettings

    settings = make_settings(
        {
            "background": background,
            "alpha": alpha,
            "steps": steps,
            "precision": precision,
            "seed": seed,
            "retarget": read_retarget(gain=gain, mute=mute, expressiveness=expressiveness),
            "calibration": calibration,
        }
    )
    with progress_bars("capture", "render") as (on_capture, on_progress):
        runtime = RuntimeSettings(take=take, on_capture=on_capture, on_progress=on_progress)
        golden = record_golden(source, character, output, settings, runtime)
    print(golden.folder)


@app.command("check", short_help="Render golden takes again and compare.")
def check(
    folder: Annotated[Path, typer.Argument(metavar="GOLDENS", help="A folder of goldens, or one golden.")],
    update: Annotated[bool, typer.Option("--update", help="Approve the renders that differ.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for a report of every take.")] = Path(
        "golden-report"
    ),
) -> None:
    """Render golden takes again and compare, tier by tier; exit 1 if one is not as approved."""
    from perfkit.inference.golden.checking import approve, check_golden, write_report
    from perfkit.inference.golden.golden_file import find_goldens
    from perfkit.inference.settings import RuntimeSettings

    num_broken = 0
    for path in find_goldens(folder):
        with progress_bars("capture", f"render {path.name}") as (on_capture, on_progress):
            result = check_golden(path, RuntimeSettings(on_capture=on_capture, on_progress=on_progress))
        typer.echo(str(result.comparison), err=True)
        print(write_report(result, output))
        if not result.comparison.passes and update:
            approve(result)
            typer.echo(f"  approved: {path}", err=True)
        elif not result.comparison.passes:
            num_broken += 1
    if num_broken:
        raise typer.Exit(1)
