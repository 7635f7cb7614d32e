"""What a take's pictures say: light and sharpness of the face, clipped pixels, motion, cuts; one pass, nothing held.

In: a Take and its PerformanceTrack. Out: `PictureRows`, one row a frame, and a few small pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from perfkit.composite import resize
from perfkit.errors import MediaError
from perfkit.page import Picture
from perfkit.queues import ReadAhead
from perfkit.report import choose_moments, format_timecode
from perfkit.take import Take
from perfkit.track import PerformanceTrack
from perfkit.video import iterate_frames
from perfkit.vocabulary import CONTOUR_INDICES, CONTOUR_SLICES

OnProgress = Callable[[int, int], None]

NUM_STILLS = 8
_STILL_HEIGHT_PX = 150
_FACE_PX = 96
_SMALL_WH = (64, 36)
_WHITE, _BLACK = 250, 6
_LEAST_CUT_CHANGE, _CUT_RATIO = 15.0, 6.0
"""Grey levels, and times the usual change around it, from which a change is a cut."""


@dataclass(frozen=True, eq=False)
class PictureRows:
    """What was seen in the pictures, (T,) float each; NaN = no face to look at.

    Attributes:
        light: Mean luma of the face, 0..255.
        contrast: Standard deviation of its luma, 0..127.
        clipped: Share of its pixels that are burnt out or black, 0..1.
        sharpness: Fine detail of the face against its contrast, at one size for all takes.
        change: Mean difference from the frame before, grey levels 0..255; the first frame has none.
        stills: Frames spread evenly over the take, small.
        neutral_stills: The frames asked for, small.
    """

    light: np.ndarray
    contrast: np.ndarray
    clipped: np.ndarray
    sharpness: np.ndarray
    change: np.ndarray
    stills: tuple[Picture, ...]
    neutral_stills: tuple[Picture, ...]


def watch_pictures(
    take: Take, track: PerformanceTrack, neutral_frames: np.ndarray, *, on_progress: OnProgress | None = None
) -> PictureRows:
    """Watch a take's pictures once.

    Args:
        take: The take.
        track: What was captured from it.
        neutral_frames: (M,) frames whose pictures are wanted.
        on_progress: Called as (frames done, frames in all).

    Raises:
        MediaError: The take cannot be read to its end, or has another number of frames than its track.
    """
    faces = np.full((len(track), 4), np.nan)
    change = np.full(len(track), np.nan)
    moments = choose_moments(len(track), NUM_STILLS)
    kept: dict[int, Picture] = {}
    before: np.ndarray | None = None
    num_frames = 0
    with ReadAhead(iterate_frames(take)) as frames:
        for index, pts, image_rgb in frames:
            if index >= len(track):
                break
            luma = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
            faces[index] = _measure_face(luma, track.face[index, CONTOUR_INDICES, :2])
            small = cv2.resize(luma, _SMALL_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
            change[index] = np.nan if before is None else np.abs(small - before).mean()
            before, num_frames = small, index + 1
            if index in moments or index in neutral_frames:
                kept[index] = _make_still(image_rgb, float(pts * take.info.time_base))
            if on_progress is not None:
                on_progress(num_frames, len(track))
    if num_frames < len(track):
        raise MediaError(f"{take.path}: gave {num_frames} pictures, its track has {len(track)} frames; capture it anew")
    return PictureRows(
        light=faces[:, 0],
        contrast=faces[:, 1],
        clipped=faces[:, 2],
        sharpness=faces[:, 3],
        change=change,
        stills=tuple(kept[index] for index in sorted(moments)),
        neutral_stills=tuple(kept[int(index)] for index in neutral_frames),
    )


def find_cuts(change: np.ndarray) -> np.ndarray:
    """Return (N,) int, the frames that do not go on from the one before: a change far above those around it.

    Args:
        change: (T,) grey levels; NaN = not known.
    """
    cuts = []
    for frame in np.flatnonzero(change > _LEAST_CUT_CHANGE):
        around = np.concatenate([change[max(0, frame - 6) : frame], change[frame + 1 : frame + 7]])
        around = around[np.isfinite(around)]
        if len(around) and change[frame] > _CUT_RATIO * max(float(np.median(around)), 1.0):
            cuts.append(int(frame))
    return np.array(cuts, dtype=np.int64)


def _measure_face(luma: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return light, contrast, clipped share and sharpness of the face; NaN where there is none in the picture."""
    oval = points[CONTOUR_SLICES["face_oval"]]
    if not np.isfinite(oval).all():
        return np.full(4, np.nan)
    low = np.clip(np.floor(oval.min(axis=0)), 0, luma.shape[::-1]).astype(int)
    high = np.clip(np.ceil(oval.max(axis=0)), 0, luma.shape[::-1]).astype(int)
    if min(high - low) < 8:
        return np.full(4, np.nan)
    crop = luma[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(crop.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(oval - low).astype(np.int32)], 1)
    face = crop[mask > 0].astype(np.float64)
    if not len(face):
        return np.full(4, np.nan)
    clipped = float(((face >= _WHITE) | (face <= _BLACK)).mean())
    return np.array([face.mean(), face.std(), clipped, _measure_sharpness(crop, mask)])


def _measure_sharpness(crop_luma: np.ndarray, mask: np.ndarray) -> float:
    """Return the strength of second differences against the contrast, inside the face, at `_FACE_PX` across.

    Source: the Laplacian's spread as focus measure (Pech-Pacheco et al. 2000), made independent of contrast and size.
    """
    scale = _FACE_PX / crop_luma.shape[1]
    size_wh = (_FACE_PX, max(8, round(scale * crop_luma.shape[0])))
    crop = cv2.resize(crop_luma, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    inside = cv2.erode(cv2.resize(mask, size_wh, interpolation=cv2.INTER_NEAREST), np.ones((5, 5), np.uint8)) > 0
    if not inside.any():
        return float("nan")
    spread = float(crop[inside].std())
    return float(cv2.Laplacian(crop, cv2.CV_64F)[inside].std()) / spread if spread > 1.0 else 0.0


def _make_still(image_rgb: np.ndarray, seconds: float) -> Picture:
    width = max(1, round(_STILL_HEIGHT_PX * image_rgb.shape[1] / image_rgb.shape[0]))
    return Picture(resize(image_rgb, (width, _STILL_HEIGHT_PX)), format_timecode(seconds))
