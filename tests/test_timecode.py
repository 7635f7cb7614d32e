"""Timecode against OpenTimelineIO's."""

from fractions import Fraction

import pytest

from perfkit.timecode import advance_timecode, frame_number, parse_timecode

otio = pytest.importorskip("opentimelineio")
NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("text", "rate_fps"),
    [("01:00:00;00", NTSC), ("00:59:59;29", NTSC), ("10:09:59;28", 2 * NTSC), ("01:02:03:04", Fraction(25)),
     ("00:00:00:23", Fraction(24000, 1001))],
)  # fmt: skip
def test_frames_are_called_what_an_editor_calls_them(text, rate_fps):
    start, rate = parse_timecode(text), float(rate_fps)
    assert start is not None and str(start) == text
    first = otio.opentime.from_timecode(text, rate)
    assert frame_number(start, rate_fps) == first.value
    for num_frames in (*range(40), 1798, 1800, 17982, 107892):
        truth = otio.opentime.to_timecode(first + otio.opentime.RationalTime(num_frames, rate), rate)
        assert str(advance_timecode(start, num_frames, rate_fps)) == truth


def test_the_day_begins_anew():
    last = parse_timecode("23:59:59:24")
    assert last is not None and str(advance_timecode(last, 1, Fraction(25))) == "00:00:00:00"
    last = parse_timecode("23:59:59;29")
    assert last is not None and str(advance_timecode(last, 1, NTSC)) == "00:00:00;00"


@pytest.mark.parametrize("text", ["", "1:2:3", "25:00:00:00", "00:61:00:00", "01:00:00:00 A", "99999"])
def test_what_is_no_timecode_is_none(text):
    assert parse_timecode(text) is None
