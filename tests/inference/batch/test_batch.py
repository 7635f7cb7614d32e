"""A batch: every take is made once, what changed is made again, one bad take stops nothing, a kill loses nothing."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from grey_take import ENGINE_PLACE, SETTINGS, write_perf, write_take

from perfkit.errors import MediaError, SettingsError
from perfkit.files import unwritable
from perfkit.inference.batch import (
    BatchOptions,
    Ledger,
    Shot,
    ShotJob,
    find_jobs,
    making,
    plan_batch,
    read_job_list,
    run_batch,
    workers,
    write_batch_report,
)
from perfkit.inference.engine import ENGINES
from perfkit.manifest import digest_file

CHARACTER = "zib"
HERE = BatchOptions(num_workers=0)


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with three performances, one of them below."""
    folder = tmp_path_factory.mktemp("batch") / "takes"
    (folder / "day2").mkdir(parents=True)
    take = write_take(folder.parent / "take.mp4")
    for name in ("a.perf", "b.perf", "day2/c.perf"):
        write_perf(folder / name, take)
    return folder


@pytest.fixture
def takes(home, tmp_path):
    return Path(shutil.copytree(home, tmp_path / "takes"))


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def make_jobs(takes: Path, out: Path, **changes) -> list[ShotJob]:
    return find_jobs(takes, out, CHARACTER, replace(SETTINGS, **changes), suffix=".mp4")


def run_all(jobs: list[ShotJob], out: Path) -> list[Shot]:
    ledger = Ledger(out)
    return run_batch(plan_batch(jobs, out, ledger), out, ledger, HERE)


def due_of(jobs: list[ShotJob], out: Path) -> dict[str, str]:
    return {shot.out: shot.why for shot in plan_batch(jobs, out, Ledger(out)) if shot.is_due}


def test_every_take_of_a_folder_is_made_at_its_own_place(takes, out):
    shots = run_all(make_jobs(takes, out), out)
    assert [(shot.out, shot.state, shot.num_frames) for shot in shots] == [
        ("a.mp4", "done", 21),
        ("b.mp4", "done", 21),
        ("day2/c.mp4", "done", 21),
    ]
    assert all((out / shot.out).is_file() and digest_file(out / shot.out) == shot.out_digest for shot in shots)
    assert (out / "day2" / "c.mp4.json").is_file()


def test_what_is_done_is_not_made_again(takes, out, monkeypatch):
    first = run_all(make_jobs(takes, out), out)
    monkeypatch.setattr(making, "render_take", None)
    assert run_all(make_jobs(takes, out), out) == first


def _change_take(takes, out):
    (takes / "b.perf").unlink()
    write_perf(takes / "b.perf", write_take(takes.parent / "other.mp4"))
    with (takes / "b.perf").open("ab") as file:
        file.write(b"\0")


def _remove_result(takes, out):
    (out / "b.mp4").unlink()


def _cut_result(takes, out):
    (out / "b.mp4").write_bytes((out / "b.mp4").read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_change_take, "take, character or settings changed"),
        (_remove_result, "its result is gone"),
        (_cut_result, "its result was changed"),
    ],
)
def test_what_changed_is_made_again_and_nothing_else(takes, out, spoil, why):
    run_all(make_jobs(takes, out), out)
    spoil(takes, out)
    assert due_of(make_jobs(takes, out), out) == {"b.mp4": why}


def test_another_setting_makes_all_again(takes, out):
    run_all(make_jobs(takes, out), out)
    assert len(due_of(make_jobs(takes, out, seed=1), out)) == 3


def test_a_bad_take_is_listed_with_its_reason_and_the_rest_is_made(takes, out):
    (takes / "b.perf").write_bytes(b"no performance")
    shots = run_all(make_jobs(takes, out), out)
    assert [shot.state for shot in shots] == ["done", "failed", "done"]
    assert "not a .perf file" in shots[1].reason and "\n" not in shots[1].reason
    assert due_of(make_jobs(takes, out), out) == {"b.mp4": "failed before"}
    assert not (out / "b.mp4").exists()


def test_a_full_disk_ends_the_batch_and_keeps_what_is_finished(takes, out, monkeypatch):
    real = making.render_take

    def render(source, pack, path, *rest):
        if path.name == "b.mp4":
            error = OSError(28, "No space left on device")
            raise unwritable(path, error) from error
        return real(source, pack, path, *rest)

    monkeypatch.setattr(making, "render_take", render)
    with pytest.raises(MediaError, match=r"free some space.*same command again"):
        run_all(make_jobs(takes, out), out)
    monkeypatch.setattr(making, "render_take", real)
    assert set(due_of(make_jobs(takes, out), out)) == {"b.mp4", "day2/c.mp4"}


