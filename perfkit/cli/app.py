"""The table of verbs. Each verb parses, calls one library function, and prints the path of what it wrote."""

from typing import Annotated

import typer

from perfkit import __version__
from perfkit.cli import capture, character, demo, doctor, render

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


app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("capture")(capture.capture)
app.command("calibrate")(capture.calibrate)
app.command("control")(render.control)
app.command("render")(render.render)
app.add_typer(character.app, name="character")
