"""`perfkit doctor`: what is installed, what it runs on, which files are there, what to do about missing ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from perfkit import __version__
from perfkit.errors import PerfkitError

LIBRARIES = (
    "torch", "torchvision", "diffusers", "transformers", "peft", "openvino", "mediapipe",
    "opencv-contrib-python", "av", "numpy", "safetensors", "skia-python",
)  # fmt: skip
CLASHING = ("opencv-python", "opencv-python-headless")
WEIGHTS_FOLDER = "weights"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was looked for.
        found: What is there.
        advice: What to do; empty where all is well.
        is_required: Whether perfkit cannot do its main job without it.
    """

    name: str
    found: str
    advice: str = ""
    is_required: bool = False


def doctor() -> None:
    """Report versions, device, tracker and base files, and what to do about each missing one."""
    is_able = True
    for finding in iterate_findings():
        is_able = is_able and not (finding.advice and finding.is_required)
        mark = " " if not finding.advice else "!" if finding.is_required else "-"
        print(f"{mark} {finding.name:<24} {finding.found}")
        if finding.advice:
            print(f"  {'':<24} -> {finding.advice}")
    if not is_able:
        raise typer.Exit(1)


def iterate_findings() -> Iterator[Finding]:
    """Yield every line of the report, in order."""
    import platform

    yield Finding("perfkit", __version__)
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}")
    for library in LIBRARIES:
        yield _find_library(library)
    for library in CLASHING:
        if _version_of(library):
            advice = (
                f"it overwrites opencv-contrib-python: pip uninstall {library}, then reinstall opencv-contrib-python"
            )
            yield Finding(library, _version_of(library), advice, is_required=True)
    yield _find_device()
    yield from _find_trackers()
    yield from _find_bases()
    yield from _find_characters()


def _version_of(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _find_library(library: str) -> Finding:
    version = _version_of(library)
    advice = "" if version else "install with the pins: pip install -c constraints.txt perfkit"
    return Finding(library, version or "absent", advice, is_required=library != "skia-python")


def _find_device() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", f"unknown ({error})", "reinstall torch", is_required=True)
    if torch.cuda.is_available():
        return Finding("device", f"cuda: {torch.cuda.get_device_name()}")
    return Finding("device", f"cpu, {torch.get_num_threads()} threads")


def _find_trackers() -> Iterator[Finding]:
    from perfkit.models import FETCH_COMMAND, TRACKER_FILES, find_model

    for name, model in TRACKER_FILES.items():
        label = f"{name} tracker"
        try:
            path = find_model(name)
        except PerfkitError as error:
            yield Finding(label, "another file", str(error), is_required=model.is_required)
            continue
        if path is None:
            loss = "capture needs it" if model.is_required else f"captures go without {name}"
            yield Finding(label, f"absent, {loss}", FETCH_COMMAND, is_required=model.is_required)
        else:
            yield Finding(label, f"{path} {model.sha256[:12]}")


def _find_bases() -> Iterator[Finding]:
    from hashlib import sha256
    from importlib import resources

    from perfkit.inference.engine import ENGINES

    folder = Path(str(resources.files("perfkit.inference"))) / WEIGHTS_FOLDER
    for name in ENGINES:
        weights = sorted((folder / name).rglob("*.safetensors"))
        if not weights:
            advice = "restore it from the repository or the wheel"
            yield Finding(f"{name} base", f"no weights in {folder / name}", advice, is_required=True)
        for file in weights:
            digest = sha256(file.read_bytes()).hexdigest()
            size = f"{file.stat().st_size / 1e6:.1f} MB"
            yield Finding(f"{name} base", f"{file.relative_to(folder)} {size} {digest[:12]}")


def _find_characters() -> Iterator[Finding]:
    from perfkit.pack import list_character_names, load_pack

    for name in list_character_names():
        try:
            pack = load_pack(name)
        except PerfkitError as error:
            yield Finding(f"character {name}", "damaged", str(error))
            continue
        engines = ", ".join(sorted(pack.loras))
        advice = "" if engines else f"perfkit character train {name}"
        yield Finding(f"character {name}", f"LoRA for {engines or 'no engine'}, pack {pack.digest[:12]}", advice)
