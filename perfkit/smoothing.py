"""Filters over time and gaps in time, per channel, in seconds: variable frame rates are normal.

In: (T,) seconds and (T, C) channels. Out: (T, C). Two filters: `smooth_offline` sees the whole take and adds no delay,
`OneEuro` is causal, for live use. Both leave what is fast and large (a blink, a plosive, a jerk of the head) alone and
calm what is small and jittery.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from perfkit.track import FrameFlag

HOLD_SECONDS = 0.2
"""How long a lost face keeps its last expression before it eases to neutral."""
EASE_SECONDS = 0.5
"""How long the way to neutral takes, and at most the way back."""
BRIDGE_SECONDS = 0.4
"""Gaps up to this length are interpolated from both sides."""


def smooth_offline(
    seconds: np.ndarray,
    channels: np.ndarray,
    *,
    reach_seconds: float = 0.14,
    noise_limits: tuple[ArrayLike, ArrayLike],
    doubt: np.ndarray | None = None,
) -> np.ndarray:
    """Average each value with its neighbours in time that differ by no more than the channel's noise.

    A bilateral filter in time, which is symmetric (no delay) and bounded: no value moves by more than about three times
    the noise, so that peaks stay whatever their width. The noise of a channel is estimated from its second differences.

    Args:
        seconds: (T,) increasing.
        channels: (T, C), no NaN.
        reach_seconds: Standard deviation of the weights in time.
        noise_limits: Bounds on the estimated noise, in the channels' unit: less than the first is never trusted as
            motion, more than the second never taken for noise.
        doubt: (T, C), noise that single frames have beyond their channel's, in the channels' unit; none by default.
            Where there is much, even a step is taken for noise; frames without it stay as they would be.

    Returns:
        (T, C) float64.

    Source: Tomasi and Manduchi 1998, in one dimension.
    """
    channels = np.asarray(channels, dtype=np.float64)
    if len(channels) < 3:
        return channels.copy()
    noises = [estimate_noise(seconds, channels[:, [column]]) for column in range(channels.shape[1])]
    noise = np.clip(np.concatenate(noises), *noise_limits)
    tolerance = np.broadcast_to(3.0 * (noise if doubt is None else noise + doubt), channels.shape)
    out = np.empty_like(channels)
    for column in range(channels.shape[1]):
        out[:, column] = _smooth_channel(seconds, channels[:, column], tolerance[:, column], reach_seconds)
    return out


def _smooth_channel(
    seconds: np.ndarray, channel: np.ndarray, tolerance: np.ndarray, reach_seconds: float
) -> np.ndarray:
    """Return (T,): one channel by itself, so that a long take with many of them needs little memory."""
    total, weight_sum = channel.copy(), np.ones_like(channel)
    for offset in range(1, _num_within(seconds, 3 * reach_seconds) + 1):
        earlier, later = slice(None, -offset), slice(offset, None)
        apart = (seconds[later] - seconds[earlier]) / reach_seconds
        differs = channel[later] - channel[earlier]
        for to, source in ((earlier, later), (later, earlier)):
            weight = np.exp(-0.5 * (apart**2 + (differs / tolerance[to]) ** 2))
            total[to] += weight * channel[source]
            weight_sum[to] += weight
    return total / weight_sum


def estimate_noise(seconds: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Return each channel's noise, (C,): robust deviation of a value from the straight line between its neighbours."""
    share = ((seconds[1:-1] - seconds[:-2]) / (seconds[2:] - seconds[:-2]))[:, None]
    residual = channels[1:-1] - (channels[:-2] * (1 - share) + channels[2:] * share)
    gain = np.sqrt(1 + share**2 + (1 - share) ** 2)
    return 1.4826 * np.median(np.abs(residual / gain), axis=0)


def _num_within(seconds: np.ndarray, span: float) -> int:
    """Return how many frames ahead can lie within `span` seconds, at most."""
    ahead = np.searchsorted(seconds, seconds + span, side="right") - np.arange(len(seconds)) - 1
    return int(ahead.max())


@dataclass(frozen=True)
class OneEuroSettings:
    """How a one-euro filter trades jitter against delay.

    Attributes:
        min_cutoff_hz: Cut-off at rest; lower calms more.
        beta: How fast the cut-off rises with speed, Hz per (unit / second).
        speed_cutoff_hz: Cut-off of the speed estimate.
    """

    min_cutoff_hz: float = 1.2
    beta: float = 4.0
    speed_cutoff_hz: float = 8.0


