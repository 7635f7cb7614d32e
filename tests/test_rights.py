"""Rights are asked where something is done with a character, before anything is loaded."""

from dataclasses import replace
from datetime import date

import pytest

from perfkit.errors import RightsError
from perfkit.inference.job import make_character_engine
from perfkit.inference.settings import RenderSettings, RuntimeSettings
from perfkit.pack import CharacterPack, list_character_names, load_pack
from perfkit.rights import Rights
from perfkit.training.lora import TrainOptions, train_character

PAST = Rights(character_owner="Studio", expires=date(2020, 1, 1))


@pytest.fixture
def pack() -> CharacterPack:
    return load_pack(list_character_names()[0])


@pytest.mark.parametrize("rights", [PAST, Rights(permitted_use=("render",))], ids=["expired", "forbidden"])
def test_a_character_that_may_not_be_trained_is_not(pack, rights, tmp_path):
    with pytest.raises(RightsError, match="character rights"):
        train_character(replace(pack, rights=rights), options=TrainOptions(base_folder=tmp_path / "no base"))


@pytest.mark.parametrize("rights", [PAST, Rights(permitted_use=("train",))], ids=["expired", "forbidden"])
def test_a_character_that_may_not_be_rendered_is_not(pack, rights):
    with pytest.raises(RightsError, match="perfkit character rights"):
        make_character_engine(replace(pack, rights=rights, loras={}), RenderSettings(), RuntimeSettings())


def test_one_drawing_without_licence_is_named_by_training_and_rendering(pack, tmp_path):
    bare = replace(pack, art=(*pack.art[:5], replace(pack.art[5], licence=""), *pack.art[6:]))
    with pytest.raises(RightsError, match=pack.art[5].file):
        train_character(bare, options=TrainOptions(base_folder=tmp_path / "no base"))
    with pytest.raises(RightsError, match=pack.art[5].file):
        make_character_engine(bare, RenderSettings(), RuntimeSettings())
