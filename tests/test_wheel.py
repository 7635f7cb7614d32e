"""The wheel: what is in it, and that it renders in an environment that never saw the checkout."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"perfkit": "perfkit", "training": "perfkit/training", "inference": "perfkit/inference"}
MAX_WHEEL_BYTES = 90_000_000


def folders_with_modules() -> set[str]:
    """Return the dotted name of every folder in the rooms that holds modules."""
    found = set()
    for room, package in ROOMS.items():
        for file in (ROOT / room).rglob("*.py"):
            found.add(str(Path(package) / file.parent.relative_to(ROOT / room)).replace("/", "."))
    return found


def test_every_folder_with_modules_is_listed_as_a_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    assert folders_with_modules() | {"perfkit.characters"} == listed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly built wheel."""
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "scripts" / "build_wheel.py"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.mark.slow
def test_wheel_is_small_and_puts_only_perfkit_into_site_packages(wheel):
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"perfkit"}


@pytest.mark.slow
def test_wheel_carries_every_module_the_base_and_the_sample_characters(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for room, package in {**ROOMS, "samples/characters": "perfkit/characters"}.items():
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix not in (".checkpoint", ".part"):
                assert f"{package}/{file.relative_to(ROOT / room).as_posix()}" in names


@pytest.mark.slow
def test_wheel_in_an_empty_environment_renders(wheel, short_take, models_dir, tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    uv = Path(sys.executable).with_name("uv")
    install = (
        [str(uv), "pip", "install", "--python", str(python)] if uv.exists() else [str(python), "-m", "pip", "install"]
    )
    subprocess.run([*install, "--quiet", "--no-deps", "-r", str(ROOT / "constraints.txt")], check=True)
    subprocess.run([*install, "--quiet", "--no-deps", str(wheel)], check=True)
    program = str(python.with_name("perfkit"))
    environment = {**os.environ, "PERFKIT_MODELS": str(models_dir)}
    names = subprocess.run([program, "character", "list"], capture_output=True, text=True, check=True, cwd=tmp_path)
    command = [program, "render", str(short_take), "--character", names.stdout.split()[0], "-o", "out.mp4"]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "out.mp4").stat().st_size > 1000
