"""A folder of drawings becomes a character pack; `build_pack` is the table of contents.

In: a folder, settings, perhaps a reader of faces. Out: a pack, complete under its name or not there at all.
Drawings that cannot be used are named and stay out; the rest goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from perfkit.art import ArtItem, read_art, write_landmarks
from perfkit.captions import DEFAULT_CAPTION, DEFAULT_LIGHT, check_caption, check_prompt, read_light
from perfkit.composite import composite, resize
from perfkit.errors import SettingsError
from perfkit.face_reading import GROUND_RGB
from perfkit.files import build_aside
from perfkit.ingest.duplicates import find_sameness
from perfkit.ingest.folder import find_drawings
from perfkit.ingest.framing import FRAMINGS, points_on_canvas
from perfkit.ingest.labels import (
    NO_LABEL,
    SIDECARS,
    Label,
    Sidecar,
    find_common_words,
    label_from_name,
    read_sidecar,
)
from perfkit.ingest.names import name_trigger
from perfkit.ingest.place import Placed, place_drawings
from perfkit.ingest.readers import ReaderChoice, Readers, read_faces
from perfkit.ingest.resolve import Answer, Face, gather_landmarks, resolve_labels
from perfkit.ingest.rigging import fit_pack_rig
from perfkit.ingest.summary import IngestReport
from perfkit.manifest import digest_file
from perfkit.pack import CharacterPack, write_manifest
from perfkit.rig import Rig, present_rows
from perfkit.rig_fit import NO_FIT
from perfkit.rights import Rights
from perfkit.vocabulary import PARTS

OnProgress = Callable[[int, int], None]
LANDMARK_FILE = "art/landmarks.safetensors"
_READ_PX = 512


@dataclass(frozen=True)
class IngestSettings:
    """What a person says of a new character; all the rest is read off the drawings.

    Attributes:
        name: What `--character` calls it.
        trigger: Its word in a prompt; empty = the letters of its name.
        caption: Words of the base that describe it.
        light: Words for the light that it is rendered in, and of drawings that nobody names a light for.
        licence: Of every drawing whose sidecar states none; empty = not stated.
        owner: Likewise.
        rights: In the character as a whole.
        canvas_wh: Size of the pack's pictures, px.
        framing: One of `framing.FRAMINGS`.
        positive_yaw: Side of the picture, "left" or "right", that the nose turns to where a label's yaw is positive.
        absent: Parts (of `vocabulary.PARTS`) that the character lacks. Nobody guesses them: a reader made for faces
            sees two eyes, a nose and a mouth everywhere. The body is absent in any case: nothing reads bodies off art.
    """

    name: str
    trigger: str = ""
    caption: str = DEFAULT_CAPTION
    light: str = DEFAULT_LIGHT
    licence: str = ""
    owner: str = ""
    rights: Rights = field(default_factory=Rights)
    canvas_wh: tuple[int, int] = (256, 256)
    framing: str = "auto"
    positive_yaw: str = "right"
    absent: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.framing not in FRAMINGS:
            raise SettingsError(f"framing is {self.framing!r}, expected one of {', '.join(FRAMINGS)}")
        if self.positive_yaw not in ("left", "right"):
            raise SettingsError(f"positive yaw is {self.positive_yaw!r}, expected left or right")
        if unknown := sorted(self.absent - PARTS):
            raise SettingsError(f"absent: {', '.join(unknown)}: expected parts of {', '.join(sorted(PARTS))}")


def build_pack(
    art: Path,
    folder: Path,
    settings: IngestSettings,
    *,
    readers: Readers | None = None,
    on_progress: OnProgress | None = None,
) -> IngestReport:
    """Make a character pack of a folder of drawings.

    Args:
        art: The folder of drawings, perhaps with labels.csv or labels.json.
        folder: The pack to be; it must not exist, or be empty.
        settings: What a person says of the character.
        readers: Find control points; None = only those of the sidecar are known.
        on_progress: Called with (drawings done, drawings in all).

    Returns:
        What became of every file.

    Raises:
        PackError: No drawing can be used, the sidecar cannot be read, or a setting breaks the manifest.
        MediaError: The pack cannot be written there.
    """
    found = find_drawings(art)
    yaw_sign = 1 if settings.positive_yaw == "right" else -1
    sidecar = read_sidecar(art, yaw_sign=yaw_sign)
    with build_aside(folder) as aside:
        blank = _make_blank_pack(aside, settings)
        sheet = place_drawings(
            found, aside / "art", canvas_wh=settings.canvas_wh, framing=settings.framing, on_progress=on_progress
        )
        told = _gather_labels(sheet.placed, sidecar, settings)
        prints = {file: placed.fingerprint for file, placed in sheet.placed.items()}
        sameness = find_sameness(prints, {file: _list_claims(labels) for file, labels in told.items()})
        for file in sameness.left_out:
            (aside / "art" / sheet.placed.pop(file).art_name).unlink()
        kept = list(sheet.placed.values())
        labels = [told[placed.file] for placed in kept]
        faces, choice = _find_faces(blank, kept, labels, readers or Readers())
        answers = resolve_labels(labels, faces, canvas_wh=settings.canvas_wh, light=blank.light)
        pack, fit = _write_pack(blank, kept, labels, (answers, faces)), NO_FIT
        if pack.landmarks is not None:
            pack, fit = fit_pack_rig(pack)
    strangers = [file for file in sidecar.labels if file not in found.drawings]
    notes = (*sheet.notes, *_note_strangers(sidecar, strangers))
    return IngestReport(
        pack=replace(pack, folder=folder),
        num_found=len(found.drawings) + len(found.refused),
        refused=sheet.refused,
        num_ignored=len([file for file in found.ignored if file not in SIDECARS]),
        sameness=sameness,
        num_keyed=sheet.num_keyed,
        num_framings=sheet.num_framings,
        notes=notes,
        choice=choice,
        fit=fit,
    )


def _make_blank_pack(folder: Path, settings: IngestSettings) -> CharacterPack:
    """Write the pack without drawings: what its manifest would refuse is refused before the work begins."""
    pack = CharacterPack(
        folder=folder,
        name=settings.name,
        trigger=settings.trigger or name_trigger(settings.name),
        caption=check_caption(settings.caption),
        light=read_light(settings.light),
        canvas_wh=settings.canvas_wh,
        rig=Rig(absent=settings.absent | {"body"}),
        rights=settings.rights,
    )
    check_prompt(pack.prompt)
    return write_manifest(pack)


def _gather_labels(
    placed: Mapping[str, Placed], sidecar: Sidecar, settings: IngestSettings
) -> dict[str, tuple[Label, Label]]:
    """Return what sidecar and name say of each drawing; rights that the sidecar leaves out are the settings'."""
    common_words = find_common_words(list(placed))
    yaw_sign = 1 if settings.positive_yaw == "right" else -1
    told = {}
    for file in placed:
        label = sidecar.labels.get(file, NO_LABEL)
        label = replace(label, licence=label.licence or settings.licence, owner=label.owner or settings.owner)
        told[file] = (label, label_from_name(file, common_words=common_words, yaw_sign=yaw_sign))
    return told


