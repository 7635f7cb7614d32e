"""`perfkit export` as a user meets it: a path on stdout, notes on stderr, one line for each mistake."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from posed_performer import act_pose

import perfkit.cli
from perfkit.calibrate import fit_calibration, save_calibration
from perfkit.track import save_track


@pytest.fixture
def run(run):
    """Run `perfkit export`."""
    return partial(run, "export")


@pytest.fixture
def perf(tmp_path) -> Path:
    save_track(act_pose(head_deg=(20, 0, 0)), tmp_path / "take.perf")
    save_calibration(fit_calibration(act_pose()), tmp_path / "performer.calibration")
    return tmp_path / "take.perf"


@pytest.mark.parametrize(
    ("to", "options", "output"),
    [
        ("livelink-csv", ("--rate", "60"), "a.csv"),
        ("bvh", ("--rate", "30000/1001"), "a.bvh"),
        ("bvh", ("--calibration", "../performer.calibration"), "a.bvh"),
        ("usd", (), "a.usdc"),
        ("openpose-json", (), "poses"),
    ],
)
def test_a_file_is_named_on_stdout_and_notes_go_to_stderr(run, perf, to, options, output):
    code, out, err = run(perf, "--to", to, "-o", output, *options)
    assert (code, out) == (0, f"{output}\n")
    assert err.startswith(f"{to}: ")
    assert [file.name for file in Path.cwd().iterdir()] == [output]


def test_a_stream_names_its_receiver(run, perf):
    assert run(perf, "--to", "vmc", "--port", 49321) == (0, "127.0.0.1:49321\n", "vmc: 24 frames in 1.0 s\n")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("take.perf", "--to", "fbx", "-o", "a.fbx"), "known: bvh"),
        (("take.perf", "--to", "bvh"), "-o"),
        (("take.perf", "--to", "bvh", "-o", "absent/a.bvh"), "absent"),
        (("take.perf", "--to", "usd", "-o", "a.fbx"), ".usda"),
        (("take.perf", "--to", "vmc", "-o", "a"), "-o"),
        (("take.perf", "--to", "vmc", "--port", "99999"), "99999"),
        (("take.perf", "--to", "usd", "-o", "a.usda", "--rate", "30"), "--rate"),
        (("take.perf", "--to", "livelink-csv", "-o", "a.csv", "--rate", "25"), "30 or 60"),
        (("take.perf", "--to", "bvh", "-o", "a.bvh", "--calibration", "absent.calibration"), "absent.calibration"),
        (("absent.perf", "--to", "bvh", "-o", "a.bvh"), "perfkit capture"),
        (("performer.calibration", "--to", "bvh", "-o", "a.bvh"), "not a .perf file"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(run, perf, arguments, word):
    code, out, err = run(perf.parent / arguments[0], *arguments[1:])
    assert (code, out) == (1, "")
    assert err.startswith("perfkit: ") and err.count("\n") == 1 and word in err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("rate", ["x", "1/0", ""])
def test_a_rate_that_is_no_number_is_wrong_usage(run, perf, rate):
    code, _, err = run(perf, "--to", "bvh", "-o", "a.bvh", "--rate", rate)
    assert code == 2 and "30000/1001" in err


def test_the_table_of_formats_loads_no_format():
    code = (
        "import sys, perfkit.export;"
        "print([m for m in ('pxr', 'pythonosc', 'numpy', 'perfkit.export.bvh') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["pxr", "pythonosc"])
def test_a_foreign_library_enters_by_one_door(package):
    library = Path(perfkit.cli.__file__).parent.parent
    doors = [
        file.name
        for file in library.rglob("*.py")
        if f"import {package}" in (text := file.read_text()) or f"from {package}" in text
    ]
    assert doors == [{"pxr": "usd.py", "pythonosc": "vmc.py"}[package]]
