"""Where a network runs: which backend, which device, how many cores. Asked once, when an engine is made."""

import os
from dataclasses import dataclass
from pathlib import Path

from perfkit.cores import count_cores
from perfkit.errors import SettingsError
from perfkit.inference.settings import RuntimeSettings


@dataclass(frozen=True)
class Placement:
    """Where a network runs.

    Attributes:
        backend: "openvino" or "torch".
        device: "cpu" or "cuda".
        num_cores: Cores of the processor to use.
    """

    backend: str
    device: str
    num_cores: int


def choose_placement(runtime: RuntimeSettings) -> Placement:
    """Decide what "auto" means on this machine.

    Raises:
        SettingsError: A GPU is asked for and there is none, or it is asked to run OpenVINO.
    """
    if runtime.backend == "openvino" and runtime.device == "cuda":
        raise SettingsError("backend openvino runs on the cpu; give device=cpu, or backend=torch for the GPU")
    wants_gpu = runtime.device == "cuda" or (runtime.device == "auto" and runtime.backend != "openvino")
    gpu = wants_gpu and _has_gpu()
    if runtime.device == "cuda" and not gpu:
        raise SettingsError("device cuda: no GPU that torch can use on this machine; give device=cpu")
    backend = runtime.backend if runtime.backend != "auto" else "torch" if gpu else "openvino"
    return Placement(backend, "cuda" if gpu else "cpu", runtime.num_threads or count_cores())


def _has_gpu() -> bool:
    if not Path("/dev/nvidiactl").exists() and os.name == "posix":
        return False  # torch takes seconds to import; most machines without a GPU are told apart by this file
    import torch

    return torch.cuda.is_available()