def _list_claims(labels: tuple[Label, Label]) -> list[object]:
    """Return what is said of a drawing, field by field, the sidecar's word before the name's; None where nothing is."""
    first, second = labels
    return [
        first.angle_deg or second.angle_deg,
        first.expression or second.expression or None,
        first.weights,
        first.light or second.light or None,
    ]


def _note_strangers(sidecar: Sidecar, strangers: Sequence[str]) -> list[str]:
    if not strangers or sidecar.path is None:
        return []
    named = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} more" if len(strangers) > 5 else "")
    return [f"{sidecar.path.name}: labels {len(strangers)} drawings that are not in the folder: {named}"]


def _find_faces(
    blank: CharacterPack, kept: Sequence[Placed], labels: Sequence[tuple[Label, Label]], readers: Readers
) -> tuple[list[Face | None], ReaderChoice]:
    """Return the control points of every drawing, the sidecar's or a reader's, and which reader was chosen."""
    present = present_rows(blank.rig)
    faces: list[Face | None] = [None] * len(kept)
    for index, (placed, (label, _)) in enumerate(zip(kept, labels, strict=True)):
        if label.points is not None:
            points = points_on_canvas(label.points[:, :2], placed.window, placed.size_wh)
            faces[index] = Face(points.astype(np.float32), label.points[:, 2] * present, "sidecar")
    left = [index for index, face in enumerate(faces) if face is None]
    if not left or readers == Readers():
        return faces, ReaderChoice()
    gain = min(1.0, _READ_PX / max(blank.canvas_wh))
    laid = np.stack([_lay_out(read_art(blank.folder / "art" / kept[index].art_name), gain) for index in left])
    found, choice = read_faces(laid, readers, yaws_deg=[_find_yaw(labels[index]) for index in left])
    for index, face in zip(left, found, strict=True):
        if face is not None:
            faces[index] = replace(face, points=face.points / np.float32(gain), visibility=face.visibility * present)
    return faces, choice


def _lay_out(rgba: np.ndarray, gain: float) -> np.ndarray:
    """Return a drawing as readers see it: on the ground, perhaps smaller, (H, W, 3) uint8."""
    laid = composite(rgba, np.full((*rgba.shape[:2], 3), GROUND_RGB, dtype=np.uint8))
    size_wh = (max(1, round(rgba.shape[1] * gain)), max(1, round(rgba.shape[0] * gain)))
    return laid if gain == 1.0 else resize(laid, size_wh)


def _find_yaw(labels: tuple[Label, Label]) -> float | None:
    return next((label.angle_deg[0] for label in labels if label.angle_deg is not None), None)


def _write_pack(
    blank: CharacterPack,
    kept: Sequence[Placed],
    labels: Sequence[tuple[Label, Label]],
    found: tuple[Sequence[Answer], Sequence[Face | None]],
) -> CharacterPack:
    answers, faces = found
    items = []
    for placed, (label, _), answer, face in zip(kept, labels, answers, faces, strict=True):
        file = f"art/{placed.art_name}"
        yaw_deg, pitch_deg, roll_deg = answer.angle_deg or (None, None, None)
        items.append(
            ArtItem(
                file=file,
                sha256=digest_file(blank.folder / file),
                licence=label.licence,
                owner=label.owner,
                yaw_deg=yaw_deg,
                pitch_deg=pitch_deg,
                roll_deg=roll_deg,
                light=answer.light,
                weights=answer.weights,
                expression=answer.expression,
                sources=answer.sources,
                readers_apart=None if face is None or np.isnan(face.apart) else round(face.apart, 3),
            )
        )
    landmarks = None
    if any(face is not None for face in faces):
        write_landmarks(blank.folder / LANDMARK_FILE, gather_landmarks(faces, answers))
        landmarks = (LANDMARK_FILE, digest_file(blank.folder / LANDMARK_FILE))
    return write_manifest(replace(blank, art=tuple(items), landmarks=landmarks))
