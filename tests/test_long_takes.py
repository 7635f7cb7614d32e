"""Work by parts gives what work on the whole gives, and a long take needs little more memory than its tracks."""

import tracemalloc

import numpy as np
from synthetic_performer import CHIBI, NUM_FRAMES, act, perform

from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import retarget


def test_a_take_retargeted_in_parts_is_the_whole(monkeypatch):
    take = perform(HUMAN_RIG, *act(NUM_FRAMES))
    track = retarget(take, CHIBI)
    monkeypatch.setattr("perfkit.track.PART_FRAMES", 37)
    parts = retarget(take, CHIBI)
    for name in ("weights", "head", "face", "face_visibility", "body", "hands"):
        np.testing.assert_allclose(getattr(parts, name), getattr(track, name), atol=2e-4, err_msg=name)


def test_a_long_take_needs_little_more_than_its_tracks():
    """Capture and character track hold 10 KB a frame; retargeting may need 4 KB a frame besides what it returns."""
    peaks = []
    for num_frames in (1024, 3072):
        take = perform(HUMAN_RIG, *act(num_frames))
        tracemalloc.start()
        track = retarget(take, CHIBI)
        returned = sum(getattr(track, name).nbytes for name in ("weights", "head", "face", "face_visibility"))
        peaks.append(tracemalloc.get_traced_memory()[1] - returned - track.body.nbytes - track.hands.nbytes)
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / (3072 - 1024) < 4096
