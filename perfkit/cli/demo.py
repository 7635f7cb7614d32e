"""`perfkit demo`: the whole product on the sample take."""

from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.console import tell_how_to_go_on
from perfkit.cli.progress import progress_bars
from perfkit.errors import MediaError, PackError

TAKES_FOLDER = Path(__file__).parent.parent.parent / "samples" / "takes"
TAKE = "WolfgangLanger_Pexels.mp4"


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("out"),
    character: Annotated[str | None, typer.Option("--character", "-c", help="A character [the first sample].")] = None,
) -> None:
    """Render the sample take as a sample character; print the paths of the video and of a contact sheet."""
    from perfkit.inference.render import render_take
    from perfkit.inference.settings import RenderSettings, RuntimeSettings
    from perfkit.pack import load_pack

    pack = load_pack(character or first_character())
    output.mkdir(parents=True, exist_ok=True)
    sheet = output / f"demo-{pack.name}.png"
    path = output / f"demo-{pack.name}.mp4"
    with tell_how_to_go_on(path), progress_bars("capture", "render") as (on_capture, on_progress):
        runtime = RuntimeSettings(contact_sheet=sheet, on_capture=on_capture, on_progress=on_progress)
        settings = RenderSettings(side_by_side=True)
        video = render_take(find_take(), pack, path, settings, runtime)
    print(video)
    print(sheet)


def find_take() -> Path:
    """Return the sample take's path.

    Raises:
        MediaError: It was not fetched, or this is not a checkout.
    """
    path = TAKES_FOLDER / TAKE
    if not path.is_file():
        raise MediaError(
            f"{path}: the sample take is not there; in a checkout run `python scripts/fetch_take.py`, elsewhere "
            "`perfkit render` a take of your own"
        )
    return path


def first_character() -> str:
    """Return the name of the first sample character.

    Raises:
        PackError: There is none.
    """
    from perfkit.pack import list_character_names

    names = list_character_names()
    if not names:
        raise PackError("no sample character is installed; give a pack's folder with --character")
    return names[0]
