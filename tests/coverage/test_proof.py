"""The acceptance beside the coverage: whose scores count, and that cells never trained on are told apart."""

import json
from dataclasses import replace

import pytest
from labelled_art import LIGHT, make_item, make_pack

from perfkit.coverage import Cell, measure_coverage, summarise
from perfkit.coverage.proof import measure_way
from perfkit.coverage.summary import describe_marks, describe_ways
from perfkit.coverage.thumbs import make_tiles
from perfkit.errors import PackError
from perfkit.pack import LoraItem

SMILE, OPEN = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}, {"jawOpen": 0.8}


@pytest.fixture
def judged(tmp_path):
    """A pack of five drawings, three of which were never trained on, and its acceptance."""
    pack = make_pack(
        make_item("calm.png"),
        make_item("calm_again.png"),
        make_item("smile.png", weights=SMILE),
        make_item("far.png", yaw_deg=60, weights=OPEN),
        make_item("right.png", yaw_deg=30, weights=SMILE),
    )
    lora = LoraItem("l", "1" * 64, "2" * 64, 8, 9, held_out=("calm_again.png", "smile.png", "far.png"))
    pack = replace(pack, loras={"nano": lora})
    figures = {"calm.png": 0.9, "calm_again.png": 0.4, "smile.png": 0.2, "far.png": 0.1, "right.png": 0.9}
    drawings = {file: {"gap_closed": gap, "psnr_db": 20 + gap} for file, gap in figures.items()}
    (tmp_path / "acceptance.json").write_text(json.dumps({"adapter": "1" * 64, "drawings": drawings}))
    return pack, tmp_path


def test_only_drawings_never_trained_on_have_a_score(judged):
    pack, folder = judged
    coverage = measure_coverage(pack, acceptance=folder)
    assert coverage.proof.scores == {
        Cell("front", "level", "calm", LIGHT): 0.4,
        Cell("front", "level", "smile", LIGHT): 0.2,
        Cell("far right", "level", "mouth open", LIGHT): 0.1,
    }
    assert coverage.proof.untrained == {1, 2, 3}


def test_they_are_told_by_their_way_to_what_was_trained_on(judged):
    pack, folder = judged
    coverage = measure_coverage(pack, acceptance=folder)
    assert [(way.num_drawings, way.gap_closed) for way in coverage.proof.ways] == [(1, 0.4), (1, 0.2), (1, 0.1)]
    assert describe_ways(coverage)[0] == "in a cell that was trained on: 40% of the gap closed, 20.4 dB (1 drawings)"
    assert "never trained on" in describe_marks(coverage)


def test_a_way_counts_bins_and_the_face():
    here = [Cell("front", "level", "calm", LIGHT), Cell("front", "level", "smile", LIGHT)]
    assert measure_way(here, [Cell("front", "level", "smile", "hard leftlight")]) == 0
    assert measure_way(here, [Cell("far right", "up", "wink", LIGHT)]) == 4


def test_tiles_without_a_trained_drawing_are_marked(judged, monkeypatch):
    pack, folder = judged
    monkeypatch.setattr("perfkit.coverage.thumbs._make_picture", lambda path: None)
    coverage = measure_coverage(pack, acceptance=folder)
    tiles = make_tiles(pack, coverage, list(summarise(coverage).suggestions))
    marked = {(tile.turn, tile.face): tile.score for row in tiles for tile in row if tile.is_untrained}
    assert marked == {("front", "smile"): 0.2, ("far right", "mouth open"): 0.1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no acceptance that can be read"),
        ("{", "no acceptance that can be read"),
        ("[]", "no acceptance that can be read"),
        ('{"adapter": "33", "drawings": {}}', "another adapter"),
    ],
)
def test_an_acceptance_that_does_not_belong_is_refused(judged, text, reason):
    pack, folder = judged
    (folder / "acceptance.json").unlink()
    if text is not None:
        (folder / "acceptance.json").write_text(text)
    with pytest.raises(PackError, match=reason) as caught:
        measure_coverage(pack, acceptance=folder)
    assert "character evaluate" in str(caught.value) and "\n" not in str(caught.value)
