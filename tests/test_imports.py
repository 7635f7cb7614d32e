"""Who may import whom, read from the source. The rules keep the rooms apart; see the map in README.md."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"perfkit": "perfkit", "training": "perfkit.training", "inference": "perfkit.inference"}
ROOTS_OF_THE_TREE = ("perfkit.errors", "perfkit.times", "perfkit.vocabulary", "perfkit.image", "perfkit.geometry")
ONE_DOOR = ("av", "mediapipe", "skia", "ray", "aiortc")
VAGUE_NAMES = {"utils", "util", "helpers", "common", "misc", "manager", "base"}


def modules() -> dict[str, Path]:
    """Return dotted name -> file of every module of the package."""
    found = {}
    for folder, package in ROOMS.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = [package, *file.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports_of(file: Path, package: str, top_level_only: bool = False) -> Iterator[str]:
    """Yield the dotted names that a file imports; `from a import b` yields a.b."""
    tree = ast.parse(file.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def imported(name: str, top_level_only: bool = False) -> list[str]:
    """Return what a module of ours imports."""
    file = MODULES[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return list(imports_of(file, package, top_level_only))


def is_under(name: str, *packages: str) -> bool:
    """Tell whether a dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def offenders(names: list[str], forbidden: tuple[str, ...]) -> list[str]:
    """Return "module imports X" for every forbidden import in the named modules."""
    return [f"{name} imports {what}" for name in names for what in imported(name) if is_under(what, *forbidden)]


def test_the_roots_of_the_tree_import_only_numpy_and_the_standard_library():
    allowed = {*sys.stdlib_module_names, "numpy"}
    for name in ROOTS_OF_THE_TREE:
        foreign = [
            what
            for what in (imported(name) if name in MODULES else [])
            if what.split(".")[0] not in allowed and not is_under(what, *ROOTS_OF_THE_TREE)
        ]
        assert foreign == [], name


def test_what_every_side_shares_never_imports_a_side():
    shared = [name for name in MODULES if not is_under(name, *list(ROOMS.values())[1:], "perfkit.cli")]
    assert offenders(shared, ("perfkit.training", "perfkit.inference", "torch", "diffusers", "transformers")) == []


def test_the_command_line_imports_nothing_heavy_at_its_top():
    heavy = ("perfkit.training", "perfkit.inference", "torch", "diffusers", "mediapipe", "cv2", "numpy", "av")
    top = [
        f"{name} imports {what}"
        for name in MODULES
        if is_under(name, "perfkit.cli")
        for what in imported(name, top_level_only=True)
        if is_under(what, *heavy)
    ]
    assert top == []


def test_inference_never_imports_training():
    assert offenders([name for name in MODULES if is_under(name, "perfkit.inference")], ("perfkit.training",)) == []


def test_training_sees_of_inference_only_the_public_faces_of_engines():
    private = [
        f"{name} imports {what}"
        for name in MODULES
        if is_under(name, "perfkit.training")
        for what in imported(name)
        if is_under(what, "perfkit.inference")
        and (not is_under(what, "perfkit.inference.engines") or any(part.startswith("_") for part in what.split(".")))
    ]
    assert private == []


@pytest.mark.parametrize("library", ONE_DOOR)
def test_a_foreign_library_enters_by_one_door(library):
    doors = [name for name in MODULES if any(is_under(what, library) for what in imported(name))]
    assert len(doors) <= 1, doors


def test_diffusers_stays_in_engines_and_training():
    elsewhere = [name for name in MODULES if not is_under(name, "perfkit.inference.engines", "perfkit.training")]
    assert offenders(elsewhere, ("diffusers",)) == []


def test_nothing_imports_samples_scripts_or_tests():
    assert offenders(list(MODULES), ("samples", "scripts", "tests")) == []


def test_no_module_has_a_vague_name():
    assert [name for name in MODULES if set(name.split(".")) & VAGUE_NAMES] == []


def test_importing_the_command_line_loads_no_heavy_library():
    code = (
        "import sys, perfkit.cli, perfkit.cli.app;"
        "print([m for m in ('torch', 'mediapipe', 'cv2', 'numpy', 'av', 'diffusers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
