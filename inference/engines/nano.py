"""The embedded base as an engine: 256x256 RGBA from a control picture and caption words, on any machine.

In: NumPy, as `engine.Engine` says. Out: NumPy. Two backends give the same pictures within rounding: OpenVINO (exported
once per character and kept in the cache) and torch (a GPU if there is one, and the reference).
Legend: N frames, B frames of one network call, C latent channels, h w latent grid, H W canvas.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from perfkit.errors import WeightsError
from perfkit.inference.devices import Placement, choose_placement
from perfkit.inference.engine import EngineRequest
from perfkit.inference.engines.exported import CompiledNetwork, Export, find_cache_dir, open_exported
from perfkit.inference.settings import RuntimeSettings

if TYPE_CHECKING:
    from perfkit.inference.engines.nano_graphs import NanoGraphs

WEIGHTS_DIR = Path(__file__).parent.parent / "weights" / "nano"
CANVAS_WH = (256, 256)
LATENT_SHAPE = (48, 16, 16)
FRAMES_PER_CALL = 4
FRAMES_PER_CALL_GPU = 32
NETWORKS = ("control", "down", "up", "decoder")
TRAINED_FILES = (".safetensors", ".json", ".txt")

Network = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True, eq=False)
class _Networks:
    control: Network
    down: Network
    up: Network
    decoder: Network


@dataclass(frozen=True, eq=False)
class _Begun:
    """What the UNet's first half found in noise that a whole call had in common."""

    noise_Chw: np.ndarray
    features: list[Any]


class NanoEngine:
    """`engine.Engine` for nano.

    Every network call has the same number of frames, short ones are filled up: another batch would round differently.

    Raises:
        WeightsError: Weights or LoRA absent, damaged, or not made for each other.
    """

    name = "nano"
    control_style = "nano"
    canvas_wh = CANVAS_WH
    latent_shape = LATENT_SHAPE
    time_shift = 1.0

    def __init__(self, request: EngineRequest, runtime: RuntimeSettings, *, weights_dir: Path = WEIGHTS_DIR) -> None:
        placement = choose_placement(runtime)
        on_gpu = placement.device != "cpu"
        self._batch = request.frames_per_call or (FRAMES_PER_CALL_GPU if on_gpu else FRAMES_PER_CALL)
        self.frames_per_call = self._batch
        self.num_workers = placement.num_cores if placement.backend == "openvino" else 1
        base_digest = digest_weights(weights_dir)
        for lora in request.loras:
            _check_lora(lora.path, base_digest)
        network_key = _digest_networks(request, base_digest)
        settings = [network_key, request.control_scale, request.precision, placement.backend, self._batch]
        self.digest = _digest_json([*settings, importlib.metadata.version(placement.backend)])
        self._scale = np.array([request.control_scale], dtype=np.float32)
        self._begun: _Begun | None = None
        self._blank = np.zeros((self._batch, *LATENT_SHAPE), dtype=np.float32)

        def make_graphs() -> "NanoGraphs":
            from perfkit.inference.engines.nano_graphs import build_graphs

            return build_graphs(request, weights_dir)

        if placement.backend == "openvino":
            folder = find_cache_dir(runtime.cache_dir) / "openvino" / self.name
            key = _digest_json([network_key, importlib.metadata.version("openvino"), self._batch])
            place = open_exported(folder, key, lambda: _list_exports(make_graphs(), self._batch))
            self._networks = _compile(place, placement, request.precision)
        else:
            self._networks = _run_by_torch(make_graphs(), placement, request.precision)

    def condition(self, control_NHW3: np.ndarray) -> list[list[Any]]:
        return [self._networks.control([part, self._blank, self._scale]) for part in self._split(control_NHW3)]

    def predict_velocity(self, latents_NChw: np.ndarray, time: float, conditioning: list[list[Any]]) -> np.ndarray:
        time_1 = np.array([time], dtype=np.float32)
        parts = zip(self._split(latents_NChw), conditioning, strict=True)
        velocities = [
            _to_numpy(self._networks.up([part, time_1, *self._begin(part, time_1), *residuals])[0])
            for part, residuals in parts
        ]
        return np.concatenate(velocities)[: len(latents_NChw)]

    def _begin(self, latents_BChw: np.ndarray, time_1: np.ndarray) -> list[Any]:
        """Run the UNet's first half; of noise that all frames share, once for all."""
        if time_1[0] < 1 or (latents_BChw[1:] != latents_BChw[0]).any():
            return self._networks.down([latents_BChw, time_1])
        begun = self._begun
        if begun is None or not np.array_equal(begun.noise_Chw, latents_BChw[0]):
            begun = self._begun = _Begun(latents_BChw[0].copy(), self._networks.down([latents_BChw, time_1]))
        return begun.features

    def decode(self, latents_NChw: np.ndarray) -> np.ndarray:
        pictures = [_to_numpy(self._networks.decoder([part])[0]) for part in self._split(latents_NChw)]
        return np.concatenate(pictures)[: len(latents_NChw)]

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        num_missing = -len(rows) % self._batch
        filled = np.concatenate([rows, np.repeat(rows[-1:], num_missing, axis=0)]) if num_missing else rows
        return list(filled.reshape(-1, self._batch, *rows.shape[1:]))


def digest_weights(weights_dir: Path = WEIGHTS_DIR) -> str:
    """Return the SHA-256 over the base's files.

    Raises:
        WeightsError: There are none.
    """
    files = sorted(path for path in weights_dir.rglob("*") if path.suffix in TRAINED_FILES)
    if not files:
        raise WeightsError(f"{weights_dir}: no weights of nano there; reinstall perfkit, or train them")
    return _digest_json([[path.relative_to(weights_dir).as_posix(), _digest_file(path)] for path in files])


def _check_lora(path: Path, base_digest: str) -> None:
    """Refuse a LoRA whose header names another base; one that names none passes."""
    try:
        with safe_open(path, framework="np") as tensors:
            named = (tensors.metadata() or {}).get("base_sha256", base_digest)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: no LoRA that can be read ({error}); train the character again") from error
    if named != base_digest:
        raise WeightsError(
            f"{path}: the LoRA was trained on another base ({named[:12]}..., this one is {base_digest[:12]}...); "
            f"run: perfkit character train {path.parent.parent}"
        )


def _digest_networks(request: EngineRequest, base_digest: str) -> str:
    loras = [[_digest_file(lora.path), lora.scale] for lora in request.loras]
    makers = [
        _digest_file(Path(__file__).with_name(name))
        for name in ("nano_graphs.py", "nano_model.py", "nano_autoencoder.py")
    ]
    versions = [importlib.metadata.version(name) for name in ("torch", "diffusers")]
    return _digest_json([base_digest, loras, request.caption, makers, versions])


def _list_exports(graphs: "NanoGraphs", batch: int) -> list[Export]:
    examples = graphs.make_examples(batch)
    return [Export(name, getattr(graphs, name), examples[name]) for name in NETWORKS]


def _compile(place: Path, placement: Placement, precision: str) -> _Networks:
    compiled = (
        CompiledNetwork(place / f"{name}.xml", num_workers=placement.num_cores, precision=precision)
        for name in NETWORKS
    )
    return _Networks(*compiled)


def _run_by_torch(graphs: "NanoGraphs", placement: Placement, precision: str) -> _Networks:
    from perfkit.inference.engines.nano_graphs import TorchNetwork

    return _Networks(
        *(TorchNetwork(getattr(graphs, name), device=placement.device, precision=precision) for name in NETWORKS)
    )


def _to_numpy(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.cpu().numpy()


def _digest_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); restore the file") from error


def _digest_json(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
