"""What a performer changes while they perform: sent by the page as JSON, checked here, replaced as a whole.

In: a table with some of the names. Out: `LiveControls`, frozen: a thread that reads it sees one state.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from perfkit.captions import HARDNESSES, LIGHT_SIDES
from perfkit.errors import SettingsError
from perfkit.gains import MAX_GAIN, REGIONS
from perfkit.inference.live.quality import QUALITIES
from perfkit.retarget import RetargetSettings, gain_field

OWN_LIGHT = "own"
LIGHTS = (OWN_LIGHT, *(f"{hardness} {side}" for side in LIGHT_SIDES for hardness in HARDNESSES))
HOLDS = ("off", "freeze", "neutral")
_NUMBERS = {
    "expressiveness": (0.0, MAX_GAIN),
    "smoothing": (0.0, MAX_GAIN),
    "position_gain": (0.0, MAX_GAIN),
    "size_gain": (0.0, MAX_GAIN),
    **{gain_field(region): (0.0, MAX_GAIN) for region in REGIONS},
}


@dataclass(frozen=True)
class LiveControls:
    """The state of the page's controls.

    Attributes:
        character: A sample character's name, or a pack's folder.
        background: "#rrggbb", a colour's name, or "take" for the camera's own picture.
        light: "own" (as the pack's art), or hardness and side.
        quality: "auto", or a name of `quality.LEVELS`.
        hold: "off", "freeze" (the picture stands still) or "neutral" (ease to the rest pose).
        with_landmarks: Whether the page is told where the tracker sees the face.
        head_from, expressiveness, smoothing, ..._gain: As `RetargetSettings`.
    """

    character: str
    background: str = "#dfe6ea"
    light: str = OWN_LIGHT
    quality: str = "auto"
    hold: str = "off"
    with_landmarks: bool = False
    head_from: str = "neutral"
    expressiveness: float = 1.0
    smoothing: float = 1.0
    position_gain: float = 0.8
    size_gain: float = 0.7
    mouth_gain: float = 1.0
    brows_gain: float = 1.0
    eyes_gain: float = 1.0
    gaze_gain: float = 1.0
    head_gain: float = 1.0

    def retarget(self, canvas_wh: tuple[int, int]) -> RetargetSettings:
        """Return what they ask of the retarget."""
        values = {name: getattr(self, name) for name in _NUMBERS}
        return RetargetSettings(canvas_wh=canvas_wh, head_from=self.head_from, **values)


def change_controls(controls: LiveControls, table: Mapping[str, Any], *, characters: frozenset[str]) -> LiveControls:
    """Return controls with the values of `table`.

    Args:
        controls: As they are.
        table: Name -> value, as the page sends it.
        characters: What `character` may be: a page names no folders.

    Raises:
        SettingsError: An unknown name, or a value that is not among those it may have.
    """
    if unknown := sorted(set(table) - {each.name for each in fields(LiveControls)}):
        raise SettingsError(f"control {unknown[0][:40]!r}: no such control; reload the page")
    choices = {
        "character": characters,
        "light": LIGHTS,
        "quality": QUALITIES,
        "hold": HOLDS,
        "head_from": ("camera", "neutral"),
        "with_landmarks": (True, False),
    }
    for name, value in table.items():
        if name in _NUMBERS:
            _check_number(name, value)
        elif name == "background":
            _check_background(value)
        elif not isinstance(value, str | bool) or value not in choices[name]:
            raise SettingsError(
                f"control {name}: got {str(value)[:40]!r}, expected {', '.join(map(str, choices[name]))}"
            )
    return replace(controls, **table)


def _check_number(name: str, value: object) -> None:
    low, high = _NUMBERS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= float(value) <= high:  # type: ignore[arg-type]
        raise SettingsError(f"control {name}: got {str(value)[:40]!r}, expected a number from {low:g} to {high:g}")


def _check_background(value: object) -> None:
    is_colour = isinstance(value, str) and len(value) == 7 and value[0] == "#"
    if value != "take" and not (is_colour and all(digit in "0123456789abcdefABCDEF" for digit in str(value)[1:])):
        raise SettingsError(f"control background: got {str(value)[:40]!r}, expected #rrggbb or take")
