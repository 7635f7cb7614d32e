"""Captions: only words of the closed list, and as many different captions as different looks."""

import numpy as np

from perfkit.captions import HARDNESSES, LIGHT_SIDES
from perfkit.training.puppet import FAMILIES, Light, caption, sample_character, sample_light
from perfkit.training.puppet.caption import WORDS
from perfkit.training.puppet.look import HARDNESSES as LOOK_HARDNESSES
from perfkit.training.puppet.look import LIGHT_DIRECTIONS, OPTIONS


def test_captions_use_listed_words_only():
    listed = set(WORDS)
    for seed in range(600):
        words = caption(sample_character(seed), sample_light(np.random.default_rng(seed))).split()
        assert set(words) <= listed, words
        assert 10 <= len(words) <= 22


def test_words_are_plain_and_without_repeats():
    assert len(set(WORDS)) == len(WORDS)
    assert all(word.isascii() and word.isalpha() and word.islower() for word in WORDS)


def test_every_word_of_a_look_is_listed():
    unnamed = {"none", "plain", "full"}
    slots = set(OPTIONS) - {"nose", "eyes", "ears"}
    for slot in slots:
        assert set(OPTIONS[slot]) - unnamed <= set(WORDS), slot
    assert tuple(LIGHT_DIRECTIONS) == LIGHT_SIDES and LOOK_HARDNESSES == HARDNESSES


def test_looks_that_differ_are_named_differently():
    named = {}
    for seed in range(600):
        look = sample_character(seed).look
        named.setdefault(caption(sample_character(seed)), []).append(look)
    for looks in named.values():
        first = looks[0]
        assert all(
            look.skin == first.skin and look.hair == first.hair and look.clothes == first.clothes for look in looks
        )


def test_light_is_named_last_and_only_when_given():
    puppet = sample_character(1)
    assert caption(puppet, Light("top", "gentle")) == f"{caption(puppet)} gentle toplight"


def test_every_family_is_drawn_from_its_name():
    for family in FAMILIES:
        assert caption(sample_character(3, family)).split()[0] == family
