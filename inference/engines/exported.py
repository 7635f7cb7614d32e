"""Networks exported to OpenVINO: kept on disk by the digest of what they were made from, run from several threads.

    key = SHA-256 of weights, LoRA, caption, exporter, versions      CACHE/KIND/KEY/{manifest.json, NAME.xml, NAME.bin}

A folder whose files do not match its manifest is thrown away and made again; one that is half made is never seen under
its name. Serves any engine; knows none.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from perfkit.errors import SettingsError, WeightsError

MANIFEST = "manifest.json"
NUM_CHECKS = 5
TOLERANCE = 0.01
"""Largest difference from the original, as a part of the output's range: rounding stays far below."""
NUM_KEPT = 8
"""Exported networks of one kind that are kept; those unused for longest go first."""


@dataclass(frozen=True, eq=False)
class Export:
    """One network to export.

    Attributes:
        name: File stem.
        module: A torch.nn.Module.
        example: Its inputs; their shapes become the network's.
    """

    name: str
    module: Any
    example: tuple[Any, ...]


class CompiledNetwork:
    """A compiled network; each thread that calls it gets its own buffers.

    Args:
        path: The .xml file.
        num_workers: Calls made at once, each on one core.
        precision: "f32" or "bf16".
    """

    def __init__(self, path: Path, *, num_workers: int, precision: str) -> None:
        openvino = import_openvino()
        self._compiled = openvino.Core().compile_model(
            str(path),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": num_workers,
                "NUM_STREAMS": num_workers,
                "INFERENCE_PRECISION_HINT": precision,
                "ENABLE_CPU_PINNING": False,
                # OpenVINO 2026.4 crashes as it fuses a UNet's scales and shifts into one kernel.
                "SNIPPETS_MODE": "DISABLE",
            },
        )
        self._of_thread = threading.local()
        # OpenVINO fills tables of its own at the first call. Two threads that are first together wait for each other
        # for ever: one holds the table and wants Python's lock, the other holds Python's lock and wants the table.
        self([np.zeros(port.shape, port.element_type.to_dtype()) for port in self._compiled.inputs])

    def __call__(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run the network; inputs and outputs in the module's own order."""
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        results = self._of_thread.request.infer(list(inputs), share_inputs=True)
        return [results[index] for index in range(len(results))]


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which would look up a host on every conversion."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def has_fast_bf16() -> bool:
    """Tell whether this processor computes in bfloat16 by itself."""
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def find_cache_dir(cache_dir: Path | None) -> Path:
    """Return the folder for what can be made again: as given, else $PERFKIT_CACHE, else ~/.cache/perfkit."""
    return cache_dir or Path(os.environ.get("PERFKIT_CACHE") or Path.home() / ".cache" / "perfkit")


def open_exported(folder: Path, key: str, make_exports: Callable[[], list[Export]]) -> Path:
    """Return the folder of the networks with this key, exporting them if they are absent or damaged.

    Args:
        folder: Where networks of this kind lie.
        key: Digest of everything that they depend on.
        make_exports: Called only when they must be made.
    """
    place = folder / key
    if not _is_whole(place):
        try:
            shutil.rmtree(place, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            _make(place, make_exports)
        except OSError as error:
            raise SettingsError(
                f"cache {folder}: cannot be written ({error.strerror or error}); set PERFKIT_CACHE to a folder that can"
            ) from error
        _forget_oldest(folder, keep=place)
    (place / MANIFEST).touch()
    return place


def _make(place: Path, make_exports: Callable[[], list[Export]]) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f"{place.name[:8]}.", dir=place.parent))
    try:
        _write(aside, make_exports())
        if not _is_whole(place):
            aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(folder: Path, exports: list[Export]) -> None:
    openvino = import_openvino()
    for export in exports:
        shapes = [tuple(value.shape) for value in export.example]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = openvino.convert_model(export.module, example_input=export.example, input=shapes)
        path = folder / f"{export.name}.xml"
        openvino.save_model(network, path, compress_to_fp16=False)
        check_export(export, path)
    digests = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def check_export(export: Export, path: Path) -> None:
    """Compare an exported network with the module that it was made from, several times over.

    More than once, because a compiled network that writes into its own constants is right the first time only.

    Raises:
        WeightsError: They differ.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    probes = [_make_probe(value, generator) for value in export.example]
    with torch.inference_mode():
        outputs = export.module(*probes)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    network = CompiledNetwork(path, num_workers=2, precision="f32")
    for _ in range(NUM_CHECKS):
        for found, expected in zip(network([probe.numpy() for probe in probes]), outputs, strict=True):
            wanted = expected.numpy()
            difference = float(np.abs(found.astype(np.float64) - wanted).max())
            scale = 255.0 if wanted.dtype == np.uint8 else max(1.0, float(np.abs(wanted).max()))
            if difference > TOLERANCE * scale:
                raise WeightsError(
                    f"{export.name}: the exported network differs from its original ({difference:.3g} of {scale:.3g}); "
                    "choose backend torch, and report it with the versions that perfkit doctor prints"
                )


def _make_probe(example: Any, generator: Any) -> Any:
    import torch

    if example.is_floating_point():
        return torch.rand(example.shape, generator=generator)
    return torch.randint(0, 256, example.shape, generator=generator, dtype=example.dtype)


def _is_whole(place: Path) -> bool:
    try:
        digests = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        return bool(digests) and all(_digest(place / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError):
        return False


def _forget_oldest(folder: Path, *, keep: Path) -> None:
    others = [place for place in folder.iterdir() if (place / MANIFEST).is_file() and place != keep]
    others.sort(key=lambda place: (place / MANIFEST).stat().st_mtime)
    for place in others[: max(0, len(others) + 1 - NUM_KEPT)]:
        shutil.rmtree(place, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
