"""The sample packs are what they promise: many angles, expressions, two lights, rights; drawn again, the same bytes."""

import numpy as np
import pytest

from perfkit.inference.engines import nano_model
from perfkit.pack import list_character_names, load_pack
from perfkit.training.puppet.caption import WORDS
from perfkit.training.sample_characters import SAMPLE_CHARACTERS, describe_light, draw_pack, iterate_takes
from perfkit.vocabulary import CONTOUR_SLICES

MAX_ART_BYTES = 4_000_000


def test_every_design_is_among_the_samples():
    assert set(SAMPLE_CHARACTERS) <= set(list_character_names())


@pytest.mark.parametrize("name", SAMPLE_CHARACTERS)
def test_pack_shows_many_angles_in_two_lights_with_rights(name):
    pack = load_pack(name)
    yaw_deg = np.array([item.yaw_deg for item in pack.art])
    assert len(pack.art) == 48
    assert yaw_deg.min() == -60 and yaw_deg.max() == 60 and np.diff(np.sort(yaw_deg)).max() < 4
    assert len({item.light for item in pack.art}) == 2 and pack.light in {item.light for item in pack.art}
    assert {item.licence for item in pack.art} == {"CC0-1.0"}
    assert sum(path.stat().st_size for path in (pack.folder / "art").iterdir()) < MAX_ART_BYTES


@pytest.mark.parametrize("name", SAMPLE_CHARACTERS)
def test_absent_parts_are_never_seen(name):
    pack = load_pack(name)
    visibility = pack.load_landmarks().visibility
    for part in pack.rig.absent:
        assert not visibility[:, CONTOUR_SLICES[part]].any()
    assert visibility[:, CONTOUR_SLICES["outer_lips"]].any(axis=1).mean() > 0.9


@pytest.mark.parametrize("name", SAMPLE_CHARACTERS)
def test_prompt_fits_the_base_and_says_only_what_it_knows(name):
    pack = load_pack(name)
    tokens = nano_model.build_tokenizer(WORDS).tokenize(pack.prompt)
    assert len(tokens) <= nano_model.MAX_TOKENS
    assert set(f"{pack.caption} {pack.light}".split()) <= set(WORDS)


def test_drawing_again_gives_the_same_pack(tmp_path):
    packs = [draw_pack("zib", tmp_path / folder) for folder in ("a", "b")]
    assert packs[0].digest == packs[1].digest
    assert load_pack(tmp_path / "a").name == "zib"


def test_unseen_takes_are_other_takes():
    character = SAMPLE_CHARACTERS["ember"]
    own, other = (next(iterate_takes(character, count=4, seed=seed)) for seed in (None, 5))
    assert not np.array_equal(own.performance.weights, other.performance.weights)
    assert describe_light(own.light) == "hard leftlight"
