"""What was written beside a result is what is read back, or it is refused in one line."""

import json
from dataclasses import replace

import pytest

from perfkit.errors import MediaError
from perfkit.provenance import Provenance, load_provenance, provenance_path, save_provenance


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        result="out.mp4",
        source="take.perf",
        character="zib",
        num_frames=3,
        num_frames_without_face=1,
        size_wh=(256, 256),
        duration_seconds=0.1,
        digests={"take": "0" * 64},
        settings={"seed": 1},
        runtime={"device": "cpu"},
        trackers={"face": "1 abc"},
        stage_seconds={"render": 2.0},
        notes=("no sound",),
    )


def test_a_provenance_comes_back_as_it_was(tmp_path, provenance):
    result = tmp_path / "out.mp4"
    save_provenance(provenance, provenance_path(result))
    loaded = load_provenance(result)
    assert loaded == provenance and loaded.identity == provenance.identity


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 99}'])
def test_what_is_no_provenance_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "out.mp4.json").write_text(text)
    with pytest.raises(MediaError, match=r"out\.mp4\.json"):
        load_provenance(tmp_path / "out.mp4")


def test_an_absent_provenance_says_who_writes_it(tmp_path):
    with pytest.raises(MediaError, match="perfkit render"):
        load_provenance(tmp_path / "out.mp4")


def test_a_later_renders_extra_entries_are_no_hindrance(tmp_path, provenance):
    result = tmp_path / "out.mp4"
    save_provenance(replace(provenance, notes=()), provenance_path(result))
    content = json.loads(provenance_path(result).read_text())
    provenance_path(result).write_text(json.dumps({**content, "windows": 4}))
    assert load_provenance(result).character == "zib"
