"""The command line as a user meets it: paths on stdout, one line for each mistake, nothing left behind."""

import os
import resource
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from command_line import Outcome

import perfkit.cli

PROGRAM = Path(sys.executable).with_name("perfkit")
MAX_HELP_SECONDS = 0.5


def assert_one_line(outcome: Outcome, *words: str) -> None:
    """Assert that a command refused in one line that holds the given words, and left its folder empty."""
    assert outcome.code == 1, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("perfkit: ") and outcome.err.count("\n") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err
    assert list(Path.cwd().iterdir()) == []


def make_video(path: Path, num_frames: int = 12) -> Path:
    """Write a video of noise: it decodes and holds nobody."""
    import av

    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=12, width=128, height=96, pix_fmt="yuv420p")
        for _ in range(num_frames):
            image = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                target.mux(packet)
        for packet in stream.encode(None):
            target.mux(packet)
    return path


def make_sound(path: Path) -> Path:
    """Write a second of silence."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    return path


def test_help_answers_in_half_a_second():
    def cpu_seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    taken = []
    for _ in range(3):
        before = cpu_seconds()
        subprocess.run([PROGRAM, "--help"], check=True, capture_output=True)
        taken.append(cpu_seconds() - before)
    assert min(taken) < MAX_HELP_SECONDS


def test_version_is_printed(run):
    assert run("--version") == Outcome(0, f"perfkit {perfkit.__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("render",), ("render", "a.mp4", "--seed", "x")])
def test_wrong_usage_exits_2_and_says_so_on_stderr(run, arguments):
    outcome = run(*arguments)
    assert outcome.code == 2
    assert "Usage:" in outcome.out + outcome.err


def test_an_error_of_several_lines_still_is_one_line(run, monkeypatch):
    def refuse() -> list[str]:
        raise perfkit.cli.PerfkitError("first\n  second")

    monkeypatch.setattr("perfkit.pack.list_character_names", refuse)
    assert run("character", "list").err == "perfkit: first second\n"


def test_doctor_says_how_to_get_an_absent_tracker(run, monkeypatch, tmp_path):
    monkeypatch.setattr("perfkit.models.model_folders", lambda: [tmp_path / "nowhere"])
    outcome = run("doctor")
    assert outcome.code == 1
    assert "! face tracker" in outcome.out and "- pose tracker" in outcome.out
    assert "scripts/fetch_models.py" in outcome.out


@pytest.fixture(scope="session")
def bad_takes(tmp_path_factory, demo_take) -> dict[str, Path]:
    """Name -> a take that cannot be captured."""
    folder = tmp_path_factory.mktemp("bad")
    takes = {name: folder / f"{name}.mp4" for name in ("missing", "folder", "empty", "text", "truncated", "cut")}
    takes["folder"].mkdir()
    takes["empty"].write_bytes(b"")
    takes["text"].write_text("not a video\n" * 50)
    content = demo_take.read_bytes()
    takes["truncated"].write_bytes(content[: len(content) // 3])
    takes["cut"].write_bytes(content[:100])
    takes["sound"] = make_sound(folder / "sound.wav")
    takes["nobody"] = make_video(folder / "nobody.mp4")
    return takes


BAD_TAKES = ("missing", "folder", "empty", "text", "cut", "sound", "nobody")


@pytest.mark.parametrize("kind", BAD_TAKES)
def test_capture_refuses_a_bad_take_in_one_line(run, bad_takes, models_dir, kind):
    assert_one_line(run("capture", bad_takes[kind], "-o", "take.perf"), bad_takes[kind].name)


@pytest.mark.parametrize("kind", BAD_TAKES)
def test_render_refuses_a_bad_take_in_one_line(run, bad_takes, models_dir, character, kind):
    outcome = run("render", bad_takes[kind], "--character", character, "-o", "out.mp4")
    assert_one_line(outcome, bad_takes[kind].name)


def test_a_take_without_a_face_names_the_frames_searched(run, bad_takes, models_dir):
    assert_one_line(run("capture", bad_takes["nobody"], "-o", "take.perf"), "12 frames")


@pytest.mark.parametrize("name", ["corrupted.mp4", "invalid-bitstream.webm", "sample_audio_only.mp4", "video_180.mov"])
def test_real_odd_takes_are_refused_in_one_line(run, takes_dir, models_dir, name):
    assert_one_line(run("capture", takes_dir / "odd" / name, "-o", "take.perf"), name)


def test_unknown_character_is_refused_with_the_known_ones(run, short_take, character):
    assert_one_line(run("render", short_take, "--character", "nobody-knows", "-o", "out.mp4"), character)


def test_a_pack_without_adapter_is_refused_with_the_command_that_trains_it(run, short_take, small_pack):
    assert_one_line(run("render", short_take, "--character", small_pack, "-o", "out.mp4"), "character train")


@pytest.mark.parametrize("output", ["absent/out.mp4", "out.xyz"])
def test_an_output_that_cannot_be_is_refused_before_the_work(run, short_take, character, output):
    assert_one_line(run("render", short_take, "--character", character, "-o", output), Path(output).name)


@pytest.mark.parametrize("options", [("--steps", 0), ("--background", "no-such-colour"), ("--take", "absent.mp4")])
def test_a_setting_that_cannot_be_is_refused_in_one_line(run, short_take, character, options):
    assert_one_line(run("render", short_take, "--character", character, "-o", "out.mp4", *options), str(options[1]))


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("verb", ["capture", "render"])
def test_a_full_disk_is_reported_in_one_line_and_nothing_is_left(run, short_take, character, tiny_disk, verb):
    output = tiny_disk / ("take.perf" if verb == "capture" else "out.mov")
    options = [] if verb == "capture" else ["--character", character, "--alpha", "--steps", 1]
    assert_one_line(run(verb, short_take, "-o", output, *options), "space")
    assert list(tiny_disk.iterdir()) == []


def test_the_whole_path_prints_the_path_of_what_it_wrote(run, short_take, character):
    steps = [
        ("capture", short_take, "-o", "take.perf"),
        ("calibrate", "take.perf", "-o", "performer.calibration"),
        ("control", short_take, "--character", character, "-o", "control.mp4"),
        ("render", short_take, "--character", character, "--calibration", "performer.calibration", "-o", "out.mp4"),
    ]
    for arguments in steps:
        output = arguments[arguments.index("-o") + 1]
        assert run(*arguments) == Outcome(0, f"{output}\n", "")
        assert Path(output).stat().st_size > 0


def _listen_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("verb", ["capture", "render"])
def test_interrupted_work_exits_130_and_leaves_nothing_half_made(demo_take, models_dir, character, tmp_path, verb):
    """What is whole of a render, its track and its segments, is kept, and that is said."""
    output = "take.perf" if verb == "capture" else "out.mp4"
    options = [] if verb == "capture" else ["--character", character]
    command = [str(PROGRAM), verb, str(demo_take), "-o", output, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    with subprocess.Popen(command, cwd=tmp_path, text=True, preexec_fn=_listen_to_interrupts, **pipes) as program:
        time.sleep(6)
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert out == "" and "Traceback" not in err
    left = [path.name for path in tmp_path.rglob("*") if path.name != "identity"]
    assert left == [] or (left[0] == ".out.mp4.work" and all(len(name) > 64 for name in left[1:]))
    assert ("the same command goes on" in err) == bool(left)
