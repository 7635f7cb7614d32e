"""Blinks that close: what a tracker shows of a blink is rarely its bottom.

In: eyeBlink weights over time and the tracker's own blinks. Out: the same weights, with the bottom of every blink shut.

A blink's bottom lasts some 50 ms: at 24 frames a second it falls between two frames, and the tracker smooths over it.
On real takes two blinks in three stop with the lids a fifth to two thirds open, which a viewer takes for a flinch.
"""

import numpy as np

from perfkit.geometry import smoothstep

_DROP_SECONDS, _RISE_SECONDS = 0.2, 0.35
"""Lids fall faster than they rise: within these times a blink has begun, and is half over."""
_LEAST_DROP = 0.3
"""How far the lids must fall, as a share of the opening at rest: less is a look down."""
_LEAST_REPORT = 0.15
"""How much the tracker's own blink must rise along with it."""
_BOTTOM = 0.8
"""Share of a blink's depth from which a frame belongs to its bottom."""


def complete_blinks(seconds: np.ndarray, blinks: np.ndarray, reports: np.ndarray) -> np.ndarray:
    """Shut the lids at the bottom of every blink; a squint, which stays, and a slow look down are left alone.

        reported  1.0 .9 .5 .5 .6 .8 .8        completed  1.0 .9 0 .5 .6 .8 .8      (openings)

    Args:
        seconds: (S,) increasing.
        blinks: (S, 2) in 0..1, left and right, 1 shut.
        reports: (S, 2), the tracker's own eyeBlink weights.

    Returns:
        (S, 2), nowhere smaller than `blinks`.
    """
    out = blinks.copy()
    reported = reports.max(axis=1)
    for side in range(blinks.shape[1]):
        lids = blinks[:, side]
        for bottom in _find_bottoms(seconds, lids, reported):
            _shut(seconds, lids, bottom, out[:, side])
    return out


def _find_bottoms(seconds: np.ndarray, lids: np.ndarray, reported: np.ndarray) -> list[int]:
    """Return frames at which the lids are lowest after a fast fall, and from which they soon rise again."""
    inner = slice(1, -1)
    is_peak = (lids[inner] >= lids[:-2]) & (lids[inner] > lids[2:]) & (lids[inner] > _LEAST_DROP)
    bottoms = []
    for frame in np.flatnonzero(is_peak) + 1:
        before, after = _frames_around(seconds, int(frame))
        drop = lids[frame] - lids[before].min()
        report = reported[before.start : after.stop].max() - reported[before].min()
        has_risen = lids[frame] - lids[after].min() >= 0.5 * drop
        if drop >= _LEAST_DROP and report >= _LEAST_REPORT and has_risen:
            bottoms.append(int(frame))
    return bottoms


def _frames_around(seconds: np.ndarray, frame: int) -> tuple[slice, slice]:
    """Return the frames of a fall that ends with `frame` and of a rise that begins with it."""
    first = int(np.searchsorted(seconds, seconds[frame] - _DROP_SECONDS))
    stop = int(np.searchsorted(seconds, seconds[frame] + _RISE_SECONDS, side="right"))
    return slice(first, frame + 1), slice(frame, stop)


def _shut(seconds: np.ndarray, lids: np.ndarray, bottom: int, out: np.ndarray) -> None:
    """Close (in place) the bottom frame, and its neighbours as far as they are nearly as deep."""
    for frames in _frames_around(seconds, bottom):
        floor = lids[frames].min()
        depth = (lids[frames] - floor) / max(lids[bottom] - floor, 1e-6)
        opening = (1.0 - lids[frames]) * (1.0 - smoothstep(_BOTTOM, 1.0, depth))
        out[frames] = np.maximum(out[frames], 1.0 - opening)
