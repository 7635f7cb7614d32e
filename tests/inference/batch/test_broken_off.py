"""A batch that is broken off, by a kill, Ctrl-C or a full disk, goes on inside the take that it was at."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from grey_take import ENGINE_PLACE, NUM_FRAMES, SETTINGS, TableEngine, slow_down, write_perf, write_take

from perfkit.errors import MediaError
from perfkit.inference.batch import BatchOptions, Ledger, find_jobs, making, plan_batch, run_batch, workers
from perfkit.inference.engine import ENGINES
from perfkit.inference.settings import RuntimeSettings
from perfkit.inference.work_folder import Segment, work_path

HERE = BatchOptions(num_workers=0, segment_frames=4)
PROGRAM = Path(sys.executable).with_name("perfkit")


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)


@pytest.fixture
def takes(tmp_path):
    (tmp_path / "takes").mkdir()
    take = write_take(tmp_path / "take.mp4")
    for name in ("a.perf", "b.perf"):
        write_perf(tmp_path / "takes" / name, take)
    return tmp_path / "takes"


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def plan(takes, out):
    return plan_batch(find_jobs(takes, out, "zib", SETTINGS, suffix=".mov"), out, Ledger(out))


def make(takes, out, options=HERE):
    return run_batch(plan(takes, out), out, Ledger(out), options)


def tree(folder):
    """Return every file below a folder; the bytes of videos and contact sheets, but not of what tells times."""
    has_times = (".json", ".sqlite")
    return {
        path.relative_to(folder): None if path.suffix in has_times else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _make_slowly(takes, out):
    slow_down(TableEngine)
    make(takes, out)


def _count_kept(out):
    """Count while folders come and go, which `Path.rglob` does not bear."""
    return sum(name.endswith(".segment") for _, _, names in os.walk(out) for name in names)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("num_kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_inside_takes_and_the_shots_are_those_of_an_unbroken_run(takes, out, tmp_path, num_kills):
    (tmp_path / "whole").mkdir()
    make(takes, tmp_path / "whole")
    context, rng, num_inside = multiprocessing.get_context("fork"), random.Random(1), 0
    for _ in range(num_kills):
        program = context.Process(target=_make_slowly, args=(takes, out))
        program.start()
        num_kept = _count_kept(out)
        while program.is_alive() and _count_kept(out) <= num_kept:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15))
        program.kill()
        program.join()
        num_inside += _count_kept(out) > 0
    assert num_inside, "no kill hit a take"
    make(takes, out)
    assert tree(out) == tree(tmp_path / "whole")


def test_what_is_kept_of_a_take_is_told_before_the_batch_goes_on(takes, out, monkeypatch):
    real = making.render_take

    def render(source, pack, path, settings, runtime):
        def interrupt(done, total):
            if done == 10 and path.name == "a.mov":
                raise KeyboardInterrupt

        return real(source, pack, path, settings, replace(runtime, on_progress=interrupt))

    monkeypatch.setattr(making, "render_take", render)
    with pytest.raises(KeyboardInterrupt):
        make(takes, out)
    first, second = plan(takes, out)
    kept = Ledger(out).read_segments("a.mov", first.identity)
    assert [segment.frames for segment in kept[:2]] == [range(0, 4), range(4, 8)]
    assert first.why == f"broken off, {sum(len(segment.frames) for segment in kept)} frames are kept"
    assert (second.is_due, second.why) == (True, "not made yet")


def test_a_finished_shots_segments_stay_in_the_ledger_and_leave_the_disk(takes, out):
    shots = make(takes, out)
    segments = Ledger(out).read_segments("a.mov", shots[0].identity)
    assert sum(len(segment.frames) for segment in segments) == NUM_FRAMES
    assert not list(out.rglob("*.work"))


def test_another_settings_segments_leave_the_ledger(out):
    ledger = Ledger(out)
    ledger.write_segment("a.mov", "old", Segment(range(8, 12), "d"))
    ledger.write_segment("a.mov", "new", Segment(range(0, 4), "d"))
    ledger.write(workers.fail_shot(_planned("a.mov", "new"), "no").shot)
    assert ledger.read_segments("a.mov", "old") == []
    assert ledger.read_segments("a.mov", "new") == [Segment(range(0, 4), "d")]


def _planned(out: str, identity: str):
    from perfkit.inference.batch import PlannedShot, ShotJob

    return PlannedShot(ShotJob(Path("a.perf"), Path(out), "zib", SETTINGS), out, identity, True, "")


def test_a_work_folder_that_a_kill_left_behind_a_finished_shot_is_removed(takes, out):
    make(takes, out)
    left = work_path(out / "a.mov")
    left.mkdir()
    make(takes, out)
    assert not left.exists()


def test_a_ledger_on_a_full_disk_ends_the_batch_as_a_full_disk_does(takes, out, monkeypatch):
    def write(self, out, identity, segment):
        raise self_full()

    def self_full():
        try:
            raise OSError(28, "database or disk is full")
        except OSError as error:
            refusal = MediaError("ledger.sqlite: the batch's ledger cannot be used; free space")
            refusal.__cause__ = error
            return refusal

    monkeypatch.setattr(Ledger, "write_segment", write)
    with pytest.raises(MediaError, match="same command again"):
        make(takes, out)
    monkeypatch.undo()
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)
    assert _count_kept(out) == 1
    assert [shot.state for shot in make(takes, out)] == ["done", "done"]


@pytest.mark.slow  # it interrupts the process that it runs in, which must not be one of several
@pytest.mark.timeout(60)
def test_an_interrupt_ends_the_workers_at_once(takes, out, monkeypatch):
    """Forked workers, which know that render has been made to sleep: one asleep, one that hears no signal."""

    def render(source, pack, path, settings, runtime: RuntimeSettings):
        if path.name == "b.mov":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        path.with_name(f".{path.stem}.1.partial.mov").touch()
        time.sleep(50)

    monkeypatch.setattr(making, "render_take", render)
    fork = multiprocessing.get_context("fork")

    def make_pool(count):
        shares = (workers._share_cores(count, fork),)
        return ProcessPoolExecutor(count, mp_context=fork, initializer=workers._prepare_worker, initargs=shares)

    monkeypatch.setattr(workers, "_make_pool", make_pool)

    def interrupt():
        while len(list(out.glob(".*.partial.mov"))) < 2:
            time.sleep(0.01)
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    interrupted: list[float] = []
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        make(takes, out, BatchOptions(num_workers=2))
    assert time.monotonic() - interrupted[0] < _allowed_seconds()
    assert _find_working(psutil.Process().children()) == []
    assert not list(out.glob(".*.partial.mov"))


def _allowed_seconds() -> float:
    """Return how long an interrupt may take: a second, more where others want the cores too."""
    return 1.0 if os.getloadavg()[0] < (os.cpu_count() or 1) else 5.0


def _find_working(processes):
    return [process for process in processes if process.status() != psutil.STATUS_ZOMBIE]


RUN = """
import sys
from pathlib import Path
from perfkit.inference.batch import BatchOptions, Ledger, find_jobs, plan_batch, run_batch
from perfkit.inference.settings import RenderSettings
takes, out, character = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
out.mkdir(exist_ok=True)
jobs = find_jobs(takes, out, character, RenderSettings(steps=1), suffix=".mp4")
run_batch(plan_batch(jobs, out, Ledger(out)), out, Ledger(out), BatchOptions(num_workers=2, segment_frames=4))
"""


@pytest.mark.slow
def test_twenty_kills_of_two_workers_and_the_shots_are_those_of_an_unbroken_run(short_take, character, tmp_path):
    """`kill -9` of the real thing: capture, the real network, H.264, workers that are left without a parent."""
    takes = tmp_path / "takes"
    takes.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(short_take, takes / f"{name}.mp4")

    def command(out: str) -> list[str]:
        return [sys.executable, "-c", RUN, str(takes), out, character]

    subprocess.run(command("whole"), cwd=tmp_path, check=True, capture_output=True)
    num_inside, rng, broken = 0, random.Random(3), tmp_path / "broken"
    for _ in range(20):
        num_kept, deadline = _count_kept(broken), time.monotonic() + (rng.uniform(1, 8) if rng.random() < 0.3 else 90)
        with subprocess.Popen(command("broken"), cwd=tmp_path, stderr=subprocess.DEVNULL) as program:
            while program.poll() is None and time.monotonic() < deadline and _count_kept(broken) <= num_kept:
                time.sleep(0.01)
            program.kill()
        num_inside += _count_kept(broken) > 0
    assert num_inside, "no kill hit a take"
    subprocess.run(command("broken"), cwd=tmp_path, check=True, capture_output=True)
    assert tree(broken) == tree(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_ends_the_command_within_a_second_and_says_how_to_go_on(demo_take, models_dir, character, tmp_path):
    (tmp_path / "takes").mkdir()
    shutil.copy(demo_take, tmp_path / "takes" / "a.mp4")
    shutil.copy(demo_take, tmp_path / "takes" / "b.mp4")
    command = [str(PROGRAM), "batch", "takes", "-o", "out", "-c", character, "--steps", "1", "--workers", "2"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as program:
        deadline = time.monotonic() + 200
        while not list((tmp_path / "out").rglob("take-*.perf")) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = psutil.Process(program.pid).children(recursive=True)
        started = time.monotonic()
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
        seconds = time.monotonic() - started
    assert program.returncode == 130 and out == "" and "Traceback" not in err
    assert err.splitlines()[-1] == "perfkit: interrupted; the same command goes on from there"
    assert seconds < _allowed_seconds()
    assert _find_working(psutil.wait_procs(children, timeout=1)[1]) == []
    assert not list((tmp_path / "out").glob(".*.partial.mp4"))
