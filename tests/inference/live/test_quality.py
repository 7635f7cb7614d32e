"""Which level a show plays at: down at once, up when there is room, as wished when it is wished."""

from itertools import pairwise

from perfkit.inference.live.quality import LEVELS, QualityChooser

FRAME = 1 / 30


def play(
    chooser: QualityChooser, start: float, stop: float, *, one_step_seconds: float, wish: str = "auto"
) -> list[str]:
    """Return level names over time on a machine on which one step takes `one_step_seconds`."""
    names, steps, at = [], 1, start
    while at < stop:
        level = chooser.choose(wish, at, busy_seconds=one_step_seconds * steps, interval_seconds=FRAME)
        steps = level.steps
        names.append(level.name)
        at += FRAME
    return names


def test_a_fast_machine_rises_to_the_best_level_step_by_step() -> None:
    names = play(QualityChooser(), 0, 12, one_step_seconds=0.003)
    assert names[0] == "low"
    assert list(dict.fromkeys(names)) == ["low", "medium", "high"]


def test_a_slow_machine_stays_at_the_lightest() -> None:
    assert set(play(QualityChooser(), 0, 12, one_step_seconds=0.05)) == {"low"}


def test_it_steps_down_when_the_machine_gets_busy_and_does_not_swing() -> None:
    chooser = QualityChooser()
    play(chooser, 0, 12, one_step_seconds=0.003)
    names = play(chooser, 12, 60, one_step_seconds=0.02)
    assert names[-1] == "low"
    changes = sum(before != after for before, after in pairwise(names))
    assert changes <= 5


def test_a_wish_is_a_wish() -> None:
    for level in LEVELS:
        assert set(play(QualityChooser(), 0, 5, one_step_seconds=0.05, wish=level.name)) == {level.name}
