"""How an inspection is shown: the timeline (PNG) and the page (HTML), with the same rows.

In: an Inspection. Out: (H, W, 3) uint8, a `Page`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perfkit.charts import AMBER, BLUE, FAINT, GREEN, INK, RED, VIOLET, Chart, Lane, Line, Mark
from perfkit.inspection.sound_levels import SILENCE_DB
from perfkit.inspection.timeline import Curve, draw_timeline
from perfkit.inspection.track_states import PROFILE_DEG
from perfkit.inspection.verdict import Severity, find_blurred, find_clipped, find_dark
from perfkit.page import Page
from perfkit.report import format_timecode

if TYPE_CHECKING:
    from perfkit.inspection.inspecting import Inspection

NO_PICTURES = "not known: a .perf holds no pictures (give --take)"
_MOST_UNREST = 5.0
"""Where the curve of unrest is cut off: beyond, it only tells how wildly the performer acts."""
_KINDS = {Severity.RESHOOT: "bad", Severity.CARE: "care", Severity.FINE: ""}
_WORDS = {Severity.RESHOOT: "Reshoot", Severity.CARE: "Take care", Severity.FINE: "Fine"}


def make_lanes(inspection: Inspection) -> list[Lane]:
    """Return the rows of states, the same for timeline and page."""
    states, pictures = inspection.states, inspection.pictures
    num_frames = len(inspection.track)
    nothing = np.zeros(num_frames, dtype=bool)
    lanes = [
        Lane("face found", states.is_found, GREEN),
        Lane("lost", ~states.is_found, RED),
        Lane("covered", states.is_occluded, AMBER),
        Lane("profile", states.is_profile, AMBER),
        Lane("too small", states.is_small, RED),
        Lane("cut off", states.is_cut, RED),
    ]
    if pictures is None:
        lanes += [Lane(label, nothing, note=NO_PICTURES) for label in ("blurred", "clipped", "too dark")]
    else:
        lanes += [
            Lane("blurred", find_blurred(pictures, states), AMBER),
            Lane("clipped", find_clipped(pictures), AMBER),
            Lane("too dark", find_dark(pictures), RED),
        ]
    if states.calibration_error:
        return [*lanes, Lane("blinks", nothing, note="not known: too few frames hold a face")]
    return [
        *lanes,
        Lane("blinks", _flag(states.blinks, num_frames), VIOLET),
        Lane("neutral", _flag(states.neutral_frames, num_frames), BLUE),
    ]


def draw_inspection(inspection: Inspection) -> np.ndarray:
    """Draw the timeline, (H, W, 3) uint8 RGB."""
    pictures, sound = inspection.pictures, inspection.sound
    nothing = np.full(len(inspection.track), np.nan)
    motion = nothing if pictures is None else pictures.change
    sound_note = NO_PICTURES.replace("pictures", "sound") if pictures is None else "the take has no sound"
    curves = [
        Curve("light, %", nothing if pictures is None else pictures.light / 2.55, (0.0, 100.0), AMBER,
              NO_PICTURES if pictures is None else ""),
        Curve("motion", motion, (0.0, 10.0), INK, NO_PICTURES if pictures is None else ""),
        Curve("yaw, degrees", inspection.states.angles[:, 0], (-45.0, 45.0), BLUE),
        Curve("sound, dB", nothing if sound is None else sound.level_db, (SILENCE_DB, 0.0), VIOLET,
              sound_note if sound is None else ""),
    ]  # fmt: skip
    return draw_timeline(
        inspection.track.times.seconds,
        make_lanes(inspection),
        curves,
        stills=() if pictures is None else pictures.stills,
        titles=(inspection.source, inspection.verdict),
    )


def make_inspection_page(inspection: Inspection) -> Page:
    """Lay out an inspection."""
    track, pictures = inspection.track, inspection.pictures
    seconds = track.times.seconds
    page = Page(inspection.source)
    page.add_text(inspection.verdict, kind=_KINDS[inspection.severity] or "good")
    width, height = track.size_wh
    length = format_timecode(float(seconds[-1] - seconds[0]))
    page.add_text(
        f"{len(track)} frames, {length}, {width}x{height} px, {float(track.times.rate_fps):.2f} frames/s.", kind="faint"
    )
    for severity in (Severity.RESHOOT, Severity.CARE, Severity.FINE):
        items = [finding for finding in inspection.findings if finding.severity is severity]
        if items:
            page.add_heading(_WORDS[severity], level=3)
            page.add_list([" ".join(part for part in (item.text, item.advice) if part) for item in items])
    page.add_heading("Timeline")
    if pictures is not None:
        page.add_pictures(pictures.stills, along_time=True)
    page.add_lanes(seconds, make_lanes(inspection))
    if pictures is not None and pictures.neutral_stills:
        page.add_heading("Proposed neutral frames")
        page.add_text("The calmest first. perfkit calibrate weighs all calm frames, not these alone.", kind="faint")
        page.add_pictures(pictures.neutral_stills)
    _add_curves(page, inspection)
    return page


def _add_curves(page: Page, inspection: Inspection) -> None:
    states, pictures, sound = inspection.states, inspection.pictures, inspection.sound
    seconds = inspection.track.times.seconds
    page.add_heading("Curves")
    blinks = Mark("blinks", seconds[states.blinks], VIOLET)
    if np.isfinite(states.opening).any():
        eyes = Line("", states.opening)
        page.add_chart(seconds, Chart("eyes", (eyes,), "open", "0 is shut, 1 as at rest.", (0.0, 1.0), (blinks,)))
        turn = tuple(
            Line(name, states.angles[:, column], colour)
            for column, (name, colour) in enumerate((("yaw", BLUE), ("pitch", AMBER), ("roll", FAINT)))
        )
        note = f"Beyond {PROFILE_DEG:.0f} degrees to a side the far half of the face is guessed."
        page.add_chart(seconds, Chart("head", turn, "degrees", note, (-30.0, 30.0)))
    unrest = Line("", np.minimum(states.unrest, _MOST_UNREST))
    note = "How far the face is from calm and neutral; under 1 it can serve as the neutral face."
    page.add_chart(seconds, Chart("unrest", (unrest,), "", note, (0.0, 2.0), height=96))
    if pictures is None:
        page.add_text(f"Light, sharpness, motion and sound are {NO_PICTURES}.", kind="faint")
        return
    light = Line("", pictures.light / 2.55)
    page.add_chart(seconds, Chart("light on the face", (light,), "%", limits=(0.0, 100.0), height=96))
    sharp = Line("", pictures.sharpness)
    page.add_chart(seconds, Chart("sharpness of the face", (sharp,), "", limits=(0.0, 0.4), height=96))
    motion = Line("", pictures.change)
    page.add_chart(seconds, Chart("motion in the picture", (motion,), "levels", limits=(0.0, 5.0), height=96))
    if sound is not None:
        level = Line("", sound.level_db, VIOLET)
        page.add_chart(seconds, Chart("sound", (level,), "dB", limits=(SILENCE_DB, 0.0), height=96))
    else:
        page.add_text("The take has no sound.", kind="faint")


def _flag(frames: np.ndarray, num_frames: int) -> np.ndarray:
    flags = np.zeros(num_frames, dtype=bool)
    flags[frames] = True
    return flags
