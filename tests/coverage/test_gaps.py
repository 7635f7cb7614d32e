"""Gaps are true sentences about the drawings; what to draw next is what helps most; the minimum holds."""

import json
from dataclasses import replace

import numpy as np
import pytest
from labelled_art import LIGHT, make_item, make_pack
from PIL import Image

from perfkit.coverage import Cell, measure_coverage, require_minimum, summarise, write_coverage
from perfkit.coverage.bins import FACES, NODS, TURNS
from perfkit.coverage.gaps import find_gaps, find_shortages, measure_covered_share, plan_drawings
from perfkit.coverage.proof import Proof, WayScore
from perfkit.errors import MediaError, PackError
from perfkit.expression_names import EXPRESSION_WEIGHTS
from perfkit.pack import list_character_names, load_pack

NAMES = {
    "calm": "calm", "mouth open": "talk", "mouth round": "pout", "mouth wide": "ee", "smile": "smile", "sad": "sad",
    "angry": "angry", "surprised": "surprised", "eyes shut": "blink", "wink": "wink",
}  # fmt: skip


def draw(turn: int, face: str, pitch_deg: float = 0.0, light: str = LIGHT):
    """Return a drawing of a turn's middle (index into TURNS) and of one face alone."""
    weights = dict(EXPRESSION_WEIGHTS[NAMES[face]])
    if face != "mouth open":
        weights.pop("jawOpen", None)
    file, sources = f"{turn}-{face}-{pitch_deg:.0f}-{light}.png", {"angle": "person", "expression": "person"}
    return make_item(file, TURNS[turn].middle_deg, pitch_deg, weights=weights, light=light, sources=sources)


def full_art(skip=()) -> list:
    """Return a drawing of every turn, nod and face but the skipped (turn, face)."""
    return [
        draw(turn, face.name, nod.middle_deg)
        for turn in range(len(TURNS)) for nod in NODS for face in FACES if (turn, face.name) not in skip
    ]  # fmt: skip


def words_of(items) -> list[str]:
    """Return the gaps' sentences."""
    return [gap.words for gap in find_gaps(measure_coverage(make_pack(*items)))]


def test_full_art_has_no_gaps_and_covers_everything():
    coverage = measure_coverage(make_pack(*full_art()))
    assert find_gaps(coverage) == [] and plan_drawings(coverage) == []
    assert measure_covered_share(coverage) == pytest.approx(1)


@pytest.mark.parametrize(
    ("skip", "words"),
    [
        ([(0, "mouth open"), (1, "mouth open")], "no drawing looks left beyond 45 deg with the mouth open"),
        ([(0, "wink"), (6, "wink")], "no drawing looks to either side beyond 75 deg with one eye shut"),
        ([(3, "sad")], "no drawing looks ahead with a sad face"),
        ([(4, "smile")], "no drawing looks right by 15 to 45 deg smiling"),
        ([(2, "calm"), (1, "calm"), (4, "calm")],
         "no drawing looks left by 15 to 75 deg or right by 15 to 45 deg with a calm face"),
        ([(0, "sad"), (0, "angry")], "no drawing looks left beyond 75 deg with a sad face or with angry brows"),
        ([(turn, "wink") for turn in range(7)], "no drawing at all with one eye shut"),
        ([(0, face.name) for face in FACES], "no drawing looks left beyond 75 deg, where no performance goes"),
        ([(turn, face.name) for turn in (5, 6) for face in FACES], "no drawing looks right beyond 45 deg"),
    ],
)  # fmt: skip
def test_a_gap_is_told_in_plain_words_and_nothing_else_is(skip, words):
    assert words_of(full_art(skip)) == [words]


def test_nods_and_lights_are_told():
    level = [item for item in full_art() if item.pitch_deg == 0]
    assert words_of(level) == [
        "no drawing looks down by more than 15 deg", "no drawing looks up by more than 15 deg"
    ]  # fmt: skip
    no_up_left = [item for item in full_art() if not (item.pitch_deg < 0 and item.yaw_deg < -75)]
    assert words_of(no_up_left) == ["no drawing looks up by more than 15 deg while facing left beyond 75 deg"]
    dark = [replace(item, light="hard toplight") for item in full_art()]
    assert words_of(dark) == [f"no drawing is in the light that the character is rendered in, {LIGHT}"]


def test_gaps_that_concern_more_of_a_performance_come_first():
    gaps = find_gaps(measure_coverage(make_pack(draw(3, "calm"))))
    assert [gap.use for gap in gaps] == sorted((gap.use for gap in gaps), reverse=True)
    assert all(0 <= gap.use <= 1 for gap in gaps)


def test_the_first_drawing_to_make_is_the_one_that_helps_most_by_hand():
    """With nothing drawn, the best single drawing maximises sum of use / (1 + way): count it here cell by cell."""
    first = plan_drawings(measure_coverage(make_pack()), limit=1)[0]
    best, gain = None, 0.0
    for turn in range(7):
        for nod in range(3):
            for face in range(10):
                total = sum(
                    TURNS[t].use * NODS[n].use * FACES[f].use / (1 + abs(t - turn) + abs(n - nod) + (f != face))
                    for t in range(7) for n in range(3) for f in range(10)
                )  # fmt: skip
                if total > gain:
                    best, gain = (TURNS[turn].name, NODS[nod].name, FACES[face].name), total
    assert (first.turn, first.nod, first.face) == best == ("front", "level", "calm")
    assert first.gain == pytest.approx(gain)


