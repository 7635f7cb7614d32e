"""Holding, easing and returning, against hand-counted times."""

from itertools import pairwise

import numpy as np

from perfkit.following import State
from perfkit.following.presence import Presence

NEUTRAL, SEEN = np.zeros(2), np.array([1.0, 0.5])


def run(presence: Presence, start: float, stop: float, channels: np.ndarray | None) -> list[tuple[float, float, State]]:
    out = []
    for seconds in np.arange(start, stop, 0.04):
        value = presence(float(seconds), channels)
        out.append((float(seconds), float(value[0]), presence.state))
    return out


def test_a_lost_face_is_held_for_a_fifth_of_a_second_then_eases_to_neutral_within_half_a_second() -> None:
    presence = Presence(NEUTRAL)
    run(presence, 0, 2, SEEN)
    lost = run(presence, 2, 3, None)
    assert all(value == 1.0 for seconds, value, _ in lost if seconds < 2.2)
    falling = [value for seconds, value, _ in lost if 2.2 <= seconds < 2.7]
    assert all(later <= earlier for earlier, later in pairwise(falling))
    assert all(value == 0.0 and state is State.NEUTRAL for seconds, value, state in lost if seconds > 2.72)


def test_it_comes_back_without_a_jump() -> None:
    presence = Presence(NEUTRAL)
    run(presence, 0, 2, SEEN)
    run(presence, 2, 4, None)
    back = run(presence, 4, 5, SEEN)
    values = [value for _, value, _ in back]
    assert max(np.diff([0.0, *values])) < 0.15
    assert back[-1][1:] == (1.0, State.SEEN)
    assert back[0][2] is State.RETURNING


def test_a_blink_of_the_tracker_shows_as_a_hold_and_no_more() -> None:
    presence = Presence(NEUTRAL)
    run(presence, 0, 2, SEEN)
    assert [value for _, value, _ in run(presence, 2.0, 2.1, None)] == [1.0, 1.0, 1.0]
    assert [value for _, value, _ in run(presence, 2.12, 2.3, SEEN)] == [1.0] * 5


def test_before_anything_was_seen_it_is_neutral() -> None:
    presence = Presence(NEUTRAL)
    assert run(presence, 0, 0.2, None)[-1][1:] == (0.0, State.NEUTRAL)