def test_what_a_killed_run_left_beside_a_result_is_gone(takes, out):
    stale = [out / ".b.4711.partial.mp4", out / ".b.mp4.4711.partial.json"]
    for path in stale:
        path.write_bytes(b"half")
    run_all(make_jobs(takes, out), out)
    assert not any(path.exists() for path in stale)


def test_the_report_shows_every_shot(takes, out):
    (takes / "b.perf").write_bytes(b"no performance")
    html = write_batch_report(run_all(make_jobs(takes, out), out), out).read_text()
    assert "1 of 3 shots is not made" in html and "not a .perf file" in html
    assert html.count('<img class="wide"') == 2


def test_results_are_never_taken_for_takes_and_equal_names_stay_apart(takes):
    inside = takes / "shots"
    inside.mkdir()
    (inside / "old.mp4").write_bytes(b"result")
    (takes / "b.mp4").write_bytes(b"take")
    (takes / "b.mov").write_bytes(b"take")
    (takes / ".hidden.mp4").write_bytes(b"hidden")
    jobs = find_jobs(takes, inside, CHARACTER, SETTINGS, suffix=".mp4")
    assert [job.out.relative_to(inside).as_posix() for job in jobs] == [
        "a.mp4",
        "b-mov.mp4",
        "b-mp4.mp4",
        "day2/c.mp4",
    ]


