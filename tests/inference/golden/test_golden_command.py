"""Golden takes as a studio meets them: the verbs, and the pytest plugin in a suite of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grey_take import ENGINE_PLACE, SETTINGS, write_perf, write_take

from perfkit.inference.engine import ENGINES
from perfkit.inference.golden.checking import record_golden
from perfkit.inference.golden.golden_file import load_golden

CHARACTER = "zib"
TESTS = Path(__file__).parents[2]


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """A studio's folder: two takes, their goldens, a test file of two lines."""
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)
    folder = tmp_path / "studio"
    (folder / "goldens").mkdir(parents=True)
    for name in ("ada", "bob"):
        write_perf(folder / f"{name}.perf", write_take(folder / f"{name}.mp4"))
        record_golden(folder / f"{name}.perf", CHARACTER, folder / "goldens" / name, SETTINGS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_takes.py").write_text("def test_golden(golden, golden_name):\n    golden(golden_name)\n")
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
        f"from perfkit.inference.engine import ENGINES\nENGINES['fake'] = {ENGINE_PLACE!r}\n"
    )
    return folder


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def change_settings(golden: Path) -> None:
    """Make a golden ask for another strength of control, as if the engine had changed."""
    path = golden / "golden.json"
    text = path.read_text()
    assert '"steps": 2' in text
    path.write_text(text.replace('"background": "#f0b43c"', '"background": "#203040"'))


def test_a_suite_of_two_lines_has_one_test_for_every_golden(studio):
    done = run_pytest(studio, "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_golden[ada] PASSED" in done.stdout and "test_golden[bob] PASSED" in done.stdout


def test_a_failure_says_tier_frame_and_report_and_spares_the_trace_also_in_parallel(studio):
    change_settings(studio / "goldens" / "bob")
    done = run_pytest(studio, "-n", "2")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "golden bob: picture broke first, first bad frame 0" in done.stdout
    assert "Traceback" not in done.stdout and "checking.py" not in done.stdout
    assert (studio / "golden-report" / "bob.html").is_file()
    assert not (studio / "golden-report" / "ada.html").exists()


def test_golden_update_approves_and_the_next_run_passes(studio):
    change_settings(studio / "goldens" / "bob")
    assert run_pytest(studio, "--golden-update").returncode == 0
    assert run_pytest(studio).returncode == 0


def test_a_golden_that_cannot_be_rendered_fails_in_one_line(studio):
    (studio / "ada.perf").unlink()
    done = run_pytest(studio)
    assert done.returncode == 1 and "golden ada: " in done.stdout and "no such file" in done.stdout


def test_a_suite_without_goldens_says_how_to_make_one(studio):
    shutil.rmtree(studio / "goldens")
    done = run_pytest(studio)
    assert done.returncode != 0
    assert "no golden takes here; make one: perfkit golden record" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_check_tells_all_takes_and_exits_with_1(run, studio):
    assert run("golden", "check", studio / "goldens", "-o", "report")[0] == 0
    change_settings(studio / "goldens" / "bob")
    outcome = run("golden", "check", studio / "goldens", "-o", "report")
    assert outcome.code == 1
    assert outcome.out == "report/ada.html\nreport/bob.html\n"
    assert "golden ada: as approved" in outcome.err and "golden bob: picture broke first" in outcome.err


def test_update_approves_what_differs(run, studio):
    change_settings(studio / "goldens" / "bob")
    outcome = run("golden", "check", studio / "goldens" / "bob", "--update", "-o", "report")
    assert outcome.code == 0 and "approved: " in outcome.err
    assert run("golden", "check", studio / "goldens", "-o", "report").code == 0


def test_record_writes_a_golden_and_prints_its_folder(run, short_take, character):
    Path("goldens").mkdir()
    outcome = run("golden", "record", short_take, "-c", character, "-o", "goldens/tears", "--steps", 1, "--seed", 3)
    assert (outcome.code, outcome.out) == (0, "goldens/tears\n"), outcome.err
    golden = load_golden(Path("goldens/tears"))
    assert (golden.settings.steps, golden.settings.seed, golden.name) == (1, 3, "tears")
    assert run("golden", "check", "goldens").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("record", "absent.mp4", "-c", CHARACTER, "-o", "g"), "absent.mp4"),
        (("record", "absent.mp4", "-c", CHARACTER, "-o", "no/where/g"), "does not exist"),
        (("check", "nowhere"), "perfkit golden record"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(run, arguments, words):
    outcome = run("golden", *arguments)
    assert outcome.code == 1 and outcome.out == ""
    assert outcome.err.startswith("perfkit: ") and outcome.err.count("\n") == 1 and words in outcome.err
    assert list(Path.cwd().iterdir()) == []
