"""A person with a folder of drawings at the command line: paths on stdout, summary on stderr, refusals in a line."""

import json
from functools import partial
from pathlib import Path

import pytest
from command_line import Outcome, make_runner
from drawings import draw_head, save

from perfkit.pack import list_character_names, load_pack


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run `perfkit character` in this process, in a folder that holds art/."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "art" / "calm_yaw+00.png", draw_head())
    save(tmp_path / "art" / "smile_yaw+30.png", draw_head(turn=8, mouth=7))
    save(tmp_path / "art" / "blink_left30.png", draw_head(turn=-8, mouth=2))
    return partial(make_runner(monkeypatch, capfd), "character")


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Assert one line on stderr that holds the words."""
    assert outcome.code == 1 and outcome.out == ""
    assert outcome.err.startswith("perfkit: ") and outcome.err.count("\n") == 1, outcome.err
    for word in words:
        assert word in outcome.err


def test_from_drawings_to_rights_to_coverage_without_code(run):
    made = run("new", "pip", "--art", "art", "--no-guess")
    assert (made.code, made.out) == (0, "pip\n")
    assert "3 drawings of 3 files" in made.err and "3 drawings have no licence or no owner" in made.err
    assert_refused(run("train", "pip"), "art/blink_left30.png", "perfkit character rights pip")
    assert run("rights", "pip", "--licence", "CC0-1.0", "--owner", "Ann", "--performer", "Eve").out == "pip\n"
    shown = run("show", "pip").out
    assert "3 drawings, licence CC0-1.0, owner Ann" in shown and "performer Eve" in shown
    assert_refused(run("train", "pip"), "3 drawings with known angle", "no control points", "--anyway")
    covered = run("coverage", "pip")
    assert covered.out == "".join(f"pip-coverage/coverage.{kind}\n" for kind in ("png", "html", "json"))
    assert (
        "no drawing looks left beyond 45 deg or right beyond 45 deg" in covered.err or "to either side" in covered.err
    )
    assert json.loads(Path("pip-coverage/coverage.json").read_text())["num_drawings"] == 3


def test_rights_can_be_given_forbidden_and_ended(run):
    options = ("--licence", "CC0-1.0", "--owner", "Ann", "--permit", "train", "--expires", "2020-01-01")
    run("new", "pip", "--art", "art", "--no-guess", *options)
    assert_refused(run("train", "pip"), "expired on 2020-01-01")
    run("rights", "pip", "--expires", "never", "--permit", "none", "--owner", "Bob")
    assert_refused(run("train", "pip"), "not permitted")
    run("rights", "pip", "--permit", "train", "--permit", "render", "--owner", "Bob", "--all", "--terms", "one film")
    pack = load_pack("pip")
    assert pack.rights.permitted_use == ("train", "render") and pack.rights.expires is None
    assert pack.rights.terms == "one film" and {item.owner for item in pack.art} == {"Bob"}
    pack.require_right("train")


def test_without_the_networks_weights_labels_and_names_go_on(run, monkeypatch, tmp_path):
    from perfkit.training.landmark_net import LandmarkNet

    load = LandmarkNet.load
    monkeypatch.setattr(LandmarkNet, "load", lambda: load(tmp_path / "absent.safetensors"))
    made = run("new", "pip", "--art", "art")
    assert made.code == 0 and "landmark network does not load" in made.err.splitlines()[0]
    assert "going on without it" in made.err and "3 from the file name" in made.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pip", "--art", "nowhere"), "no folder"),
        (("pip", "--art", "art", "--light", "purple"), "purple"),
        (("pip", "--art", "art", "--caption", "cyborg"), "cyborg"),
        (("pip", "--art", "art", "--canvas", "9x9"), "--canvas"),
        (("pip", "--art", "art", "--framing", "wide"), "framing"),
        (("pip", "--art", "art", "--expires", "tomorrow"), "--expires"),
        (("pip", "--art", "art", "--permit", "sell"), "--permit"),
        (("123", "--art", "art"), "--name"),
        (("x1", "--art", "art"), "--trigger"),
        (("deep/er/pip", "--art", "art"), "does not exist"),
        (("art", "--art", "art"), "exists already"),
        ((list_character_names()[0], "--art", "art"), "sample character"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(run, arguments, words):
    assert_refused(run("new", *arguments, "--no-guess"), words)
    assert [path.name for path in Path().iterdir()] == ["art"]


def test_new_without_art_is_wrong_usage(run):
    assert run("new", "pip").code == 2


def test_a_rig_is_shown_set_and_declared_without_editing_files(run, character_copy):
    pack = str(character_copy)
    before = load_pack(pack).rig
    assert "eye_width" in run("rig", pack).out
    options = ("--set", "eye_width=0.5", "--absent", "nose", "--channel", "jawOpen=1.3,0.8")
    changed = run("rig", pack, *options)
    assert changed.code == 0 and "jawOpen: gain 1.3, curve 0.8" in changed.out and "nose" in changed.out
    assert "perfkit character train" in changed.err
    rig = load_pack(pack).rig
    assert rig.eye_width == 0.5 and rig.absent == before.absent | {"nose"}
    assert run("rig", pack, "--present", "nose", "--channel", "jawOpen=1").code == 0
    assert load_pack(pack).rig.absent == before.absent and load_pack(pack).rig.channels == ()


def test_a_rig_is_fitted_anew_and_absent_parts_stay(run, character_copy):
    pack = str(character_copy)
    truth = load_pack(pack).rig
    run("rig", pack, "--set", "mouth_y=0.2", "--absent", "left_brow")
    fitted = run("rig", pack, "--fit")
    assert fitted.code == 0 and "fitted to" in fitted.err
    rig = load_pack(pack).rig
    assert rig.mouth_y == pytest.approx(truth.mouth_y, abs=0.03) and "left_brow" in rig.absent


def test_an_edit_by_hand_is_taken_over(run, character_copy):
    manifest = character_copy / "character.toml"
    text = manifest.read_text()
    width = load_pack(character_copy).rig.eye_width
    manifest.write_text(text.replace(f"eye_width = {width!r}", "eye_width = 0.41"))
    assert_refused(run("rig", str(character_copy)), "--stamp")
    assert run("rig", str(character_copy), "--stamp").code == 0
    assert load_pack(character_copy).rig.eye_width == 0.41


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--set", "ears=2"), "expected FIELD=NUMBER"),
        (("--set", "eye_width=big"), "is no number"),
        (("--set", "eye_width=-1"), "expected more than 0"),
        (("--absent", "beak"), "unknown absent parts"),
        (("--channel", "jaw=1"), "is no blendshape"),
        (("--channel", "jawOpen=9"), "expected 0 to 4"),
    ],
)
def test_a_rig_that_cannot_be_is_refused(run, character_copy, option, words):
    digest = load_pack(character_copy).digest
    assert_refused(run("rig", str(character_copy), *option), words)
    assert load_pack(character_copy).digest == digest


def test_drawings_that_show_no_face_are_made_into_a_pack_all_the_same(run):
    made = run("new", "pip", "--art", "art", "--absent", "nose")
    assert made.code == 0 and "rig" in made.err and "absent        body, nose" in made.err
    assert load_pack("pip").rig.absent == {"body", "nose"}
