"""Verbs that draw: control (what the engine is shown), render (the finished video)."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from perfkit.cli.console import tell_how_to_go_on
from perfkit.cli.options import (
    Alpha,
    Background,
    Calibration,
    Character,
    Expressiveness,
    Gain,
    Hdr,
    Mute,
    Precision,
    Preset,
    Seed,
    Source,
    Steps,
    make_settings,
    read_retarget,
)
from perfkit.cli.progress import progress_bars
from perfkit.errors import SettingsError

Output = Annotated[Path, typer.Option("--output", "-o", help="File to write; its suffix chooses the format.")]


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
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.pack import load_pack

    pack = load_pack(character)
    settings = make_settings(
        {"calibration": calibration, "retarget": read_retarget(gain=gain, mute=mute, expressiveness=expressiveness)}
    )
    with progress_bars("capture", "control") as (on_capture, on_progress):
        runtime = RuntimeSettings(on_capture=on_capture, on_progress=on_progress)
        path = draw_control_video(source, pack, output, settings, runtime, style=style)
    print(path)


def render(
    source: Source,
    character: Character,
    output: Output,
    take: Annotated[Path | None, typer.Option(help="The take of a .perf, for its sound and pictures.")] = None,
    background: Background = None,
    alpha: Alpha = False,
    preset: Preset = None,
    hdr: Hdr = None,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Put the take at the left.")] = False,
    steps: Steps = None,
    precision: Precision = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WEIGHT", help="One more LoRA: a pack's or a file's, and its strength."),
    ] = None,
    seed: Seed = None,
    gain: Gain = None,
    mute: Mute = None,
    expressiveness: Expressiveness = None,
    calibration: Calibration = None,
    sheet: Annotated[Path | None, typer.Option(help="Also write a contact sheet (PNG).")] = None,
) -> None:
    """Render the performance of a take as a character."""
    from perfkit.inference.render import render_take
    from perfkit.inference.settings import RuntimeSettings
    from perfkit.pack import load_pack
    from perfkit.track import is_perf

    if take is not None and not is_perf(source):
        raise SettingsError(f"--take {take}: only a .perf needs its take named, {source} is one; leave --take out")
    settings = make_settings(
        {
            "background": background,
            "alpha": alpha,
            "preset": preset,
            "hdr": hdr,
            "side_by_side": side_by_side,
            "steps": steps,
            "precision": precision,
            "loras": tuple(_parse_lora(text) for text in lora) if lora else None,
            "seed": seed,
            "retarget": read_retarget(gain=gain, mute=mute, expressiveness=expressiveness),
            "calibration": calibration,
        }
    )
    with tell_how_to_go_on(output), progress_bars("capture", "render") as (on_capture, on_progress):
        runtime = RuntimeSettings(take=take, contact_sheet=sheet, on_capture=on_capture, on_progress=on_progress)
        path = render_take(source, load_pack(character), output, settings, runtime)
    print(path)


def _parse_lora(text: str) -> tuple[str, float]:
    name, _, weight = text.rpartition("=")
    with contextlib.suppress(ValueError):
        if name:
            return name, float(weight)
    raise SettingsError(f"--lora {text}: expected NAME=WEIGHT, as style=0.6; name a pack or a .safetensors file")
