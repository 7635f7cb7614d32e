"""Names of frames, as editors call them: hh:mm:ss:ff, or hh:mm:ss;ff where numbers are dropped to keep to the clock.

In: text, frame rates. Out: `Timecode`s, their text.

Source: SMPTE ST 12-1, 5.2.2: at 29.97 the numbers 0 and 1 are left out at every minute but the tenth; at 59.94 0 to 3.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

_PATTERN = re.compile(r"^(\d{1,2}):([0-5]\d):([0-5]\d)([:;.])(\d{2,3})$")
_SECONDS_A_DAY = 24 * 3600


@dataclass(frozen=True)
class Timecode:
    """The name of one frame.

    Attributes:
        hours: 0..23.
        minutes: 0..59.
        seconds: 0..59.
        frames: From 0.
        is_drop: Whether numbers are dropped.
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    is_drop: bool = False

    def __str__(self) -> str:
        mark = ";" if self.is_drop else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"


def parse_timecode(text: str) -> Timecode | None:
    """Return the timecode that a text is; None where it is none."""
    match = _PATTERN.match(text.strip())
    if match is None or int(match[1]) > 23:
        return None
    return Timecode(int(match[1]), int(match[2]), int(match[3]), int(match[5]), is_drop=match[4] != ":")


def frame_number(timecode: Timecode, rate_fps: Fraction) -> int:
    """Return how many frames after midnight a timecode is."""
    rate = max(1, round(rate_fps))
    dropped = rate // 15 if timecode.is_drop else 0
    minutes = 60 * timecode.hours + timecode.minutes
    return (60 * minutes + timecode.seconds) * rate + timecode.frames - dropped * (minutes - minutes // 10)


def advance_timecode(start: Timecode, num_frames: int, rate_fps: Fraction) -> Timecode:
    """Return the name of a frame that comes later; after 24 hours it begins anew.

    Args:
        start: Name of the first frame.
        num_frames: How many frames later.
        rate_fps: Exact rate, e.g. 30000/1001; timecode counts in the next whole number.
    """
    rate = max(1, round(rate_fps))
    dropped = rate // 15 if start.is_drop else 0
    number = (frame_number(start, rate_fps) + num_frames) % (_SECONDS_A_DAY * rate - dropped * (1440 - 144))
    if dropped:
        tens, rest = divmod(number, 600 * rate - 9 * dropped)
        number += 9 * dropped * tens + dropped * max(0, (rest - dropped) // (60 * rate - dropped))
    seconds, frames = divmod(number, rate)
    return Timecode(seconds // 3600, seconds // 60 % 60, seconds % 60, frames, start.is_drop)
