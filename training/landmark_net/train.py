"""Trains the landmark network on puppets drawn on the fly, and measures it on puppets it never saw.

In: a folder for checkpoints. Out: weights as float16 safetensors. Step n sees batch n of `crops.make_crops`, so a
resumed training is the same training.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from perfkit.errors import WeightsError
from perfkit.files import write_aside
from perfkit.metrics import eye_distance_from_rig, measure_landmark_error
from perfkit.training.landmark_net.crops import HELD_OUT_SEED, Crops, make_crops
from perfkit.training.landmark_net.net import LandmarkNet, tensor_from_crops
from perfkit.training.landmark_net.network import GRID_PX, LandmarkNetwork
from perfkit.training.puppet import draw_pose, pose_performance, sample_character, sample_light, sample_performance
from perfkit.vocabulary import CONTOUR_SLICES

EVALUATION_SEED = 2025
_HIDDEN_WEIGHT = 0.1
_FINE = 0.02
_ATTENTION_WEIGHT = 0.05
_DOUBT_WEIGHT = 0.05


@dataclass(frozen=True)
class LandmarkSettings:
    """How the network is trained.

    Attributes:
        steps: Optimiser steps.
        num_drawings: New characters a step; each gives `crops.CROPS_PER_DRAWING` crops.
        learning_rate: Peak; warm-up of 200 steps, then a cosine to zero.
        ema_decay: Average of the weights that is saved.
        seed: Key of all randomness.
    """

    steps: int = 2400
    num_drawings: int = 8
    learning_rate: float = 3e-3
    ema_decay: float = 0.998
    seed: int = 0


class LandmarkTraining:
    """One training: network, its average, optimiser, the step reached.

    Args:
        settings: The recipe.
    """

    def __init__(self, settings: LandmarkSettings) -> None:
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = LandmarkNetwork()
        self.average = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.weights = dict(self.network.named_parameters())
        self.optimiser = torch.optim.AdamW(self.weights.values(), lr=settings.learning_rate, weight_decay=1e-4)
        self.num_steps_done = 0

    def take_step(self, crops: Crops) -> float:
        """Learn from one batch; return its loss."""
        self.network.train()
        self.optimiser.param_groups[0]["lr"] = _learning_rate(self.settings, self.num_steps_done)
        loss = measure_loss(self.network, crops)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights.values(), 2.0)
        self.optimiser.step()
        self.num_steps_done += 1
        self._update_average()
        return float(loss.detach())

    def make_net(self) -> LandmarkNet:
        """Return the averaged network, ready for use."""
        network = LandmarkNetwork()
        network.load_state_dict(self.average)
        return LandmarkNet(network)

    def save_checkpoint(self, path: Path) -> None:
        """Write all that a resume needs."""
        tensors = {f"network/{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"average/{name}": tensor for name, tensor in self.average.items()}
        for name, weight in self.weights.items():
            state = self.optimiser.state[weight]
            tensors |= {f"first/{name}": state["exp_avg"], f"second/{name}": state["exp_avg_sq"]}
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as aside:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            aside.write_bytes(save(contiguous, {"steps": str(self.num_steps_done)}))

    def load_checkpoint(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            WeightsError: Damaged, or of another network.
        """
        try:
            with safe_open(path, framework="pt") as stored:
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
                steps = int(stored.metadata()["steps"])
            self.network.load_state_dict({name: tensors[f"network/{name}"] for name in self.average})
            self.average = {name: tensors[f"average/{name}"] for name in self.average}
            moments = {name: (tensors[f"first/{name}"], tensors[f"second/{name}"]) for name in self.weights}
        except (SafetensorError, KeyError, ValueError, OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(f"{path}: no checkpoint of this network ({reason}); delete it to begin anew") from error
        for name, weight in self.weights.items():
            first, second = moments[name]
            step = torch.tensor(float(steps))
            self.optimiser.state[weight] = {"step": step, "exp_avg": first, "exp_avg_sq": second}
        self.num_steps_done = steps

    def _update_average(self) -> None:
        decay = min(self.settings.ema_decay, self.num_steps_done / (10 + self.num_steps_done))
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, 1 - decay)
            else:
                self.average[name].copy_(tensor)


def train_landmark_net(
    folder: Path,
    settings: LandmarkSettings,
    *,
    on_progress: Callable[[int, int, float], None] | None = None,
    checkpoint_every: int = 100,
) -> LandmarkNet:
    """Train, or go on training where the folder's checkpoint stands.

    Args:
        folder: Keeps checkpoint.safetensors.
        settings: The recipe.
        on_progress: Called with (steps done, steps in all, loss).
        checkpoint_every: Steps between checkpoints.
    """
    training = LandmarkTraining(settings)
    checkpoint = folder / "checkpoint.safetensors"
    if checkpoint.is_file():
        training.load_checkpoint(checkpoint)
    while training.num_steps_done < settings.steps:
        crops = make_crops(training.num_steps_done, num_drawings=settings.num_drawings, seed=settings.seed)
        loss = training.take_step(crops)
        if on_progress is not None:
            on_progress(training.num_steps_done, settings.steps, loss)
        if training.num_steps_done % checkpoint_every == 0 or training.num_steps_done == settings.steps:
            training.save_checkpoint(checkpoint)
    return training.make_net()


