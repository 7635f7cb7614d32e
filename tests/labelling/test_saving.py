"""What a person changed is in the pack, and in the sidecar, as ingest would have it; nothing else has changed."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perfkit.art import ArtLandmarks
from perfkit.coverage import measure_coverage
from perfkit.errors import MediaError, PackError, StalePackError
from perfkit.ingest import IngestSettings, build_pack
from perfkit.ingest.labels import read_sidecar
from perfkit.labelling import LabelDesk
from perfkit.labelling.doubts import find_doubts
from perfkit.labelling.edits import take_edits
from perfkit.labelling.saving import points_table, save_labels
from perfkit.pack import CharacterPack, load_pack, write_manifest
from perfkit.rig import face_points, pose_face
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOURS

FIRST = "art/00.png"


def save(folder: Path, **table: object) -> CharacterPack:
    """Save a table of edits to the pack as it is now."""
    return save_labels(folder, take_edits(table), based_on=load_pack(folder).digest)


def table_of(landmarks: ArtLandmarks, row: int) -> dict[str, list[list[float]]]:
    return points_table(landmarks.face[row], landmarks.visibility[row])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_angle_is_in_the_manifest_and_in_the_coverage_and_nothing_else_moves(small_pack):
    before = load_pack(small_pack)
    save(small_pack, labels={FIRST: {"yaw": 80, "pitch": 5, "roll": -2}})
    after = load_pack(small_pack)
    item = after.art[0]
    assert (item.yaw_deg, item.pitch_deg, item.roll_deg) == (80, 5, -2)
    assert dict(item.sources) == {**before.art[0].sources, "angle": "person"}
    assert after.art[1:] == before.art[1:] and after.digest != before.digest
    turns = {cell.turn for cell, rows in measure_coverage(after).cells.items() if 0 in rows}
    assert turns == {"profile right"}


def test_points_move_their_own_drawing_only_and_the_head_follows(small_pack):
    before = load_pack(small_pack).load_landmarks()
    points = table_of(before, 1)
    for contour in points.values():
        for point in contour:
            point[0] += 7
    save(small_pack, labels={"art/01.png": {"points": points}})
    pack = load_pack(small_pack)
    after = pack.load_landmarks()
    assert np.allclose(after.face[1], before.face[1] + (7, 0), atol=0.01)
    assert np.allclose(after.visibility[1], before.visibility[1], atol=0.001)
    others = [0, 2, 3]
    for name in ("face", "visibility", "weights", "head", "body", "hands"):
        assert np.array_equal(getattr(after, name)[others], getattr(before, name)[others], equal_nan=True), name
    assert np.array_equal(after.body[1], before.body[1], equal_nan=True)
    unmoved = save(small_pack, labels={"art/01.png": {"points": table_of(before, 1)}}).load_landmarks()
    assert np.allclose(after.head[1] - unmoved.head[1], (0, 0, 0, 7, 0, 0), atol=0.02)
    assert pack.art[1].sources["points"] == "person"


def test_a_named_expression_has_the_weights_that_ingest_gives_the_name(small_pack):
    pack = save(small_pack, labels={FIRST: {"expression": "blink"}, "art/01.png": {"weights": {"jawOpen": 0.5}}})
    assert (pack.art[0].expression, dict(pack.art[0].weights)) == ("blink", {"eyeBlinkLeft": 1, "eyeBlinkRight": 1})
    assert (pack.art[1].expression, dict(pack.art[1].weights)) == ("", {"jawOpen": 0.5})
    assert pack.load_landmarks().weights[1, BLENDSHAPE_INDEX["jawOpen"]] == 0.5
    own = save(small_pack, labels={FIRST: {"expression": "mischief"}})
    assert (own.art[0].expression, dict(own.art[0].weights)) == ("mischief", {"eyeBlinkLeft": 1, "eyeBlinkRight": 1})


def test_calm_is_known_and_forgotten_is_not(small_pack):
    calm = save(small_pack, labels={FIRST: {"expression": "", "weights": {}}})
    assert calm.art[0].sources["expression"] == "person" and not calm.art[0].weights
    gone = save(small_pack, forget={FIRST: ["angle", "expression", "points"]})
    assert gone.art[0].yaw_deg is None and dict(gone.art[0].sources) == {"light": "drawn"}
    assert not gone.load_landmarks().visibility[0].any()
    assert load_pack(small_pack) == gone


def test_parts_that_the_character_lacks_are_the_rigs(small_pack):
    save(small_pack, absent=["left_eye", "nose"])
    assert load_pack(small_pack).rig.absent == {"left_eye", "nose"}


def test_the_sidecar_beside_the_art_says_the_same(small_pack):
    pack = save(small_pack, labels={FIRST: {"yaw": 12.5, "pitch": 1, "roll": 0, "light": "hard top"}})
    landmarks = pack.load_landmarks()
    labels = read_sidecar(small_pack / "art").labels
    assert set(labels) == {f"0{row}.png" for row in range(4)}
    for row, item in enumerate(pack.art):
        label = labels[item.file.removeprefix("art/")]
        assert label.angle_deg == (item.yaw_deg, item.pitch_deg, item.roll_deg)
        assert label.light == item.light and dict(label.weights or {}) == dict(item.weights)
        assert label.points is not None
        assert np.allclose(label.points[:, :2], landmarks.face[row], atol=0.01)
        assert np.allclose(label.points[:, 2], landmarks.visibility[row], atol=0.001)
    assert pack.art[0].light == "hard toplight"


def test_the_art_with_its_sidecar_becomes_the_same_character_again(small_pack, tmp_path):
    pack = save(small_pack, labels={FIRST: {"yaw": -33, "pitch": 0, "roll": 0}})
    for path in set((small_pack / "art").glob("*.png")) - set(pack.art_paths()):
        path.unlink()
    again = build_pack(small_pack / "art", tmp_path / "again", IngestSettings(name="again")).pack
    for old, new in zip(pack.art, again.art, strict=True):
        assert (old.yaw_deg, old.light, dict(old.weights)) == (new.yaw_deg, new.light, dict(new.weights))
    old_points, new_points = pack.load_landmarks(), again.load_landmarks()
    assert np.allclose(old_points.visibility, new_points.visibility, atol=0.001)


def test_guesses_stay_out_of_the_sidecar(small_pack):
    pack = load_pack(small_pack)
    guessed = replace(pack.art[0], sources={"angle": "landmark net", "light": "assumed", "points": "landmark net"})
    write_manifest(replace(pack, art=(guessed, *pack.art[1:])))
    save(small_pack, labels={FIRST: {"expression": "smile"}})
    rows = json.loads((small_pack / "art/labels.json").read_text())
    assert set(rows["00.png"]) == {"expression", "weights"} and set(rows["01.png"]) > {"yaw", "points", "light"}


def test_points_for_a_pack_that_had_none(small_pack):
    pack = load_pack(small_pack)
    write_manifest(replace(pack, landmarks=None))
    head = np.array([20, 0, 0, 128, 120, 60])
    points, visibility = pose_face(face_points(pack.rig, np.zeros(52)), head)
    saved = save(
        small_pack, labels={FIRST: {"yaw": 20, "pitch": 0, "roll": 0, "points": points_table(points, visibility)}}
    )
    landmarks = saved.load_landmarks()
    assert np.allclose(landmarks.head[0], head, atol=0.1)
    assert not landmarks.visibility[1:].any()


def test_a_pack_that_changed_meanwhile_is_not_overwritten(small_pack):
    seen = load_pack(small_pack).digest
    save(small_pack, labels={FIRST: {"light": "hard left"}})
    before = bytes_of(small_pack)
    edits = take_edits({"labels": {FIRST: {"light": "hard right"}}})
    with pytest.raises(StalePackError, match="changed by another tab or program"):
        save_labels(small_pack, edits, based_on=seen)
    assert bytes_of(small_pack) == before


def test_a_save_that_breaks_off_leaves_the_pack_as_it_was(small_pack, monkeypatch):
    from perfkit.labelling import saving

    before = load_pack(small_pack)

    def break_off(_pack: CharacterPack) -> CharacterPack:
        raise MediaError("disk full")

    monkeypatch.setattr(saving, "write_manifest", break_off)
    with pytest.raises(MediaError):
        save(small_pack, labels={FIRST: {"yaw": 1}})
    assert load_pack(small_pack) == before
    monkeypatch.undo()
    (small_pack / "art/landmarks-2.safetensors").write_bytes(b"left by a killed process")
    assert save(small_pack, labels={FIRST: {"yaw": 1}}).art[0].yaw_deg == 1
    assert len(list((small_pack / "art").glob("*.safetensors"))) == 1


def test_a_folder_that_may_not_be_written_is_told_in_a_line(small_pack, monkeypatch):
    before, access = bytes_of(small_pack), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and not mode & os.W_OK)
    with pytest.raises(MediaError, match="may not be written"):
        save(small_pack, labels={FIRST: {"yaw": 1}})
    assert LabelDesk(small_pack).show()["read_only"] == (
        f"{small_pack}: may not be written; check its permissions, or label a copy of the pack"
    )
    assert bytes_of(small_pack) == before


NO_POINTS = {name: [None] * len(rows) for name, rows in CONTOURS.items()}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "edits"),
        ({"label": {}}, "edits"),
        ({"labels": []}, "tables by file"),
        ({"labels": {FIRST: {"yaw": 181}}}, "yaw is 181"),
        ({"labels": {FIRST: {"yaw": float("nan")}}}, "yaw is nan"),
        ({"labels": {FIRST: {"pitch": "up"}}}, "pitch"),
        ({"labels": {FIRST: {"weights": {"jawOpen": 1.2}}}}, "jawOpen is 1.2"),
        ({"labels": {FIRST: {"weights": {"jawOpen": -0.1}}}}, "jawOpen is -0.1"),
        ({"labels": {FIRST: {"weights": {"jaw": 1}}}}, "weights"),
        ({"labels": {FIRST: {"expression": "a\nb"}}}, "expression"),
        ({"labels": {FIRST: {"light": "purple"}}}, "purple"),
        ({"labels": {FIRST: {"licence": "CC0-1.0"}}}, "licence"),
        ({"labels": {FIRST: {"points": {"tail": []}}}}, "tail"),
        ({"labels": {FIRST: {"points": {"left_iris": [[1, 2]]}}}}, "expected 5"),
        ({"labels": {FIRST: {"points": {"left_iris": [[1, 2, 3, 4]] * 5}}}}, "points of left_iris"),
        ({"labels": {FIRST: {"points": {"left_iris": [[1, 2, 1.5]] * 5}}}}, "visibility in left_iris"),
        ({"labels": {FIRST: {"points": NO_POINTS}}}, "all hidden"),
        ({"labels": {"art/99.png": {"yaw": 1}}}, "no drawing of"),
        ({"forget": {"../character.toml": ["angle"]}}, "no drawing of"),
        ({"forget": {FIRST: ["light"]}}, "forget"),
        ({"absent": ["tail"]}, "tail"),
    ],
)
def test_what_is_no_label_is_refused_in_one_line_and_nothing_is_written(small_pack, table, words):
    before, digest = bytes_of(small_pack), load_pack(small_pack).digest
    with pytest.raises(PackError, match=words) as refusal:
        save_labels(small_pack, take_edits(table), based_on=digest)
    assert "\n" not in str(refusal.value)
    assert bytes_of(small_pack) == before


def test_a_drawing_needs_a_look_when_something_is_unknown_unsure_or_contradicts_itself(small_pack):
    item = load_pack(small_pack).art[0]
    assert item.yaw_deg is not None
    apart = (item.yaw_deg + 60, 0.0, 0.0)
    told = replace(item, sources={**item.sources, "angle": "file name", "points": "landmark net"})
    assert find_doubts(item, has_points=True, confidence=0.5, seen_angle_deg=apart) == []
    assert find_doubts(told, has_points=True, confidence=1.0, seen_angle_deg=(item.yaw_deg, 0.0, 0.0)) == []
    assert find_doubts(told, has_points=True, confidence=0.9, seen_angle_deg=apart) == [
        "contours 90\u00a0% sure", f"read as yaw {apart[0]:+.0f}",
    ]  # fmt: skip
    bare = replace(item, yaw_deg=None, pitch_deg=None, roll_deg=None, sources={"light": "assumed"})
    assert find_doubts(bare, has_points=False, confidence=None, seen_angle_deg=None) == [
        "no contours yet", "angle not known", "expression not known",
    ]  # fmt: skip
