"""Scores of renders against the drawings that they should be.

In: pictures, a pack. Out: `CellScore`s.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.metrics import (
    composite_over_grey,
    eye_distance_from_rig,
    measure_alpha_iou,
    measure_landmark_error,
    measure_psnr_db,
    measure_ssim,
)
from perfkit.metrics.acting import read_channels
from perfkit.metrics.identity import measure_palette_distance, read_palette
from perfkit.pack import CharacterPack
from perfkit.rig import rotation_from_head
from perfkit.training.landmark_net import LandmarkNet


@dataclass(frozen=True)
class CellScore:
    """One render against the drawing of the same pose.

    Attributes:
        psnr_db: Over grey.
        ssim: Likewise.
        alpha_iou: Of the mattes.
        landmark_error: In eye distances, read by the landmark network.
        expression_error: Mean difference of the channels that it reads, head units.
        colour_distance: Of face, hair, eyes ...: mean Lab distance; 2.3 is just noticeable.
        nearest_db: PSNR to the nearest drawing that was trained on, of those that differ more from this one than the
            render does: drawings that differ in a mouth alone cannot be told apart by it.
        is_held_out: The drawing was never trained on.
        bare_db: PSNR of the base's own render, without the adapter; NaN: not measured.
        autoencoder_db: PSNR of the autoencoder's reconstruction; likewise.
    """

    psnr_db: float
    ssim: float
    alpha_iou: float
    landmark_error: float
    expression_error: float
    colour_distance: float
    nearest_db: float
    is_held_out: bool
    bare_db: float = float("nan")
    autoencoder_db: float = float("nan")

    @property
    def gap_closed(self) -> float:
        """Which share of the way from the bare base to the autoencoder the render goes: hard poses count as others."""
        return (self.psnr_db - self.bare_db) / max(self.autoencoder_db - self.bare_db, 1e-6)

    @property
    def is_copied(self) -> bool:
        """Whether the render is nearer to a drawing of another pose than to its own: learned by heart."""
        return self.nearest_db > self.psnr_db


def score_renders(
    renders: np.ndarray, pictures: np.ndarray, drawings: list[int], *, pack: CharacterPack, net: LandmarkNet
) -> list[CellScore]:
    """Score renders of drawings.

    Args:
        renders: (N, H, W, 4) uint8 straight-alpha RGBA, of some drawings, on the pack's canvas scaled to H x W.
        pictures: (M, H, W, 4) uint8, all drawings of the pack.
        drawings: (N) which drawing each render should be.
        pack: Its landmarks give points and heads.
        net: Reads the renders.
    """
    landmarks, gain = pack.load_landmarks(), renders.shape[2] / pack.canvas_wh[0]
    held_out = _held_out_indices(pack)
    found = net.predict(np.stack([_on_grey(render) for render in renders])).points
    trained = [index for index in range(len(pack.art)) if index not in held_out]
    scores = []
    for render, points, drawing in zip(renders, found, drawings, strict=True):
        exact = pictures[drawing]
        truth, head = landmarks.face[drawing] * gain, landmarks.head[drawing] * (1, 1, 1, gain, gain, gain)
        visibility = landmarks.visibility[drawing]
        own_db = measure_psnr_db(render, exact)
        others = [
            measure_psnr_db(render, pictures[index])
            for index in trained
            if index != drawing and measure_psnr_db(exact, pictures[index]) <= own_db
        ]
        scores.append(
            CellScore(
                psnr_db=own_db,
                ssim=measure_ssim(render, exact),
                alpha_iou=measure_alpha_iou(render[..., 3], exact[..., 3]),
                landmark_error=measure_landmark_error(
                    points, truth, visibility=visibility, eye_distance_px=eye_distance_from_rig(pack.rig, head[5])
                ),
                expression_error=_compare_channels(points, truth, head),
                colour_distance=_compare_colours(render, exact, truth, visibility),
                nearest_db=max(others, default=float("-inf")),
                is_held_out=drawing in held_out,
            )
        )
    return scores


def _held_out_indices(pack: CharacterPack) -> set[int]:
    files = {file for item in pack.loras.values() for file in item.held_out}
    return {index for index, item in enumerate(pack.art) if item.file in files}


def _compare_channels(points: np.ndarray, truth: np.ndarray, head: np.ndarray) -> float:
    roll = rotation_from_head(head * (0, 0, 1, 1, 1, 1))[:2, :2]
    channels = [read_channels((each - head[3:5]) / head[5] @ roll) for each in (points, truth)]
    return float(np.nanmean(np.abs(channels[0] - channels[1])))


def _compare_colours(render: np.ndarray, exact: np.ndarray, points: np.ndarray, visibility: np.ndarray) -> float:
    palettes = [
        read_palette(_on_grey(picture), points, visibility, region=picture[..., 3] > 127) for picture in (render, exact)
    ]
    return float(measure_palette_distance(*palettes))


def _on_grey(rgba: np.ndarray) -> np.ndarray:
    return np.rint(composite_over_grey(rgba) * 255).astype(np.uint8)