def save_weights(net: LandmarkNet, path: Path) -> None:
    """Write a network's weights as float16 safetensors."""
    tensors = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in net.network.state_dict().items()
    }
    with write_aside(path) as aside:
        aside.write_bytes(save(tensors))


def measure_loss(network: LandmarkNetwork, crops: Crops) -> Tensor:
    """Return the loss of a batch.

    Three parts: distance in head units, robust beyond 2 % of one; cross-entropy of the attention to the four cells
    around the point, in the shares whose mean is the point; entropy of the visibility.
    """
    points, logits, log_attention = network(tensor_from_crops(crops.pictures))
    visibility, truth = torch.from_numpy(crops.visibility), torch.from_numpy(crops.points)
    has_face = (visibility.amax(dim=1) > 0).float()
    error = (points - truth) / torch.from_numpy(crops.unit)[:, None, None]
    distance = nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=_FINE, reduction="none").sum(dim=-1)
    weight = (visibility + _HIDDEN_WEIGHT) * has_face[:, None]
    share = (distance * weight).sum() / weight.sum().clamp(min=1)
    surprise = (_cross_entropy(log_attention, truth) * visibility).sum() / visibility.sum().clamp(min=1)
    return (
        share + _ATTENTION_WEIGHT * surprise + 0.05 * nn.functional.binary_cross_entropy_with_logits(logits, visibility)
    )


def _cross_entropy(log_attention_BKG: Tensor, points_BK2: Tensor) -> Tensor:
    """Return (B, K): -sum of log attention at the four cells around each point, weighted bilinearly."""
    place = (points_BK2 * GRID_PX - 0.5).clamp(0, GRID_PX - 1.001)
    low = place.floor()
    share, cell = place - low, low.long()
    total = torch.zeros_like(place[..., 0])
    for right in (0, 1):
        for down in (0, 1):
            index = (cell[..., 1] + down) * GRID_PX + cell[..., 0] + right
            weight_x = share[..., 0] if right else 1 - share[..., 0]
            weight_y = share[..., 1] if down else 1 - share[..., 1]
            total = total - weight_x * weight_y * log_attention_BKG.gather(-1, index[..., None]).squeeze(-1)
    return total


@dataclass(frozen=True)
class LandmarkFigures:
    """What the network reads wrong, in shares of the eye distance; per contour, and by the turn of the head.

    Attributes:
        error: Mean over all visible points.
        median: Median over pictures of their mean.
        by_contour: Contour -> mean error.
        by_yaw: "0-30" and so on -> mean error.
    """

    error: float
    median: float
    by_contour: dict[str, float]
    by_yaw: dict[str, float]


def measure_landmark_net(net: LandmarkNet, count: int) -> LandmarkFigures:
    """Measure on `count` held-out characters over mid grey, as rendered frames are measured."""
    faces, visibilities, pictures, distances, yaws = [], [], [], [], []
    for index in range(count):
        rng = np.random.default_rng([EVALUATION_SEED, index])
        puppet = sample_character(HELD_OUT_SEED + index)
        pose = pose_performance(puppet.rig, sample_performance(rng))
        drawing = draw_pose(puppet, pose, sample_light(rng))
        alpha = drawing.rgba[..., 3:].astype(np.float32) / 255
        pictures.append(np.rint(drawing.rgba[..., :3] * alpha + 127.5 * (1 - alpha)).astype(np.uint8))
        is_inside = ((drawing.face > 0) & (drawing.face < drawing.rgba.shape[0])).all(axis=-1)
        faces.append(drawing.face)
        visibilities.append(drawing.visibility * is_inside)
        distances.append(float(eye_distance_from_rig(puppet.rig, pose.head[5])))
        yaws.append(abs(float(pose.head[0])))
    face, visibility = np.stack(faces), np.stack(visibilities)
    distance, yaw = np.array(distances), np.array(yaws)
    points = net.predict(np.stack(pictures)).points

    def measure(rows: np.ndarray, columns: slice = slice(None)) -> float:
        return measure_landmark_error(
            points[rows][:, columns],
            face[rows][:, columns],
            visibility=visibility[rows][:, columns],
            eye_distance_px=distance[rows],
        )

    everyone = np.arange(count)
    return LandmarkFigures(
        error=measure(everyone),
        median=float(np.nanmedian([measure(everyone[row : row + 1]) for row in everyone])),
        by_contour={name: measure(everyone, rows) for name, rows in CONTOUR_SLICES.items()},
        by_yaw={
            f"{low}-{high}": measure(everyone[(yaw >= low) & (yaw < high)])
            for low, high in ((0, 30), (30, 60), (60, 90))
        },
    )


def _learning_rate(settings: LandmarkSettings, step: int) -> float:
    warm = min(1.0, (step + 1) / 200)
    return settings.learning_rate * warm * (1 + math.cos(math.pi * step / settings.steps)) / 2
