"""`perfkit inspect` and `perfkit score` as a user meets them: the path on stdout, the rest on stderr, exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from score_stage import KnowingReader, build_stage
from synthetic_performer import act, lose_face, perform

from perfkit.rig import HUMAN_RIG
from perfkit.track import save_track
from perfkit.video import digest_take


@pytest.fixture(scope="module")
def perfs(tmp_path_factory) -> dict[str, Path]:
    """Name -> a .perf: a whole one, and one whose face is lost for most of the time."""
    folder = tmp_path_factory.mktemp("perfs")
    weights, head = act(96)
    weights[:24], head[:24, :3] = 0.0, 0.0
    whole = perform(HUMAN_RIG, weights, head)
    save_track(whole, folder / "whole.perf")
    save_track(lose_face(whole, slice(30, 90)), folder / "lost.perf")
    return {name: folder / f"{name}.perf" for name in ("whole", "lost")}


def test_inspect_prints_the_page_and_tells_the_verdict(run, perfs):
    outcome = run("inspect", perfs["whole"])
    assert (outcome.code, outcome.out) == (0, "whole-inspection/inspect.html\n")
    assert outcome.err.startswith("Ready to render.")
    assert sorted(path.name for path in Path("whole-inspection").iterdir()) == [
        "inspect.html", "inspect.json", "inspect.png",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "strict", "code"), [("lost", True, 1), ("lost", False, 0), ("whole", True, 0)])
def test_inspect_fails_under_strict_when_something_is_to_be_reshot(run, perfs, name, strict, code):
    outcome = run("inspect", perfs[name], "-o", "there", *(["--strict"] if strict else []))
    assert (outcome.code, outcome.out) == (code, "there/inspect.html\n")
    table = json.loads(Path("there/inspect.json").read_text())
    assert table["severity"] == ("reshoot" if name == "lost" else "fine")
    assert table["verdict"] in outcome.err


def test_inspect_refuses_what_cannot_be_in_one_line(run, perfs, tmp_path):
    (tmp_path / "file").write_text("")
    for arguments in (
        ("inspect", "absent.perf"),
        ("inspect", perfs["whole"], "-o", tmp_path / "file"),
        ("inspect", perfs["whole"], "-o", "no/where"),
        ("inspect", "take.mp4", "--take", "take.mp4"),
        ("inspect", perfs["whole"], "--take", "absent.mp4"),
    ):
        outcome = run(*arguments)
        assert outcome.code == 1 and outcome.out == ""
        assert outcome.err.startswith("perfkit: ") and outcome.err.count("\n") == 1, outcome.err


def test_inspect_looks_at_a_real_take(run, short_take):
    outcome = run("inspect", short_take)
    assert outcome.code == 0 and outcome.out == "short-inspection/inspect.html\n"
    table = json.loads(Path("short-inspection/inspect.json").read_text())
    assert table["num_frames"] == 20 and table["spans"]["found"] == [[0, 20]]
    assert len(table["curves"]["sharpness"]) == 20 and None not in table["curves"]["light"]


@pytest.fixture
def stage(tmp_path):
    """A performer, their take, a character."""
    return build_stage(tmp_path)


def test_score_prints_the_page_and_shows_the_table(run, stage, monkeypatch, tmp_path):
    from perfkit.training.landmark_net import LandmarkNet

    monkeypatch.setattr(LandmarkNet, "load", classmethod(lambda cls: KnowingReader(stage.asked)))
    perf = tmp_path / "take.perf"
    track = replace(stage.track, take_digest=digest_take(stage.take))
    save_track(track, perf)
    out = replace(stage, track=track).write("out")
    outcome = run("score", out, "--take", stage.take.path, "--perf", perf)
    assert (outcome.code, outcome.out) == (0, "out-score/score.html\n"), outcome.err
    for word in ("jaw", "blink recall", "warp error", "seam index", "face shape leak", "met"):
        assert word in outcome.err
    assert sorted(path.name for path in Path("out-score").iterdir()) == ["score.html", "score.json"]


def test_score_refuses_what_cannot_be_in_one_line(run, stage, tmp_path):
    out = stage.write("out")
    for arguments in (
        ("score", "absent.mp4", "--take", stage.take.path),
        ("score", out, "--take", stage.take.path, "-o", out),
        ("score", out, "--take", stage.take.path, "--perf", tmp_path / "absent.perf"),
    ):
        outcome = run(*arguments)
        assert outcome.code == 1 and outcome.out == ""
        assert outcome.err.startswith("perfkit: ") and outcome.err.count("\n") == 1, outcome.err
