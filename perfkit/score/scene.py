"""What a score starts from, opened and checked: the result, its take, the performance, what the character was to do.

In: paths, a PerformanceTrack, what OUT.json says. Out: `Scene`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perfkit.calibrate import Calibration, fit_calibration, load_calibration
from perfkit.composite import COLOURS
from perfkit.errors import MediaError, SettingsError, TrackError
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, load_pack
from perfkit.provenance import Provenance, load_provenance
from perfkit.retarget import RetargetSettings, retarget, retarget_settings_from_table
from perfkit.take import Take
from perfkit.track import CharacterTrack, PerformanceTrack
from perfkit.video import open_take


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """What to score.

    Attributes:
        out: A render's video; its provenance lies beside it.
        take: The take that it was rendered from.
        track: What the performer did in that take.
        truth: The exact drawing of the same performance, frame for frame; None: there is none.
        character: A pack's folder, where it is not among the samples; None: the name that OUT.json gives.
        calibration: The performer's neutral face, where the render used one that is no longer where it was.
        window_frames: Frames of a window; None: as OUT.json says.
    """

    out: Path
    take: Take
    track: PerformanceTrack
    truth: Path | None = None
    character: str | Path | None = None
    calibration: Path | None = None
    window_frames: int | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """A result and all that it is measured against.

    Attributes:
        out: The result.
        take: The take.
        truth: The exact drawing, if there is one.
        track: What the performer did.
        asked: What the character was asked to do, px of the result's character.
        pack: The character.
        calibration: The performer at rest.
        settings: How the performance was given to the character.
        out_wh: Size of the character's picture in the result, px (without the take at its side).
        background_rgb: (3,) uint8, the plain colour behind the character; None: it is transparent or not plain.
        is_side_by_side: Whether the take stands at the left of the character.
        window_frames: Frames of a window; None: not known.
        notes: What limits the score, one line each.
    """

    out: Take
    take: Take
    truth: Take | None
    track: PerformanceTrack
    asked: CharacterTrack
    pack: CharacterPack
    calibration: Calibration
    settings: RetargetSettings
    out_wh: tuple[int, int]
    background_rgb: np.ndarray | None
    is_side_by_side: bool
    window_frames: int | None
    notes: tuple[str, ...]


def open_scene(request: ScoreRequest) -> Scene:
    """Open and check everything that a score needs.

    Raises:
        PerfkitError: OUT has no provenance, is no render of this take, or the character or calibration is absent.
    """
    out = open_take(request.out)
    provenance = load_provenance(request.out)
    _check_take(request, provenance)
    pack = load_pack(request.character or provenance.character)
    notes = []
    if provenance.digests.get("character") not in (None, pack.digest):
        notes.append(f"the pack {pack.name} has changed since this render (its digest differs)")
    settings = replace(_read_retarget(provenance, request.out), canvas_wh=pack.canvas_wh)
    calibration = _find_calibration(request, provenance)
    is_side_by_side = bool(provenance.settings.get("side_by_side", False))
    out_wh = _character_wh(out.info.size_wh, pack.canvas_wh) if is_side_by_side else out.info.size_wh
    has_alpha = bool(provenance.settings.get("alpha", False))
    background_rgb = None if has_alpha else _plain_colour(provenance)
    if has_alpha and out.path.suffix.lower() == ".webm":
        notes.append("the transparency of a .webm is not read; the character's matte is a hull around its face")
    elif background_rgb is None and not has_alpha:
        notes.append("the background is not plain; the character's matte is a hull around its face")
    window_frames = request.window_frames or _read_window(provenance)
    if window_frames is None:
        notes.append("OUT.json names no window; seams are not measured (give --window)")
    asked = retarget(request.track, pack.rig, calibration=calibration, settings=settings)
    return Scene(
        out=out,
        take=request.take,
        truth=None if request.truth is None else _open_truth(request.truth, out_wh),
        track=request.track,
        asked=scale_character(asked, out_wh),
        pack=pack,
        calibration=calibration,
        settings=settings,
        out_wh=out_wh,
        background_rgb=background_rgb,
        is_side_by_side=is_side_by_side,
        window_frames=window_frames,
        notes=tuple(notes),
    )


def scale_character(track: CharacterTrack, canvas_wh: tuple[int, int]) -> CharacterTrack:
    """Return a character's track on a larger or smaller canvas."""
    scale = np.array(canvas_wh, dtype=np.float32) / np.array(track.canvas_wh, dtype=np.float32)
    head, body = track.head.copy(), track.body.copy()
    head[:, 3:5] *= scale
    head[:, 5] *= scale.min()
    body[..., :2] *= scale
    return replace(track, canvas_wh=canvas_wh, head=head, face=track.face * scale, body=body, hands=track.hands * scale)


def _check_take(request: ScoreRequest, provenance: Provenance) -> None:
    rendered_from = provenance.digests.get("take")
    if rendered_from != request.track.take_digest:
        raise TrackError(
            f"{request.take.path}: is not the take that {request.out} was rendered from (its digest differs); that one "
            f"was {provenance.source}"
        )
    if provenance.num_frames != len(request.track):
        raise MediaError(
            f"{request.out}: has {provenance.num_frames} frames, the take's track {len(request.track)}; capture or "
            "render the whole take"
        )


def _read_retarget(provenance: Provenance, out: Path) -> RetargetSettings:
    try:
        return retarget_settings_from_table(provenance.settings.get("retarget") or {})
    except SettingsError as error:
        raise SettingsError(f"{out}: {error}; score it with the perfkit that rendered it") from error


def _find_calibration(request: ScoreRequest, provenance: Provenance) -> Calibration:
    used = provenance.settings.get("calibration")
    if used is None and request.calibration is None:
        return fit_calibration(request.track)
    path = request.calibration or Path(str(used))
    if not path.is_file():
        raise MediaError(
            f"{path}: the neutral face that {request.out} was rendered with is not there; give --calibration"
        )
    stated = provenance.digests.get("calibration")
    if used is not None and stated is not None and digest_file(path) != stated:
        raise TrackError(f"{path}: is not the neutral face that {request.out} was rendered with (its digest differs)")
    return load_calibration(path)


def _open_truth(path: Path, out_wh: tuple[int, int]) -> Take:
    truth = open_take(path)
    if truth.info.size_wh != out_wh:
        width, height = out_wh
        raise MediaError(f"{path}: is {truth.info.size_wh}, the character's picture in the result {width}x{height} px")
    return truth


def _character_wh(size_wh: tuple[int, int], canvas_wh: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the character beside the take: as `composite.join_side_by_side` makes it."""
    width = round(canvas_wh[0] * size_wh[1] / canvas_wh[1])
    return (width + width % 2, size_wh[1])


def _plain_colour(provenance: Provenance) -> np.ndarray | None:
    spec = str(provenance.settings.get("background", ""))
    digits = COLOURS.get(spec, spec).removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    try:
        colour = bytes.fromhex(digits)
    except ValueError:
        return None
    return np.frombuffer(colour, np.uint8) if len(colour) == 3 else None


def _read_window(provenance: Provenance) -> int | None:
    frames = provenance.runtime.get("window_frames")
    return int(frames) if isinstance(frames, int) and frames > 0 else None
