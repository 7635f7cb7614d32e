"""Watches result, take and exact drawing side by side, frame for frame, and keeps numbers only.

In: a Scene, a reader of faces. Out: `Watched`: one row a frame. At any time two frames of each video are held, and one
batch for the reader.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import repeat, zip_longest

import cv2
import numpy as np

from perfkit.composite import resize
from perfkit.control import ControlFrame, draw_control
from perfkit.errors import MediaError
from perfkit.metrics import measure_alpha_iou, measure_psnr_db, measure_ssim
from perfkit.metrics.flow import FlowMeter, measure_warp_error
from perfkit.metrics.identity import read_palette
from perfkit.metrics.steadiness import measure_change, measure_mean_lab
from perfkit.queues import ReadAhead
from perfkit.score.matte import GREY, draw_face_hull, find_matte, lay_over_grey
from perfkit.score.reader import FaceQueue, LandmarkReader
from perfkit.score.scene import Scene
from perfkit.take import Take
from perfkit.video import iterate_frames
from perfkit.vocabulary import CONTOUR_INDICES, NUM_CONTOUR_POINTS

OnProgress = Callable[[int, int], None]
Readings = tuple[np.ndarray, np.ndarray, np.ndarray]

_TAKE_PX = 480
"""Long side at which the take's motion is measured: its grain is not the character's affair."""
_NEAR_PX = 9
"""How near to a stroke of the control picture, in px, its motion counts: between strokes there is nothing to follow."""
_MOST_PALETTES = 120


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen, one row a frame; NaN = not known.

    Attributes:
        curves: Name -> (T,): change, warp, control_warp, take_change, take_warp and, with an exact drawing,
            truth_change, truth_warp, out_by_truth (warp error of the result along the drawing's motion), psnr, ssim,
            alpha_iou.
        lab: (T, 3) mean Lab of the character.
        truth_lab: (T, 3) of the exact drawing.
        palettes: (N, 5, 3) of the character, in N frames.
        performer_palettes: (N, 5, 3) of the performer, in the same frames.
        faces: What the reader gave for the result.
        truth_faces: What it gave for the exact drawing.
    """

    curves: dict[str, np.ndarray]
    lab: np.ndarray
    truth_lab: np.ndarray
    palettes: np.ndarray
    performer_palettes: np.ndarray
    faces: Readings
    truth_faces: Readings | None


@dataclass(frozen=True, eq=False)
class _Look:
    """One frame of all videos: pictures (H, W, 3) uint8 over grey, mattes (H, W) bool."""

    out_rgb: np.ndarray
    out_matte: np.ndarray
    control_rgb: np.ndarray
    take_rgb: np.ndarray
    take_face: np.ndarray
    truth_rgb: np.ndarray | None
    truth_matte: np.ndarray


@dataclass
class _Notes:
    """Rows as they come."""

    curves: dict[str, list[float]] = field(default_factory=dict)
    lab: list[np.ndarray] = field(default_factory=list)
    truth_lab: list[np.ndarray] = field(default_factory=list)
    palettes: list[np.ndarray] = field(default_factory=list)
    performer_palettes: list[np.ndarray] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        self.curves.setdefault(name, []).append(value)


