"""A person's words become the base's, or are refused with words that would do."""

import pytest

from perfkit.captions import (
    CAPTION_WORDS,
    DEFAULT_CAPTION,
    DEFAULT_LIGHT,
    MAX_PROMPT_TOKENS,
    check_caption,
    check_prompt,
    read_light,
)
from perfkit.errors import PackError


def test_the_defaults_are_in_the_bases_words():
    assert check_caption(DEFAULT_CAPTION) == DEFAULT_CAPTION and read_light(DEFAULT_LIGHT) == DEFAULT_LIGHT
    assert set(DEFAULT_LIGHT.split()) <= set(CAPTION_WORDS)


def test_case_and_spaces_do_not_count():
    assert check_caption("  Anime GIRL   cel ") == "anime girl cel"


@pytest.mark.parametrize(("text", "words"), [("anime grl", "girl"), ("a cyborg", "'a'"), ("   ", "nothing")])
def test_a_word_that_was_not_taught_is_refused_with_words_near_it(text, words):
    with pytest.raises(PackError) as caught:
        check_caption(text)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_prompt_is_counted_as_the_base_counts_it():
    from perfkit.inference.engines import nano_model

    prompt = "anime girl cel inked gentle frontlight zibble"
    assert nano_model.MAX_TOKENS == MAX_PROMPT_TOKENS
    assert len(nano_model.build_tokenizer(CAPTION_WORDS).tokenize(prompt)) == 6 + 6
    check_prompt(f"{prompt} {'a' * 12}")
    with pytest.raises(PackError, match="25 tokens"):
        check_prompt(f"{prompt} {'a' * 13}")


@pytest.mark.parametrize(
    ("text", "light"),
    [("hard left", "hard leftlight"), ("leftlight", "gentle leftlight"), ("Soft, front", "gentle frontlight"),
     ("hard", "hard frontlight"), ("light from above", None), ("lit right", "gentle rightlight"),
     ("left right", None), ("hard soft", None), ("", None), ("purple", None), ("hard-top_light", "hard toplight")],
)  # fmt: skip
def test_a_light_is_read_or_refused(text, light):
    if light is None:
        with pytest.raises(PackError):
            read_light(text)
    else:
        assert read_light(text) == light
