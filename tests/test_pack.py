"""A pack is what its manifest says, or it is refused in one line."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfkit.art import LANDMARK_SHAPES, ArtItem, ArtLandmarks, write_landmarks
from perfkit.errors import PackError, PerfkitError, RightsError
from perfkit.manifest import digest_file, write_toml
from perfkit.pack import (
    MANIFEST_NAME,
    CharacterPack,
    LoraItem,
    list_character_names,
    load_pack,
    stamp_pack,
    write_manifest,
)
from perfkit.rig import Rig
from perfkit.rights import USES, Rights

NUM_DRAWINGS = 3


def make_pack(folder: Path) -> CharacterPack:
    """Write a small pack whose drawings are not pictures: the manifest does not look inside."""
    (folder / "art").mkdir(parents=True)
    (folder / "lora").mkdir()
    items = []
    for index in range(NUM_DRAWINGS):
        path = folder / "art" / f"{index:02}.png"
        path.write_bytes(b"drawing" + bytes([index]))
        items.append(
            ArtItem(
                f"art/{path.name}", digest_file(path), "CC0-1.0", "us", 15.0 * index, 0.0, 0.0, "left", {"jawOpen": 0.5}
            )
        )
    rng = np.random.default_rng(0)
    arrays = {name: rng.random((NUM_DRAWINGS, *shape), dtype=np.float32) for name, shape in LANDMARK_SHAPES.items()}
    arrays["hands"][:] = np.nan
    write_landmarks(folder / "art" / "landmarks.safetensors", ArtLandmarks(**arrays))
    (folder / "lora" / "nano.safetensors").write_bytes(b"adapter")
    return write_manifest(
        CharacterPack(
            folder=folder,
            name="zib",
            trigger="zibble",
            caption='alien "green" skin\\',
            light="left",
            canvas_wh=(256, 256),
            rig=Rig(absent=frozenset({"left_eye"}), eye_height=0.4),
            art=tuple(items),
            landmarks=("art/landmarks.safetensors", digest_file(folder / "art" / "landmarks.safetensors")),
            loras={
                "nano": LoraItem(
                    "lora/nano.safetensors",
                    digest_file(folder / "lora" / "nano.safetensors"),
                    "a" * 64,
                    rank=16,
                    steps=300,
                    held_out=("art/1.png",),
                    verdict="pass",
                )
            },
        )
    )


@pytest.fixture
def pack(tmp_path) -> CharacterPack:
    return make_pack(tmp_path / "zib")


def edit(pack: CharacterPack, old: str, new: str) -> None:
    """Replace text in the manifest once."""
    path = pack.folder / MANIFEST_NAME
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def refusal(pack: CharacterPack, error: type[PerfkitError] = PackError) -> str:
    """Return the one line with which loading is refused."""
    with pytest.raises(error) as caught:
        load_pack(pack.folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_round_trip_is_exact(pack):
    loaded = load_pack(pack.folder)
    assert loaded == pack
    assert loaded.digest == tomllib.loads((pack.folder / MANIFEST_NAME).read_text())["digest"]
    assert loaded.prompt == 'alien "green" skin\\ left zibble'
    assert loaded.lora_path("nano").read_bytes() == b"adapter"
    assert len(loaded.load_landmarks()) == NUM_DRAWINGS


def test_writing_again_gives_the_same_bytes(pack):
    before = (pack.folder / MANIFEST_NAME).read_bytes()
    write_manifest(load_pack(pack.folder))
    assert (pack.folder / MANIFEST_NAME).read_bytes() == before
    assert sorted(file.name for file in pack.folder.iterdir()) == ["art", MANIFEST_NAME, "lora"]


def test_a_new_adapter_changes_the_identity_but_not_the_source(pack):
    other = replace(pack, loras={})
    assert write_manifest(other).digest != pack.digest
    assert other.source_digest == pack.source_digest


def test_an_edit_is_refused_until_it_is_stamped(pack):
    edit(pack, 'name = "zib"', 'name = "zab"')
    assert "perfkit character rig" in refusal(pack)
    stamp_pack(pack.folder)
    assert load_pack(pack.folder).name == "zab"


def test_order_of_keys_does_not_matter(pack):
    edit(pack, 'trigger = "zibble"\n', "")
    edit(pack, 'name = "zib"\n', 'trigger = "zibble"\nname = "zib"\n')
    assert load_pack(pack.folder).trigger == "zibble"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "zib"', 'name = "zib"\ncolour = "red"'),
        ("[rig]", "[rig]\nbeak = 1.0"),
        ("light =", "lamp ="),
        ("jawOpen = ", "jawOpne = "),
        ("[lora.nano]", "[lora.nano]\nweights = 1"),
        ("[landmarks]", "[landmarks]\nkind = 1"),
    ],
)
def test_unknown_keys_are_refused(pack, old, new):
    edit(pack, old, new)
    refusal(pack)


@pytest.mark.parametrize("key", ["licence", "owner"])
@pytest.mark.parametrize("value", ['""', '" "', "3", "[]"])
def test_a_right_that_is_no_text_is_refused(pack, key, value):
    current = {"licence": 'licence = "CC0-1.0"', "owner": 'owner = "us"'}[key]
    edit(pack, current, f"{key} = {value}")
    assert key in refusal(pack)


@pytest.mark.parametrize("key", ["licence", "owner"])
@pytest.mark.parametrize("value", ["", "unknown", "NONE", "?"])
@pytest.mark.parametrize("use", USES)
def test_a_pack_without_rights_loads_but_neither_trains_nor_renders(pack, key, value, use):
    bare = replace(pack.art[1], **{key: value})
    write_manifest(replace(pack, art=(pack.art[0], bare, pack.art[2])))
    loaded = load_pack(pack.folder)
    with pytest.raises(RightsError, match=r"art/01\.png") as caught:
        loaded.require_right(use)
    assert "art/00.png" not in str(caught.value) and "\n" not in str(caught.value)


def test_many_drawings_without_rights_are_counted(pack):
    art = tuple(replace(pack.art[0], file=f"art/{index}.png", owner="") for index in range(30))
    with pytest.raises(RightsError, match=r"art/0.png.*art/7.png and 22 more"):
        replace(pack, art=art).require_right("train")


@pytest.mark.parametrize(
    ("today", "is_allowed"), [(date(2027, 2, 27), True), (date(2027, 2, 28), True), (date(2027, 3, 1), False)]
)
def test_rights_hold_to_the_end_of_their_last_day(pack, today, is_allowed):
    rights = Rights(character_owner="Studio", performer="A. Ctor", terms="one film", expires=date(2027, 2, 28))
    loaded = load_pack(write_manifest(replace(pack, rights=rights)).folder)
    assert loaded.rights == rights
    for use in USES:
        if is_allowed:
            loaded.require_right(use, today=today)
        else:
            with pytest.raises(RightsError, match=r"expired on 2027-02-28.*Studio"):
                loaded.require_right(use, today=today)


def test_a_use_that_is_not_permitted_is_refused_and_the_other_is_not(pack):
    write_manifest(replace(pack, rights=Rights(permitted_use=("train",))))
    loaded = load_pack(pack.folder)
    loaded.require_right("train")
    with pytest.raises(RightsError, match="render is not permitted"):
        loaded.require_right("render")


@pytest.mark.parametrize(
    "rights",
    ['permitted_use = ["sell"]', 'permitted_use = ["train", "train"]', 'permitted_use = "train"', "",
     'permitted_use = []\nexpires = "2027-01-01"', "permitted_use = []\nexpires = 2027-01-01T00:00:00Z",
     'permitted_use = []\nowner = "x"', "permitted_use = []\nperformer = 3"],
)  # fmt: skip
def test_rights_that_cannot_be_read_are_refused(pack, rights):
    edit(pack, "[rig]", f"[rights]\n{rights}\n\n[rig]")
    assert "rights" in refusal(pack)


def test_a_drawing_may_be_unlabelled_or_say_who_labelled_it(pack):
    bare = replace(pack.art[0], yaw_deg=None, pitch_deg=None, roll_deg=None, weights={})
    named = replace(pack.art[1], expression="smug", sources={"angle": "file name", "expression": "person"})
    write_manifest(replace(pack, art=(bare, named, pack.art[2])))
    loaded = load_pack(pack.folder)
    assert loaded.art[:2] == (bare, named)
    assert "yaw_deg" not in (pack.folder / MANIFEST_NAME).read_text().split("[[art]]")[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("roll_deg = 0.0\n", ""),
        ('light = "left"\nweights', 'light = "left"\nsources = { angle = "rumour" }\nweights'),
        ('light = "left"\nweights', 'light = "left"\nsources = { colour = "person" }\nweights'),
        ('light = "left"\nweights', 'light = "left"\nexpression = ""\nweights'),
    ],
)
def test_half_an_angle_and_unknown_sources_are_refused(pack, old, new):
    edit(pack, old, new)
    refusal(pack)


@pytest.mark.parametrize(
    "file",
    ["/etc/hostname", "../zib/art/00.png", "art/../../x.png", "art/../art/00.png", "C:/x.png", "art\\\\00.png", "", ".",
     "art", "./art/00.png", "art//00.png", "art/absent.png", "~/x.png", "a\\u0000b", "//host/x"],
)  # fmt: skip
def test_paths_that_lead_elsewhere_or_nowhere_are_refused(pack, file):
    edit(pack, 'file = "art/00.png"', f'file = "{file}"')
    refusal(pack)


@pytest.mark.parametrize("is_folder", [False, True])
def test_links_that_lead_out_are_refused(pack, tmp_path, is_folder):
    (tmp_path / "art").mkdir()
    outside = tmp_path / "art" / "00.png"
    outside.write_bytes((pack.folder / "art" / "00.png").read_bytes())
    if is_folder:
        (pack.folder / "art").rename(tmp_path / "old")
        (pack.folder / "art").symlink_to(tmp_path / "art")
    else:
        (pack.folder / "art" / "00.png").unlink()
        (pack.folder / "art" / "00.png").symlink_to(outside)
    assert "link" in refusal(pack)


@pytest.mark.parametrize("file", ["art/01.png", "art/landmarks.safetensors", "lora/nano.safetensors"])
def test_changed_and_absent_files_are_refused(pack, file):
    path = pack.folder / file
    path.write_bytes(path.read_bytes() + b"x")
    assert file in refusal(pack) and "sha256" in refusal(pack)
    path.unlink()
    assert "absent" in refusal(pack)


def test_a_file_listed_twice_is_refused(pack):
    edit(pack, 'file = "art/01.png"', 'file = "art/00.png"')
    assert "twice" in refusal(pack)


@pytest.mark.parametrize(
    "text", ["", "[", "a" * 100, "\x00", "x = " + "[" * 5000, "x = " + "9" * 5000, "a.b = 1\na = 2"]
)
def test_manifests_that_are_no_toml_are_refused(pack, text):
    (pack.folder / MANIFEST_NAME).write_text(text)
    refusal(pack)


def test_a_pack_without_adapter_for_an_engine_says_what_to_run(pack):
    with pytest.raises(PackError, match="perfkit character train"):
        pack.lora_path("full")


def test_an_unknown_character_lists_the_known_ones(tmp_path):
    for unknown in ("nobody", str(tmp_path), "x\0y", "a" * 5000):
        with pytest.raises(PackError) as caught:
            load_pack(unknown)
        assert all(name in str(caught.value) for name in list_character_names())


def test_nothing_wrong_can_be_written(pack):
    before = (pack.folder / MANIFEST_NAME).read_bytes()
    for wrong in (replace(pack, name="Zib!"), replace(pack, trigger="z1"), replace(pack, canvas_wh=(0, 1))):
        with pytest.raises(PackError):
            write_manifest(wrong)
    with pytest.raises(PackError):
        write_manifest(replace(pack, art=(replace(pack.art[0], sources={"angle": "rumour"}),)))
    assert (pack.folder / MANIFEST_NAME).read_bytes() == before


def test_landmarks_with_nan_or_another_count_are_refused(pack):
    landmarks = pack.load_landmarks()
    broken = landmarks.face.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(PackError, match="NaN"):
        write_landmarks(pack.folder / "x", replace(landmarks, face=broken))
    with pytest.raises(PackError, match="expected"):
        replace(pack, art=pack.art[:2]).load_landmarks()
    (pack.folder / "art" / "landmarks.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(PackError, match="cannot be read"):
        pack.load_landmarks()


def test_a_key_with_a_line_break_is_refused_in_one_line(tmp_path):
    pack = make_pack(tmp_path / "zib")
    path = pack.folder / MANIFEST_NAME
    table = tomllib.loads(path.read_text())
    table["lora"]["\n"] = {}
    path.write_text(write_toml(table), encoding="utf-8")
    with pytest.raises(PerfkitError, match="expected an engine's name") as error:
        stamp_pack(pack.folder)
    assert "\n" not in str(error.value)


SCALARS = st.one_of(
    st.text(max_size=12), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory) -> CharacterPack:
    return make_pack(tmp_path_factory.mktemp("fuzz") / "zib")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.data())
def test_any_value_anywhere_loads_or_is_refused_in_one_line(fuzzed, choice):
    path = fuzzed.folder / MANIFEST_NAME
    original = path.read_text()
    table = tomllib.loads(original)
    places = [table, table["rig"], table["art"][1], table["art"][1]["weights"], table["lora"], table["lora"]["nano"]]
    place = choice.draw(st.sampled_from(places))
    key = choice.draw(st.sampled_from([*place, "new"]) if place else st.just("new"))
    place[key] = choice.draw(VALUES)
    try:
        path.write_text(write_toml(table), encoding="utf-8")
        stamp_pack(fuzzed.folder)
        load_pack(fuzzed.folder)
    except PerfkitError as error:
        assert "\n" not in str(error)
    finally:
        path.write_text(original)


@settings(max_examples=150, deadline=None)
@given(junk=st.binary(max_size=200), position=st.integers(0, 4000))
def test_damaged_bytes_load_or_are_refused_in_one_line(fuzzed, junk, position):
    path = fuzzed.folder / MANIFEST_NAME
    original = path.read_bytes()
    try:
        path.write_bytes(original[:position] + junk + original[position + len(junk) :])
        load_pack(fuzzed.folder)
    except PerfkitError as error:
        assert "\n" not in str(error)
    finally:
        path.write_bytes(original)


@given(table=st.dictionaries(st.text(max_size=8), SCALARS | st.lists(SCALARS, max_size=4), max_size=6))
def test_written_toml_reads_back_equal(table):
    assert tomllib.loads(write_toml(table)) == table


def test_every_sample_character_loads_under_its_own_name():
    for name in list_character_names():
        assert load_pack(name).name == name
