"""Trains the landmark network on puppets drawn on the fly, and measures it on puppets it never saw.

In: a folder for checkpoints. Out: weights as float16 safetensors. Step n sees batch n of `crops.make_crops`, so a
resumed training is the same training.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from perfkit.files import write_aside
from perfkit.metrics import eye_distance_from_rig, measure_landmark_error
from perfkit.training.landmark_net.crops import HELD_OUT_SEED, Crops, make_crops
from perfkit.training.landmark_net.net import LandmarkNet, tensor_from_crops
from perfkit.training.landmark_net.network import GRID_PX, LandmarkNetwork
from perfkit.training.optimise.checkpoint import TrainingState
from perfkit.training.optimise.descent import Rates, descend, make_state
from perfkit.training.optimise.loop import DEFAULT_PACE, Pace, run_steps
from perfkit.training.optimise.precision import low_precision
from perfkit.training.optimise.schedule import cosine_scale
from perfkit.training.puppet import draw_pose, pose_performance, sample_character, sample_light, sample_performance
from perfkit.vocabulary import CONTOUR_SLICES

EVALUATION_SEED = 2025
NETWORK = "landmarks"
_HIDDEN_WEIGHT = 0.1
_FINE = 0.02
_ATTENTION_WEIGHT = 0.05
_DOUBT_WEIGHT = 0.05
RATES = Rates(matrices=0.01, others=2e-3, average_decay=0.99)


@dataclass(frozen=True)
class LandmarkSettings:
    """How the network is trained.

    Attributes:
        steps: Optimiser steps.
        num_drawings: New characters a step; each gives `crops.CROPS_PER_DRAWING` crops.
        rates: At the height of the schedule: warm-up, then a cosine to zero.
        warmup_steps: Length of the warm-up.
        seed: Key of all randomness.
        start: Weights to begin from; None: random ones.
    """

    steps: int = 24000
    num_drawings: int = 8
    rates: Rates = RATES
    warmup_steps: int = 50
    seed: int = 0
    start: Path | None = None


def train_landmark_net(folder: Path, settings: LandmarkSettings, pace: Pace = DEFAULT_PACE) -> LandmarkNet:
    """Train to the end of the schedule or of the pace's time, from where the checkpoint in `folder` stopped.

    Returns:
        The averaged network, ready for use.
    """
    state = make_landmark_state(settings)
    ahead: dict[int, Future[Crops]] = {}

    def draw(step: int) -> Future[Crops]:
        return drawer.submit(make_crops, step, num_drawings=settings.num_drawings, seed=settings.seed)

    def take_step(step: int) -> Tensor:
        crops = ahead.pop(step) if step in ahead else draw(step)
        ahead[step + 1] = draw(step + 1)
        return learn(state, crops.result(), step, settings)

    with ThreadPoolExecutor(1) as drawer:
        run_steps(state, folder, take_step, num_steps=(settings.steps, settings.num_drawings), pace=pace)
    network = LandmarkNetwork()
    network.load_state_dict(state.averages[NETWORK])
    return LandmarkNet(network)


def make_landmark_state(settings: LandmarkSettings) -> TrainingState:
    """Return the state of a training at its beginning."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = LandmarkNetwork() if settings.start is None else LandmarkNet.load(settings.start).network
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return make_state({NETWORK: network}, settings.rates)


def learn(state: TrainingState, crops: Crops, step: int, settings: LandmarkSettings) -> Tensor:
    """Take step `step` on one batch; return its loss."""
    network = state.networks[NETWORK].train()
    assert isinstance(network, LandmarkNetwork)
    scale = cosine_scale(step, num_steps=settings.steps, warmup_steps=settings.warmup_steps)
    return descend(state, measure_loss(network, crops), step, average_decay=settings.rates.average_decay, scale=scale)


def save_weights(net: LandmarkNet, path: Path) -> None:
    """Write a network's weights as float16 safetensors; what it keeps of its batches stays float32.

    Variances of its features pass 65504, float16's end.
    """
    halves = {name: weight.detach().half().contiguous() for name, weight in net.network.named_parameters()}
    tensors = net.network.state_dict() | halves
    with write_aside(path) as aside:
        aside.write_bytes(save(tensors))


def measure_loss(network: LandmarkNetwork, crops: Crops) -> Tensor:
    """Return the loss of a batch.

    Three parts: distance in head units, robust beyond 2 % of one; cross-entropy of the attention to the four cells
    around the point, in the shares whose mean is the point; entropy of the visibility.
    """
    pictures = tensor_from_crops(crops.pictures)
    with low_precision(pictures.device):
        features = network.see(pictures)
    points, logits, log_attention = network.find(features.float())
    visibility, truth = torch.from_numpy(crops.visibility), torch.from_numpy(crops.points)
    has_face = (visibility.amax(dim=1) > 0).float()
    error = (points - truth) / torch.from_numpy(crops.unit)[:, None, None]
    distance = nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=_FINE, reduction="none").sum(dim=-1)
    weight = (visibility + _HIDDEN_WEIGHT) * has_face[:, None]
    share = (distance * weight).sum() / weight.sum().clamp(min=1)
    surprise = (_cross_entropy(log_attention, truth) * visibility).sum() / visibility.sum().clamp(min=1)
    doubt = nn.functional.binary_cross_entropy_with_logits(logits, visibility)
    return share + _ATTENTION_WEIGHT * surprise + _DOUBT_WEIGHT * doubt


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
        inner_error: The same without the face's edge, which hair and hats hide.
        median: Median over pictures of their mean.
        by_contour: Contour -> mean error.
        by_yaw: "0-30" and so on -> mean error.
    """

    error: float
    inner_error: float
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
        inner_error=measure(everyone, slice(CONTOUR_SLICES["face_oval"].stop, None)),
        median=float(np.nanmedian([measure(everyone[row : row + 1]) for row in everyone])),
        by_contour={name: measure(everyone, rows) for name, rows in CONTOUR_SLICES.items()},
        by_yaw={
            f"{low}-{high}": measure(everyone[(yaw >= low) & (yaw < high)])
            for low, high in ((0, 30), (30, 60), (60, 90))
        },
    )
