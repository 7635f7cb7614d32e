"""The short form of `python scripts/bench.py robustness` and `soak`: some odd inputs, some takes in a row."""

import gc
from functools import partial

import psutil
import pytest
import script_loader
from grey_take import ENGINE_PLACE, SETTINGS, make_pack, write_perf, write_take

from perfkit.inference.engine import ENGINES
from perfkit.inference.render import RuntimeSettings, render_take

NUM_TAKES = 12


@pytest.fixture
def load_script(monkeypatch):
    return partial(script_loader.load_script, monkeypatch=monkeypatch)


def test_some_odd_inputs_are_finished_or_refused_in_one_line_and_leave_nothing(load_script, short_take, tmp_path):
    judging, cases = load_script("judge_case"), load_script("odd_cases")
    clip = short_take.read_bytes()
    chosen = [
        cases.make_take_case("truncated", "half", "take.mp4", clip[: len(clip) // 2]),
        cases.make_take_case("zero bytes", "all", "take.mp4", bytes(5000)),
        next(case for case in cases.iterate_place_cases(clip) if case.name == "a pipe, capture"),
        next(case for case in cases.iterate_target_cases(clip) if case.name == "the take itself, capture"),
        cases.make_take_case("good", "whole", "10:30.mp4", clip),
    ]
    for number, case in enumerate(chosen):
        verdict = judging.judge(case, tmp_path / str(number))
        assert verdict.violations == [], case
        assert verdict.code == (0 if case.kind == "good" else 1), verdict.last_line


def test_a_command_that_leaves_a_file_or_says_too_much_is_noticed(load_script, monkeypatch, tmp_path):
    judging = load_script("judge_case")
    monkeypatch.setattr(judging, "PROGRAM", "/bin/sh")
    verdict = judging.judge(
        judging.Case("", "", lambda _: ["-c", "echo a >out/left; echo perfkit: b >&2; echo c >&2; exit 1"]), tmp_path
    )
    assert [violation.split(" out")[0] for violation in verdict.violations] == [
        "refused in 2 lines: perfkit: b / c",
        "left or changed",
    ]


def test_takes_in_a_row_leave_no_open_file_and_no_thread_behind(monkeypatch, tmp_path):
    process = psutil.Process()
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)
    pack = make_pack(tmp_path)
    perf = write_perf(tmp_path / "take.perf", write_take(tmp_path / "take.mp4"))
    counts = []
    for _ in range(NUM_TAKES):
        render_take(perf, pack, tmp_path / "out.mp4", SETTINGS, RuntimeSettings())
        gc.collect()
        counts.append((process.num_fds(), process.num_threads()))
    assert counts[-1] == counts[1]