def test_drawing_what_is_suggested_gains_what_is_promised():
    items = [draw(3, "calm"), draw(1, "smile"), draw(5, "mouth open", 25)]
    for _ in range(4):
        coverage = measure_coverage(make_pack(*items))
        suggestion = plan_drawings(coverage, limit=1)[0]
        turn = [each.name for each in TURNS].index(suggestion.turn)
        nod = next(each for each in NODS if each.name == suggestion.nod)
        items.append(draw(turn, suggestion.face, nod.middle_deg))
        gained = measure_covered_share(measure_coverage(make_pack(*items))) - measure_covered_share(coverage)
        assert gained == pytest.approx(suggestion.gain)


def test_a_list_of_suggestions_never_grows_and_never_repeats():
    suggestions = plan_drawings(measure_coverage(make_pack(draw(3, "calm"))))
    gains = [each.gain for each in suggestions]
    assert gains == sorted(gains, reverse=True) and len({(s.turn, s.nod, s.face) for s in suggestions}) == 12
    assert suggestions[0].words.endswith(f"in {LIGHT}") and "looking" in suggestions[0].words


def test_a_drawing_in_another_light_covers_less():
    own, other = (measure_covered_share(measure_coverage(make_pack(draw(3, "calm", light=light)))) for light in
                  (LIGHT, "hard leftlight"))  # fmt: skip
    assert 0 < other < own


ENOUGH = [draw(turn, "calm") for turn in (1, 2, 3, 4, 5)]
ENOUGH += [draw(3, face) for face in ("mouth open", "eyes shut", "smile")]


@pytest.fixture
def lit(monkeypatch):
    """Let every drawing have control points."""
    monkeypatch.setattr(
        "perfkit.coverage.table._read_points", lambda pack: ([None] * len(pack.art), np.ones(len(pack.art), bool))
    )


def test_eight_drawings_of_the_right_kind_are_enough(lit):
    require_minimum(measure_coverage(make_pack(*ENOUGH)), where="pip")


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (ENOUGH[:7], "7 drawings"),
        ([item for item in ENOUGH if item.yaw_deg != 0], "ahead"),
        ([item for item in ENOUGH if item.yaw_deg >= 0], "looks left by 15 deg or more"),
        ([item for item in ENOUGH if item.yaw_deg <= 0], "looks right by 15 deg or more"),
        ([item for item in ENOUGH if "open" not in item.file], "mouth open"),
        ([item for item in ENOUGH if "shut" not in item.file], "eyes shut"),
    ],
)
def test_below_the_minimum_training_is_refused_with_the_reason(lit, items, words):
    with pytest.raises(PackError, match="--anyway") as caught:
        require_minimum(measure_coverage(make_pack(*items)), where="pip")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_drawings_without_points_are_too_little():
    assert "8 of 8 drawings have no control points" in find_shortages(measure_coverage(make_pack(*ENOUGH)))[0]


@pytest.mark.parametrize("name", list_character_names())
def test_the_sample_characters_have_enough(name):
    assert find_shortages(measure_coverage(load_pack(name))) == []


def test_table_page_and_json_are_written_and_agree(tmp_path):
    pack = load_pack(list_character_names()[0])
    scores = {Cell("front", "level", "calm", pack.light): 0.275}
    ways = (WayScore("in a cell that was trained on", 3, 0.275, 22.5),)
    coverage = replace(measure_coverage(pack), proof=Proof(scores, ways, frozenset({0})))
    png, page, table = write_coverage(pack, coverage, tmp_path / "out")
    summary, content = summarise(coverage), json.loads(table.read_text())
    assert content["num_drawings"] == len(pack.art) and content["covered"] == pytest.approx(summary.covered, abs=1e-4)
    counted = {
        Cell(cell["turn"], cell["nod"], cell["face"], cell["light"]): len(cell["files"]) for cell in content["cells"]
    }
    expected = {cell: len(found) for cell, found in coverage.cells.items()}
    assert counted == {**dict.fromkeys(scores, 0), **expected}
    assert [cell["score"] for cell in content["cells"] if cell["score"] is not None] == [0.275]
    html = page.read_text()
    assert all(gap.words[3:] in html for gap in summary.gaps) and "22.5 dB" in html
    assert "http://" not in html.replace("http://www.w3.org", "") and "https://" not in html and "<script" not in html
    with Image.open(png) as picture:
        assert picture.width > 900 and picture.height > 1200


def test_a_target_that_cannot_be_is_refused(tmp_path):
    pack = load_pack(list_character_names()[0])
    (tmp_path / "file").write_text("x")
    for target in (tmp_path / "file", tmp_path / "absent" / "out"):
        with pytest.raises(MediaError):
            write_coverage(pack, measure_coverage(pack), target)
