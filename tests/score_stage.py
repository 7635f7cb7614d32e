"""A stage for scores: a performer, their take, a character drawn in flat colours, a reader that knows the answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from synthetic_performer import TAKE_WH, act, perform

from perfkit.composite import composite
from perfkit.pack import CharacterPack, write_manifest
from perfkit.proportions import Rig
from perfkit.provenance import Provenance, provenance_path, save_provenance
from perfkit.retarget import retarget
from perfkit.rig import HUMAN_RIG
from perfkit.score import ScoreRequest
from perfkit.score.scene import scale_character
from perfkit.track import CharacterTrack, PerformanceTrack
from perfkit.video import Take, VideoWriter, open_take
from perfkit.vocabulary import CONTOUR_INDICES, CONTOUR_SLICES

NUM_FRAMES = 60
PACE = 1000
SMALL_WH = (TAKE_WH[0] // 4, TAKE_WH[1] // 4)
OUT_WH = (128, 128)
BACKGROUND = (0xDF, 0xE6, 0xEA)
RIG = Rig(face_width=0.9, eye_width=0.46, eye_height=0.42, eye_x=0.38, mouth_y=0.62, brow_y=0.2)
COLOURS = {"face_oval": (90, 190, 170), "left_eye": (250, 250, 250), "right_eye": (250, 250, 250),
           "left_iris": (230, 160, 40), "right_iris": (230, 160, 40), "left_brow": (40, 60, 70),
           "right_brow": (40, 60, 70), "outer_lips": (150, 60, 70), "inner_lips": (60, 10, 20)}  # fmt: skip
SKIN_OF_THE_PERFORMER = (224, 172, 105)

Change = Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Stage:
    """What every score of these tests starts from.

    Attributes:
        folder: Where results are written.
        take: The take.
        track: What the performer does in it.
        pack: The character, without art.
        asked: What it was asked to do, px of the result.
    """

    folder: Path
    take: Take
    track: PerformanceTrack
    pack: CharacterPack
    asked: CharacterTrack

    def write(
        self, name: str, change: Change = lambda index, picture: picture, *, order: list[int] | None = None
    ) -> Path:
        """Write a result: frame `order[i]` of the exact drawing at time i, changed as wished; with its provenance."""
        path = self.folder / f"{name}.mp4"
        with VideoWriter(path, time_base=self.track.times.time_base) as writer:
            for index, shown in enumerate(order if order is not None else range(NUM_FRAMES)):
                picture = change(index, draw_character(self.asked, shown))
                writer.write(picture, int(self.track.times.pts[index]))
        self.describe(path)
        return path

    def describe(self, path: Path, **changes: Any) -> None:
        """Write a result's provenance."""
        provenance = Provenance(
            result=path.name,
            source="take.mp4",
            character=str(self.pack.folder),
            num_frames=NUM_FRAMES,
            num_frames_without_face=0,
            size_wh=OUT_WH,
            duration_seconds=3.3,
            digests={"take": self.track.take_digest, "character": self.pack.digest},
            settings={"background": "#dfe6ea"},
            runtime={"window_frames": 20},
            trackers={},
            stage_seconds={},
        )
        save_provenance(replace(provenance, **changes), provenance_path(path))

    def request(self, out: Path, truth: Path | None = None) -> ScoreRequest:
        """Return the request to score a result."""
        return ScoreRequest(out=out, take=self.take, track=self.track, truth=truth)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reader gives."""

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class KnowingReader:
    """Gives the points that were drawn: frame for frame, once for the result and once for the exact drawing."""

    def __init__(self, asked: CharacterTrack, *, order: list[int] | None = None, num_videos: int = 1) -> None:
        frames = list(order if order is not None else range(len(asked)))
        self.points = asked.face[frames]
        self.visibility = asked.face_visibility[frames]
        self.largest_batch = 0
        self._num_videos = num_videos
        self._starts = [0] * num_videos
        self._next_video = 0

    def predict(self, images_rgb: np.ndarray) -> Reading:
        """Return the points of the next frames; the videos' batches come in turn."""
        self.largest_batch = max(self.largest_batch, len(images_rgb))
        video = self._next_video % self._num_videos
        self._next_video += 1
        part = slice(self._starts[video], self._starts[video] + len(images_rgb))
        self._starts[video] = part.stop
        return Reading(self.points[part], self.visibility[part], np.ones(len(images_rgb), np.float32))


def build_stage(folder: Path) -> Stage:
    """Film a performer, and let a character be asked to do the same."""
    weights, head = act(NUM_FRAMES)
    weights[:8], head[:8] = weights[8], head[8]
    track = shrink(perform(HUMAN_RIG, weights, head))
    path = folder / "take.mp4"
    with VideoWriter(path, time_base=Fraction(1, 24000)) as writer:
        for index in range(NUM_FRAMES):
            writer.write(draw_performer(track, index), PACE * index)
    (folder / "pack").mkdir()
    pack = CharacterPack(
        folder=folder / "pack", name="flat", trigger="flat", caption="a flat face", light="soft", canvas_wh=(256, 256),
        rig=RIG,
    )  # fmt: skip
    pack = write_manifest(pack)
    asked = scale_character(retarget(track, pack.rig), OUT_WH)
    return Stage(folder, open_take(path), track, pack, asked)


def shrink(track: PerformanceTrack) -> PerformanceTrack:
    """Return the track of the same take at a quarter of its size: quick to watch."""
    face, body = track.face / 4, track.body.copy()
    body[..., :3] /= 4
    return replace(track, face=face, body=body, size_wh=SMALL_WH)


def draw_performer(track: PerformanceTrack, index: int) -> np.ndarray:
    """Draw the performer's face in skin colours over a room."""
    picture = np.full((*SMALL_WH[::-1], 3), (70, 80, 90), np.uint8)
    points = track.face[index, CONTOUR_INDICES, :2]
    for name in ("face_oval", "left_eye", "right_eye", "left_brow", "right_brow", "outer_lips"):
        colour = {"face_oval": SKIN_OF_THE_PERFORMER, "outer_lips": (190, 90, 90)}.get(name, (60, 40, 30))
        cv2.fillPoly(picture, [np.rint(points[CONTOUR_SLICES[name]]).astype(np.int32)], colour, cv2.LINE_AA)
    return picture


def draw_character(asked: CharacterTrack, index: int) -> np.ndarray:
    """Draw the character in flat colours, (128, 128, 3) uint8."""
    picture = np.full((OUT_WH[1], OUT_WH[0], 3), BACKGROUND, np.uint8)
    for name, colour in COLOURS.items():
        rows = CONTOUR_SLICES[name]
        rows = slice(rows.start + 1, rows.stop) if name.endswith("iris") else rows
        polygon = np.rint(16 * asked.face[index, rows]).astype(np.int32)
        layer = picture.copy()
        cv2.fillPoly(layer, [polygon], colour, cv2.LINE_AA, shift=4)
        if name.endswith("iris"):
            eye = np.zeros(picture.shape[:2], np.uint8)
            side = CONTOUR_SLICES[name.replace("iris", "eye")]
            cv2.fillPoly(eye, [np.rint(16 * asked.face[index, side]).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
            layer = composite(np.dstack([layer, eye]), picture)
        picture = layer
    return picture