def watch(scene: Scene, reader: LandmarkReader, *, on_progress: OnProgress | None = None) -> Watched:
    """Watch a result beside its take.

    Args:
        scene: What to watch.
        reader: Reads the faces of result and exact drawing.
        on_progress: Called as (frames done, frames in all).

    Raises:
        MediaError: A video cannot be read to its end, or has another number of frames than the take's track.
    """
    notes, meter = _Notes(), FlowMeter()
    faces, truth_faces = FaceQueue(reader), FaceQueue(reader)
    stride = max(1, len(scene.track) // _MOST_PALETTES)
    before: _Look | None = None
    for index, look in enumerate(_iterate_looks(scene)):
        faces.put(look.out_rgb)
        _compare_neighbours(notes, meter, before, look)
        _note_colours(notes, look)
        if look.truth_rgb is not None:
            truth_faces.put(look.truth_rgb)
            _compare_with_truth(notes, look)
        if index % stride == 0:
            _note_palettes(notes, scene, look, index)
        before = look
        if on_progress is not None:
            on_progress(index + 1, len(scene.track))
    return Watched(
        curves={name: np.array(values) for name, values in notes.curves.items()},
        lab=np.array(notes.lab),
        truth_lab=np.array(notes.truth_lab),
        palettes=np.array(notes.palettes),
        performer_palettes=np.array(notes.performer_palettes),
        faces=faces.finish(),
        truth_faces=None if scene.truth is None else truth_faces.finish(),
    )


def _iterate_looks(scene: Scene) -> Iterator[_Look]:
    scale = min(1.0, _TAKE_PX / max(scene.take.info.size_wh))
    take_wh = (round(scale * scene.take.info.size_wh[0]), round(scale * scene.take.info.size_wh[1]))
    with ExitStack() as stack:
        outs = _read(stack, scene.out)
        takes = _read(stack, scene.take)
        truths = repeat(None, len(scene.track)) if scene.truth is None else _read(stack, scene.truth)
        controls = stack.enter_context(ReadAhead(draw_control(scene.asked)))
        for index, (out, take, truth, control) in enumerate(zip_longest(outs, takes, truths, controls)):
            _check_together(scene, index, (out, take, truth), control)
            out_rgba = out[:, -scene.out_wh[0] :] if scene.is_side_by_side else out
            points = scene.track.face[index, CONTOUR_INDICES, :2] * scale
            yield _Look(
                out_rgb=lay_over_grey(out_rgba),
                out_matte=_find_matte(out_rgba, scene, index),
                control_rgb=control.image_rgb,
                take_rgb=resize(take[..., :3], take_wh),
                take_face=draw_face_hull(points, take_wh[::-1], reach=1.0),
                truth_rgb=None if truth is None else lay_over_grey(truth),
                truth_matte=_find_matte(out_rgba if truth is None else truth, scene, index),
            )


def _read(stack: ExitStack, video: Take) -> Iterator[np.ndarray]:
    frames = stack.enter_context(ReadAhead(iterate_frames(video, with_alpha=True)))
    return (image_rgba for _, _, image_rgba in frames)


def _check_together(
    scene: Scene, index: int, pictures: tuple[np.ndarray | None, ...], control: ControlFrame | None
) -> None:
    """Refuse videos that do not end together with the track."""
    videos = [scene.out, scene.take, scene.truth]
    for video, picture in zip(videos, pictures, strict=True):
        if video is not None and (picture is None) != (control is None):
            few_or_many = "ends before" if picture is None else "goes on after"
            raise MediaError(
                f"{video.path}: {few_or_many} frame {index} of {len(scene.track)} of the take's track; give the videos "
                "of one and the same render"
            )


def _find_matte(image_rgba: np.ndarray, scene: Scene, index: int) -> np.ndarray:
    if image_rgba[..., 3].min() < 255:
        return image_rgba[..., 3] >= GREY
    if scene.background_rgb is not None:
        return find_matte(image_rgba[..., :3], scene.background_rgb)
    return draw_face_hull(scene.asked.face[index], image_rgba.shape[:2])


def _compare_neighbours(notes: _Notes, meter: FlowMeter, before: _Look | None, look: _Look) -> None:
    """Note change and warp error; the first frame has none."""
    names = ["change", "warp", "control_warp", "take_change", "take_warp"]
    names += [] if look.truth_rgb is None else ["truth_change", "truth_warp", "out_by_truth"]
    if before is None:
        for name in names:
            notes.add(name, float("nan"))
        return
    either = before.out_matte | look.out_matte
    notes.add("change", measure_change(before.out_rgb, look.out_rgb, region=either))
    notes.add("take_change", measure_change(before.take_rgb, look.take_rgb, region=before.take_face))
    asked = meter.measure(before.control_rgb, look.control_rgb)
    drawn = cv2.dilate(before.control_rgb.max(axis=-1), np.ones((_NEAR_PX, _NEAR_PX), np.uint8)) > 0
    notes.add("warp", measure_warp_error(before.out_rgb, look.out_rgb, asked, region=before.out_matte & drawn))
    notes.add("control_warp", measure_warp_error(before.control_rgb, look.control_rgb, asked, region=drawn))
    performed = meter.measure(before.take_rgb, look.take_rgb)
    notes.add("take_warp", measure_warp_error(before.take_rgb, look.take_rgb, performed, region=before.take_face))
    if look.truth_rgb is not None and before.truth_rgb is not None:
        exact = meter.measure(before.truth_rgb, look.truth_rgb)
        either = before.truth_matte | look.truth_matte
        notes.add("truth_change", measure_change(before.truth_rgb, look.truth_rgb, region=either))
        region = before.truth_matte
        notes.add("truth_warp", measure_warp_error(before.truth_rgb, look.truth_rgb, exact, region=region))
        notes.add("out_by_truth", measure_warp_error(before.out_rgb, look.out_rgb, exact, region=region))


def _compare_with_truth(notes: _Notes, look: _Look) -> None:
    assert look.truth_rgb is not None
    notes.add("psnr", measure_psnr_db(look.out_rgb, look.truth_rgb))
    notes.add("ssim", measure_ssim(look.out_rgb, look.truth_rgb))
    notes.add("alpha_iou", measure_alpha_iou(look.out_matte.astype(float), look.truth_matte.astype(float)))


def _note_colours(notes: _Notes, look: _Look) -> None:
    notes.lab.append(measure_mean_lab(look.out_rgb, look.out_matte))
    if look.truth_rgb is not None:
        notes.truth_lab.append(measure_mean_lab(look.truth_rgb, look.truth_matte))


def _note_palettes(notes: _Notes, scene: Scene, look: _Look, index: int) -> None:
    asked = scene.asked
    notes.palettes.append(
        read_palette(look.out_rgb, asked.face[index], asked.face_visibility[index], region=look.out_matte)
    )
    scale = look.take_rgb.shape[1] / scene.take.info.size_wh[0]
    points = scene.track.face[index, CONTOUR_INDICES, :2] * scale
    seen = np.full(NUM_CONTOUR_POINTS, float(scene.track.face_confidence[index] >= 0.9))
    notes.performer_palettes.append(read_palette(look.take_rgb, points, seen))
