"""What a page may change, and what it may not."""

import pytest

from perfkit.errors import SettingsError
from perfkit.inference.live.controls import LiveControls, change_controls
from perfkit.retarget import RetargetSettings

CHARACTERS = frozenset({"zib", "ember"})
BEFORE = LiveControls("zib")


def test_a_change_leaves_all_else_as_it_was() -> None:
    after = change_controls(BEFORE, {"mouth_gain": 1.5, "character": "ember"}, characters=CHARACTERS)
    assert (after.mouth_gain, after.character, after.smoothing) == (1.5, "ember", BEFORE.smoothing)
    assert BEFORE.mouth_gain == 1.0


def test_every_slider_reaches_the_retarget() -> None:
    names = [
        "expressiveness", "smoothing", "position_gain", "size_gain", "mouth_gain", "brows_gain", "eyes_gain",
        "gaze_gain", "head_gain",
    ]  # fmt: skip
    table = {name: 0.1 * (row + 1) for row, name in enumerate(names)}
    settings = change_controls(BEFORE, table, characters=CHARACTERS).retarget((256, 256))
    assert settings == RetargetSettings(head_from="neutral", **table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"mouth": 1}, "no such control"),
        ({"mouth_gain": 9}, "expected a number from 0 to 4"),
        ({"mouth_gain": float("nan")}, "expected a number from 0 to 4"),
        ({"mouth_gain": True}, "expected a number from 0 to 4"),
        ({"mouth_gain": [1]}, "expected a number from 0 to 4"),
        ({"character": "../../etc"}, "expected"),
        ({"character": ["zib"]}, "expected"),
        ({"background": "/etc/passwd"}, "expected #rrggbb or take"),
        ({"background": "#12345g"}, "expected #rrggbb or take"),
        ({"hold": "for ever"}, "expected off, freeze, neutral"),
        ({"with_landmarks": "yes"}, "expected True, False"),
        ({"light": "sun"}, "expected own"),
    ],
)
def test_anything_else_is_refused_in_one_line(table: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError, match=line) as caught:
        change_controls(BEFORE, table, characters=CHARACTERS)
    assert len(str(caught.value).splitlines()) == 1
