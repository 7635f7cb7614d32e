"""Verbs that draw: control (what the engine is shown), render (the finished video)."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.cli.progress import progress_bars
from perfkit.errors import SettingsError

if TYPE_CHECKING:
    from perfkit.retarget import RetargetSettings

Source = Annotated[
    Path, typer.Argument(metavar="TAKE|PERF", help="Video of the performer, or a .perf captured from one.")
]
Character = Annotated[str, typer.Option("--character", "-c", help="A sample character's name, or a pack's folder.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write; its suffix chooses the format.")]
Gain = Annotated[
    str | None, typer.Option(metavar="REGION=X,...", help="Follow mouth, brows, eyes, gaze or head more or less.")
]
Mute = Annotated[str | None, typer.Option(metavar="REGION,...", help="Do not follow these regions at all.")]
Expressiveness = Annotated[float | None, typer.Option(metavar="X", help="More or less of all expression [1].")]
Calibration = Annotated[Path | None, typer.Option(help="Neutral face saved by `perfkit calibrate`.")]


def control(
    source: Source,
    character: Character,
    output: Output,
    style: Annotated[str, typer.Option(help="nano, mediapipe_face or openpose.")] = "nano",
    gain: Gain = None,
    mute: Mute = None,
    expressiveness: Expressiveness = None,
    calibration: Calibration = None,
) -> None:
    """Draw the control pictures that an engine would be shown, as a video."""
    from perfkit.inference.render import draw_control_video
    from perfkit.inference.settings import RenderSettings, RuntimeSettings
    from perfkit.pack import load_pack

    pack = load_pack(character)
    settings = RenderSettings(calibration=calibration, retarget=read_retarget(gain, mute, expressiveness))
    with progress_bars("capture", "control") as (on_capture, on_progress):
        runtime = RuntimeSettings(on_capture=on_capture, on_progress=on_progress)
        path = draw_control_video(source, pack, output, settings, runtime, style=style)
    print(path)


def render(
    source: Source,
    character: Character,
    output: Output,
    take: Annotated[Path | None, typer.Option(help="The take of a .perf, for its sound and pictures.")] = None,
    background: Annotated[str | None, typer.Option(help="Colour, image, video, or `take`.")] = None,
    alpha: Annotated[bool, typer.Option("--alpha", help="Keep transparency (.mov, .webm or a PNG folder).")] = False,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put the take at the left.")] = False,
    steps: Annotated[int | None, typer.Option(help="Network evaluations a frame.")] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WEIGHT", help="One more LoRA: a pack's or a file's, and its strength."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Key of all noise.")] = None,
    gain: Gain = None,
    mute: Mute = None,
    expressiveness: Expressiveness = None,
    calibration: Calibration = None,
    sheet: Annotated[Path | None, typer.Option(help="Also write a contact sheet (PNG).")] = None,
) -> None:
    """Render the performance of a take as a character."""
    from perfkit.inference.render import render_take
    from perfkit.inference.settings import RenderSettings, RuntimeSettings
    from perfkit.pack import load_pack
    from perfkit.track import is_perf

    if take is not None and not is_perf(source):
        raise SettingsError(f"--take {take}: only a .perf needs its take named, {source} is one; leave --take out")
    given = {
        "background": background,
        "alpha": alpha or None,
        "side_by_side": side_by_side or None,
        "steps": steps,
        "loras": tuple(_parse_lora(text) for text in lora) if lora else None,
        "seed": seed,
        "retarget": read_retarget(gain, mute, expressiveness),
        "calibration": calibration,
    }
    settings = RenderSettings(**{name: value for name, value in given.items() if value is not None})
    with progress_bars("capture", "render") as (on_capture, on_progress):
        runtime = RuntimeSettings(take=take, contact_sheet=sheet, on_capture=on_capture, on_progress=on_progress)
        path = render_take(source, load_pack(character), output, settings, runtime)
    print(path)


def read_retarget(gain: str | None, mute: str | None, expressiveness: float | None) -> "RetargetSettings | None":
    """Return what the three options ask of the retarget; None: nothing.

    Raises:
        SettingsError: An unknown region, one named twice, or no number.
    """
    from perfkit.retarget import RetargetSettings, gain_field

    given = [("--gain", *part.partition("=")[::2]) for part in gain.split(",")] if gain else []
    given += [("--mute", region, "0") for region in mute.split(",")] if mute else []
    values: dict[str, float] = {} if expressiveness is None else {"expressiveness": expressiveness}
    for option, region, text in given:
        field = gain_field(_check_region(option, region.strip()))
        if field in values:
            raise SettingsError(f"{option} {region.strip()}: this region is named twice; name it once")
        try:
            values[field] = float(text)
        except ValueError:
            raise SettingsError(f"--gain {region}={text}: expected REGION=NUMBER, as mouth=1.2,brows=0.8") from None
    return RetargetSettings(**values) if values else None  # type: ignore[arg-type]


def _check_region(option: str, region: str) -> str:
    from perfkit.gains import REGIONS

    if region not in REGIONS:
        raise SettingsError(f"{option} {region}: no such region; give one of {', '.join(REGIONS)}")
    return region


def _parse_lora(text: str) -> tuple[str, float]:
    name, _, weight = text.rpartition("=")
    with contextlib.suppress(ValueError):
        if name:
            return name, float(weight)
    raise SettingsError(f"--lora {text}: expected NAME=WEIGHT, as style=0.6; name a pack or a .safetensors file")
