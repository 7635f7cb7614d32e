"""The table of verbs. Each verb parses, calls one library function, and prints the path of what it wrote."""

from typing import Annotated

import typer

from perfkit import __version__
from perfkit.cli import batch, capture, character, demo, doctor, export, golden, live, measure, render

app = typer.Typer(
    name="perfkit",
    help="Turns an actor's footage into a stylized character's performance.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"perfkit {__version__}")
        raise typer.Exit


@app.callback()
def read_global_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Turns an actor's footage into a stylized character's performance."""


app.command("doctor", short_help="Report what is there and what is missing.")(doctor.doctor)
app.command("demo", short_help="Render the sample take.")(demo.demo)
app.command("capture", short_help="Track a performer: TAKE to .perf.")(capture.capture)
app.command("inspect", short_help="Look at a take before any render.")(measure.inspect)
app.command("calibrate", short_help="Save a performer's neutral face.")(capture.calibrate)
app.command("control", short_help="Draw what an engine is shown.")(render.control)
app.command("render", short_help="Render a performance as a character.")(render.render)
app.command("batch", short_help="Render folders of takes.")(batch.batch)
app.command("live", short_help="Play a character from a camera.")(live.live)
app.command("score", short_help="Measure a result against its take.")(measure.score)
app.command("export", short_help="Hand a performance to other programs.")(export.export)
app.add_typer(golden.app, name="golden")
app.add_typer(character.app, name="character")