class OneEuro:
    """A causal low-pass whose cut-off rises with speed; one per set of channels, fed frame by frame.

    Source: Casiez, Roussel and Vogel 2012, algorithm 1.
    """

    def __init__(self, settings: OneEuroSettings | None = None) -> None:
        self._settings = settings or OneEuroSettings()
        self._seconds = 0.0
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | None = None

    def __call__(self, seconds: float, channels: np.ndarray) -> np.ndarray:
        """Filter one frame, (C,) at `seconds`; times must increase."""
        channels = np.asarray(channels, dtype=np.float64)
        if self._value is None or self._speed is None:
            self._seconds, self._value, self._speed = seconds, channels, np.zeros_like(channels)
            return channels
        step = seconds - self._seconds
        if step <= 0:
            raise ValueError(f"one-euro: time went from {self._seconds} to {seconds} s; feed frames in order")
        speed = (channels - self._value) / step
        self._speed = self._speed + _share(self._settings.speed_cutoff_hz, step) * (speed - self._speed)
        cutoff_hz = self._settings.min_cutoff_hz + self._settings.beta * np.abs(self._speed)
        self._value = self._value + _share(cutoff_hz, step) * (channels - self._value)
        self._seconds = seconds
        return self._value


def _share(cutoff_hz: np.ndarray | float, step: float) -> np.ndarray:
    rate = 2 * np.pi * np.asarray(cutoff_hz) * step
    return rate / (1 + rate)


def fill_gaps(
    seconds: np.ndarray,
    channels: np.ndarray,
    seen: np.ndarray,
    neutral: np.ndarray,
    *,
    ease_seconds: float = EASE_SECONDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Give frames without a face a value: bridged when the gap is short, else held, eased to neutral, eased back.

        seen  |  hold 0.2 s  | ease to neutral |   neutral   | ease back |  seen

    Args:
        seconds: (T,) increasing.
        channels: (T, C); rows that are not seen are ignored.
        seen: (T,) bool.
        neutral: (C,) values to ease to.
        ease_seconds: How long the ways to neutral and back take.

    Returns:
        (T, C) float64 without gaps, and (T,) uint8 of FrameFlag.
    """
    out = np.array(channels, dtype=np.float64)
    flags = np.zeros(len(seconds), dtype=np.uint8)
    for start, stop in _gaps(seen):
        before, after = start - 1, stop
        at = seconds[start:stop]
        if start == 0 and stop == len(seconds):
            out[:] = neutral
            flags[:] = FrameFlag.FACE_EASED_TO_NEUTRAL
        elif start > 0 and stop < len(seconds) and seconds[after] - seconds[before] <= BRIDGE_SECONDS:
            share = _ease((at - seconds[before]) / (seconds[after] - seconds[before]))[:, None]
            out[start:stop] = out[before] * (1 - share) + out[after] * share
            flags[start:stop] = FrameFlag.FACE_INTERPOLATED
        else:
            leave, arrive = _gap_shares(seconds, (start, stop), ease_seconds)
            value = np.broadcast_to(neutral, out[start:stop].shape)
            value = value if start == 0 else out[before] * (1 - leave) + value * leave
            out[start:stop] = value if stop == len(seconds) else value * (1 - arrive) + out[after] * arrive
            is_held = (leave[:, 0] == 0) & (arrive[:, 0] == 0)
            flags[start:stop] = np.where(is_held, FrameFlag.FACE_HELD, FrameFlag.FACE_EASED_TO_NEUTRAL)
    return out, flags


def _gap_shares(seconds: np.ndarray, gap: tuple[int, int], ease_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each frame of a long gap has left the last value and approached the next one, (n, 1) each."""
    start, stop = gap
    at = seconds[start:stop]
    leave = np.zeros(len(at)) if start == 0 else _ease((at - seconds[start - 1] - HOLD_SECONDS) / ease_seconds)
    arrive = np.zeros(len(at)) if stop == len(seconds) else _ease(1 - (seconds[stop] - at) / ease_seconds)
    return leave[:, None], arrive[:, None]


def _gaps(seen: np.ndarray) -> list[tuple[int, int]]:
    """Return [start, stop) of every run of frames that are not seen."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], seen, [True]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _ease(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3 - 2 * share)
