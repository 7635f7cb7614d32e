"""Options that several verbs have, and the settings that they become."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfkit.errors import SettingsError

if TYPE_CHECKING:
    from perfkit.inference.settings import RenderSettings
    from perfkit.retarget import RetargetSettings

Source = Annotated[
    Path, typer.Argument(metavar="TAKE|PERF", help="Video of the performer, or a .perf captured from one.")
]
Character = Annotated[str, typer.Option("--character", "-c", help="A sample character's name, or a pack's folder.")]
Background = Annotated[str | None, typer.Option(help="Colour, image, video, or `take`.")]
Alpha = Annotated[bool, typer.Option("--alpha", help="Keep transparency (not in .mp4).")]
Preset = Annotated[
    str | None,
    typer.Option(metavar="web|edit|comp|archive", help="What the file is for; chooses its contents."),
]
Hdr = Annotated[
    str | None, typer.Option(metavar="map|pass", help="Where an HDR take is shown: in SDR, or as it is [map].")
]
Steps = Annotated[int | None, typer.Option(help="Network evaluations a frame.")]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="auto|f32|bf16",
        help="Arithmetic of the networks; auto: bf16 where the processor has it [auto].",
    ),
]
Seed = Annotated[int | None, typer.Option(help="Key of all noise.")]
Gain = Annotated[
    str | None, typer.Option(metavar="REGION=X,...", help="Follow mouth, brows, eyes, gaze or head more or less.")
]
Mute = Annotated[str | None, typer.Option(metavar="REGION,...", help="Do not follow these regions at all.")]
Expressiveness = Annotated[float | None, typer.Option(metavar="X", help="More or less of all expression [1].")]
Calibration = Annotated[Path | None, typer.Option(help="Neutral face saved by `perfkit calibrate`.")]


def make_settings(given: Mapping[str, object]) -> "RenderSettings":
    """Return render settings from options; those that are None, or a flag that is not set, stay as usual.

    Raises:
        SettingsError: A value outside its range.
    """
    from perfkit.inference.settings import RenderSettings

    return RenderSettings(**{name: value for name, value in given.items() if value is not None and value is not False})  # type: ignore[arg-type]


def read_retarget(
    *, gain: str | None = None, mute: str | None = None, expressiveness: float | None = None
) -> "RetargetSettings | None":
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
