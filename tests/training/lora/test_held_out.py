"""Which drawings an adapter never sees."""

import numpy as np
import pytest

from perfkit.art import ArtItem
from perfkit.errors import SettingsError
from perfkit.training.lora.held_out import choose_held_out, choose_left_out


def draw_art(count: int) -> tuple[ArtItem, ...]:
    """Return drawings from -60 to 60 degrees, every third with an open mouth."""
    return tuple(
        ArtItem(f"art/{index}.png", "0" * 64, "CC0-1.0", "us", yaw, 0, 0, "left", {"jawOpen": float(index % 3 == 0)})
        for index, yaw in enumerate(np.linspace(-60, 60, count).tolist())
    )


def test_one_drawing_in_six_is_held_out_over_all_angles_and_expressions():
    art = draw_art(48)
    chosen = choose_held_out(art, 6)
    assert len(chosen) == 8
    assert chosen == sorted(set(chosen))
    assert min(art[index].yaw_deg for index in chosen) < -30 and max(art[index].yaw_deg for index in chosen) > 30
    assert {art[index].weights["jawOpen"] for index in chosen} == {0.0, 1.0}


def test_the_order_of_the_drawings_does_not_matter():
    art = draw_art(36)
    names = {art[index].file for index in choose_held_out(art, 6)}
    turned = art[::-1]
    assert {turned[index].file for index in choose_held_out(turned, 6)} == names


@pytest.mark.parametrize(("count", "every"), [(23, 6), (48, 0), (3, 6)])
def test_few_drawings_are_all_trained_on(count, every):
    assert choose_held_out(draw_art(count), every) == []


def test_whole_turns_and_faces_can_be_left_out():
    art = draw_art(24)
    chosen = choose_left_out(art, ("front",))
    assert {index for index, item in enumerate(art) if -15 <= item.yaw_deg < 15} == set(chosen)
    assert choose_left_out(art, ()) == []


@pytest.mark.parametrize(("name", "reason"), [("sideways", "expected a turn or a face"), ("wink", "no drawing shows")])
def test_what_cannot_be_left_out_is_said(name, reason):
    with pytest.raises(SettingsError, match=reason):
        choose_left_out(draw_art(24), (name,))
