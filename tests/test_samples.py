"""Every numbered sample runs, is short, and writes what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
MAX_LINES = 80


def run_sample(name: str, *arguments: object) -> str:
    """Run a sample as a user would and return what it printed."""
    command = [sys.executable, str(SAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def perf(short_take, tmp_path_factory) -> Path:
    """A .perf made by the first sample."""
    path = tmp_path_factory.mktemp("samples") / "take.perf"
    printed = run_sample("01_capture.py", short_take, path)
    assert "20 frames, a face in 20" in printed
    return path


def test_capture_sample_names_the_strongest_expressions(perf):
    assert perf.stat().st_size > 0


def test_control_sample_draws_pictures(perf, character, tmp_path):
    run_sample("02_retarget_and_draw_control.py", perf, character, tmp_path / "control.png")
    assert (tmp_path / "control.png").stat().st_size > 1000


def test_render_sample_renders_every_sample_character(short_take, character, tmp_path):
    printed = run_sample("03_render_a_character.py", short_take, tmp_path)
    assert len(printed.split()) == len(list(tmp_path.glob("*.mp4"))) == len(list(tmp_path.glob("*.png"))) >= 1


def test_samples_are_short_and_numbered_without_gaps():
    names = sorted(path.name for path in SAMPLES.glob("*.py"))
    assert [name[:2] for name in names] == [f"{number:02}" for number in range(1, len(names) + 1)]
    assert all(len((SAMPLES / name).read_text().splitlines()) < MAX_LINES for name in names)


def test_every_sample_is_run_by_a_test():
    tests = Path(__file__).read_text()
    assert [path.name for path in SAMPLES.glob("*.py") if f'"{path.name}"' not in tests] == []