def test_a_list_may_differ_row_by_row(takes, out):
    path = takes / "list.csv"
    path.write_text("take,character,background,seed,alpha\na.perf,,#102030,7,\nday2/c.perf,ember,,,\na.perf,,,,no\n")
    jobs = read_job_list(path, out, CHARACTER, SETTINGS, suffix=".mp4")
    assert [job.out.name for job in jobs] == ["a-perf.mp4", "c.mp4", "a-2.mp4"]
    assert (jobs[0].settings.background, jobs[0].settings.seed, jobs[0].character) == ("#102030", 7, CHARACTER)
    assert (jobs[1].settings, jobs[1].character) == (SETTINGS, "ember")
    table = '[[shot]]\ntake = "b.perf"\ncharacter = "ember"\nside_by_side = true\nsteps = 3\n'
    (takes / "list.toml").write_text(table)
    (job,) = read_job_list(takes / "list.toml", out, None, SETTINGS, suffix=".mov")
    assert (job.settings.steps, job.settings.side_by_side, job.out) == (3, True, out / "b.mov")
    assert job.take == takes / "b.perf"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "take,colour\na.perf,red\n", "row 1: unknown colour"),
        ("a.csv", "take,character\n,zib\n", "row 1: names no take"),
        ("a.csv", "take\na.perf\n", "names no character"),
        ("a.csv", "take,character,steps\na.perf,zib,many\n", "steps is 'many'"),
        ("a.csv", "take,character,alpha\na.perf,zib,maybe\n", "alpha is 'maybe'"),
        ("a.csv", "take,character,steps\na.perf,zib,500\n", "row 1: steps: got 500"),
        ("a.csv", "take,character\n", "holds no rows"),
        ("a.toml", "[[shot]\n", "not TOML"),
        ("a.toml", "[other]\n", "expected tables"),
        ("absent.csv", None, "cannot be read"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_in_one_line(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises((MediaError, SettingsError), match=message) as caught:
        read_job_list(tmp_path / name, tmp_path / "out", None, SETTINGS, suffix=".mp4")
    assert "\n" not in str(caught.value)


def test_a_damaged_or_future_ledger_is_refused_and_left_as_it_is(out):
    path = out / "ledger.sqlite"
    path.write_bytes(b"no ledger, " * 200)
    with pytest.raises(MediaError, match="move it away"):
        Ledger(out)
    assert path.read_bytes() == b"no ledger, " * 200
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(MediaError, match="version 99"):
        Ledger(out)


def test_a_list_of_one_take_many_times_is_read_and_every_shot_has_its_own_name(tmp_path):
    (tmp_path / "shots.csv").write_text("take\n" + "a.mp4\n" * 20_000)
    jobs = read_job_list(tmp_path / "shots.csv", tmp_path / "out", CHARACTER, SETTINGS, suffix=".mp4")
    assert len({job.out for job in jobs}) == 20_000


def test_what_is_no_take_is_not_read_to_its_end(tmp_path, out):
    """A terabyte of nothing, of which the disk holds not a byte."""
    (tmp_path / "hole.mp4").touch()
    os.truncate(tmp_path / "hole.mp4", 10**12)
    shots = run_all(make_jobs(tmp_path, out), out)
    assert [shot.state for shot in shots] == ["failed"] and "not a video that can be opened" in shots[0].reason


def test_an_empty_folder_says_what_a_take_is(tmp_path):
    with pytest.raises(MediaError, match="no takes here"):
        find_jobs(tmp_path, tmp_path / "out", CHARACTER, SETTINGS, suffix=".mp4")


def test_two_workers_make_what_one_makes(short_take, out, tmp_path):
    takes = tmp_path / "takes"
    takes.mkdir()
    shutil.copy(short_take, takes / "a.mp4")
    (takes / "b.mp4").write_bytes(b"no video")
    settings = replace(SETTINGS, engine="nano", steps=1)
    jobs = find_jobs(takes, out, CHARACTER, settings, suffix=".mp4")
    ledger = Ledger(out)
    planned = plan_batch(jobs, out, ledger)
    shots = run_batch(planned, out, ledger, BatchOptions(num_workers=2))
    assert [shot.state for shot in shots] == ["done", "failed"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be shared out here")
def test_workers_keep_to_cores_of_their_own():
    own = os.sched_getaffinity(0)
    with workers._make_pool(len(own)) as pool:
        seen = list(pool.map(os.sched_getaffinity, [0] * len(own)))
    assert all(len(cores) == 1 and cores <= own for cores in seen)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_killed_worker_costs_its_own_shot_and_a_bug_is_told(takes, out, monkeypatch, num_workers):
    """Forked workers, which know what the test has put into render's place: b kills its worker each time it runs."""

    def render(source, pack, path, *rest):
        if path.name == "b.mp4":
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        if path.name == "c.mp4":
            raise ValueError("a flaw")
        path.write_bytes(b"video")

    monkeypatch.setattr(making, "render_take", render)
    monkeypatch.setattr(making, "load_provenance", lambda path: Namespace(notes=(), num_frames=3))
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(workers, "_make_pool", lambda count: ProcessPoolExecutor(count, mp_context=fork))
    ledger = Ledger(out)
    jobs = make_jobs(takes, out)
    shots = run_batch(plan_batch(jobs, out, ledger), out, ledger, BatchOptions(num_workers=num_workers))
    assert [(shot.out, shot.state) for shot in shots] == [
        ("a.mp4", "done"),
        ("b.mp4", "failed"),
        ("day2/c.mp4", "failed"),
    ]
    assert "killed, twice" in shots[1].reason and "a bug in perfkit" in shots[2].reason


def test_a_worker_gives_way_to_a_new_one_after_its_share(takes, out, monkeypatch):
    """Forked workers write their own number into what they make."""

    def render(source, pack, path, *rest):
        path.write_text(str(os.getpid()))

    monkeypatch.setattr(making, "render_take", render)
    monkeypatch.setattr(making, "load_provenance", lambda path: Namespace(notes=(), num_frames=3))
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(workers, "_make_pool", lambda count: ProcessPoolExecutor(count, mp_context=fork))
    monkeypatch.setattr(workers, "SHOTS_A_WORKER", 2)
    ledger = Ledger(out)
    shots = run_batch(plan_batch(make_jobs(takes, out), out, ledger), out, ledger, BatchOptions(num_workers=1))
    assert [shot.state for shot in shots] == ["done"] * 3
    a, b, c = ((out / shot.out).read_text() for shot in shots)
    assert a == b != c


def test_the_command_makes_a_folder_and_says_what_failed(run, short_take, character, tmp_path):
    takes = tmp_path / "takes"
    takes.mkdir()
    shutil.copy(short_take, takes / "a.mp4")
    (takes / "b.mp4").write_bytes(b"no video")
    dry = run("batch", takes, "-o", "shots", "-c", character, "--dry-run")
    assert dry.code == 0 and "a.mp4" in dry.err and "not made yet" in dry.err and not Path("shots").exists()
    outcome = run("batch", takes, "-o", "shots", "-c", character, "--steps", 1)
    assert (outcome.code, outcome.out) == (1, "shots/report.html\n"), outcome.err
    assert Path("shots/a.mp4").is_file() and not Path("shots/b.mp4").exists()
    again = run("batch", takes, "-o", "shots", "-c", character, "--steps", 1, "--dry-run")
    assert "skip" in again.err and "failed before" in again.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("takes", "-o", "o"), "--character"),
        (("takes", "-o", "o", "-c", "zib", "--suffix", ".avi"), "--suffix .avi"),
        (("takes", "-o", "o", "-c", "zib", "--alpha"), "--suffix .mp4"),
        (("nowhere", "-o", "o", "-c", "zib"), "nowhere"),
    ],
)
def test_a_batch_that_cannot_begin_is_refused_in_one_line(run, arguments, words):
    Path("takes").mkdir()
    outcome = run("batch", *arguments)
    assert outcome.code == 1 and outcome.err.count("\n") == 1 and words in outcome.err
    assert [path.name for path in Path.cwd().iterdir()] == ["takes"]
