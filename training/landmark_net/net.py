"""Use of the trained landmark network: pictures of any size in, control points in their pixels out.

A picture is read five times: whole, to find the face, then closely in four views of the face, whose mean is the answer.
Against one view this takes a twelfth off the error on puppets never seen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from perfkit.errors import WeightsError
from perfkit.headspace import MIRROR_ROWS
from perfkit.training.landmark_net.cutting import cut_crop, make_crop_transform
from perfkit.training.landmark_net.network import INPUT_PX, LandmarkNetwork
from perfkit.vocabulary import CONTOUR_SLICES, NUM_CONTOUR_POINTS

WEIGHTS_PATH = Path(__file__).parent / "weights.safetensors"
_CLOSE_SIDE = 1.3
_BATCH = 32


@dataclass(frozen=True)
class _View:
    """How a face is cut out for a close look: shift and side in shares of the usual side."""

    shift: tuple[float, float] = (0.0, 0.0)
    side: float = 1.0
    tilt_deg: float = 0.0
    is_mirrored: bool = False


_MIRROR = np.array([[-1.0, 0.0, INPUT_PX], [0.0, 1.0, 0.0]])
_VIEWS = (
    _View(),
    _View(is_mirrored=True),
    _View((0.03, 0.02), 0.95, 4.0),
    _View((-0.02, 0.03), 0.95, -4.0, is_mirrored=True),
)


@dataclass(frozen=True, eq=False)
class CartoonLandmarks:
    """Control points of N pictures.

    Attributes:
        points: (N, K, 2) float32 px, rows as `vocabulary.CONTOURS`.
        visibility: (N, K) float32 in 0..1.
        confidence: (N,) float32 in 0..1; near 0 where no face was seen.
    """

    points: np.ndarray
    visibility: np.ndarray
    confidence: np.ndarray


class LandmarkNet:
    """Reads drawn faces.

    Args:
        network: The network; its weights are used as they are.
    """

    def __init__(self, network: LandmarkNetwork) -> None:
        self.network = network.eval()

    @classmethod
    def load(cls, path: Path = WEIGHTS_PATH) -> "LandmarkNet":
        """Load trained weights.

        Raises:
            WeightsError: Absent, damaged or of another network.
        """
        network = LandmarkNetwork()
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(
                f"{path}: the landmark network does not load ({reason}); reinstall perfkit, or train it with "
                "python -m perfkit.training.landmark_net train"
            ) from error
        return cls(network)

    def predict(self, images_rgb: np.ndarray) -> CartoonLandmarks:
        """Find the control points.

        Args:
            images_rgb: (N, H, W, 3) uint8, one face each.

        Returns:
            One row per picture, also where no face is: look at its confidence.
        """
        if images_rgb.ndim != 4 or images_rgb.shape[-1] != 3 or images_rgb.dtype != np.uint8:
            raise ValueError(f"images must be (N, H, W, 3) uint8, got {images_rgb.dtype} {images_rgb.shape}")
        height, width = images_rgb.shape[1:3]
        whole = make_crop_transform(np.array([width, height]) / 2, max(width, height))
        points, visibility = self._read(images_rgb, np.broadcast_to(whole, (len(images_rgb), 2, 3)))
        if len(images_rgb):
            points, visibility = self._read_closely(images_rgb, points)
        confidence = np.quantile(visibility, 0.8, axis=-1) if len(images_rgb) else np.zeros(0)
        return CartoonLandmarks(points, visibility, confidence.astype(np.float32))

    def _read_closely(self, images_rgb: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of what is read in all views of faces (N, K, 2) px."""
        points, visibility = np.zeros_like(faces), np.zeros(faces.shape[:2], np.float32)
        for view in _VIEWS:
            seen = self._read(images_rgb, np.stack([_close_transform(face, view) for face in faces]))
            rows = MIRROR_ROWS if view.is_mirrored else slice(None)
            points += seen[0][:, rows] / len(_VIEWS)
            visibility += seen[1][:, rows] / len(_VIEWS)
        return points, visibility

    def _read(self, images_rgb: np.ndarray, transforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points in the pictures' px and visibility, read through one crop per picture."""
        points = np.zeros((len(images_rgb), NUM_CONTOUR_POINTS, 2), np.float32)
        visibility = np.zeros(points.shape[:2], np.float32)
        for start in range(0, len(images_rgb), _BATCH):
            part = slice(start, start + _BATCH)
            crops = [
                cut_crop(image, transform) for image, transform in zip(images_rgb[part], transforms[part], strict=True)
            ]
            with torch.no_grad():
                shares, logits, _ = self.network(tensor_from_crops(np.stack(crops)))
            for row, transform in enumerate(transforms[part]):
                turn, shift = transform[:, :2], transform[:, 2]
                points[start + row] = np.linalg.solve(turn, (shares[row].numpy() * INPUT_PX - shift).T).T
            visibility[part] = torch.sigmoid(logits).numpy()
        return points, visibility


def tensor_from_crops(crops_rgb: np.ndarray) -> torch.Tensor:
    """Convert (B, 128, 128, 3) uint8 to the network's input (B, 3, 128, 128) in [-1, 1]."""
    return torch.from_numpy(crops_rgb).permute(0, 3, 1, 2).float() / 127.5 - 1


def _close_transform(points: np.ndarray, view: _View) -> np.ndarray:
    """Return (2, 3): a view of the square around a face, a little larger than its oval."""
    oval = points[CONTOUR_SLICES["face_oval"]]
    low, high = oval.min(axis=0), oval.max(axis=0)
    side_px = view.side * _CLOSE_SIDE * max(float((high - low).max()), 8.0)
    transform = make_crop_transform(
        0.5 * (low + high) + side_px * np.array(view.shift), side_px, tilt_deg=view.tilt_deg
    )
    return _MIRROR @ np.vstack([transform, [0, 0, 1]]) if view.is_mirrored else transform
