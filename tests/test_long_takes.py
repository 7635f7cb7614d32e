"""Work by parts gives what work on the whole gives, and a long take needs hardly more memory than a short one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from synthetic_performer import CHIBI, NUM_FRAMES, act, perform

from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import RetargetSettings, retarget

SHORT_FRAMES, LONG_FRAMES = 3072, 7168
"""A neutral face is fitted to 3,000 frames at most; what that needs stays the same beyond."""
MAX_GROWTH_MB = 15
"""4,096 frames more have 29 MB of captured and 12 MB of retargeted numbers."""
PERFORM_AND_TELL_MEMORY = """
import resource, sys
from collections import deque
from pathlib import Path
from synthetic_performer import CHIBI, act, observe, perform
from perfkit.capture.recording import record
from perfkit.control import draw_control
from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import retarget
from perfkit.track import load_track, save_track
from perfkit.video import open_take

class Actor:
    versions = {}
    next_index = -1
    track_seen = perform(HUMAN_RIG, *act(240))

    def track(self, image_rgb, seconds):
        self.next_index += 1
        return observe(self.track_seen, self.next_index % 240)

take, perf = Path(sys.argv[1]), Path(sys.argv[2])
save_track(record(open_take(take), Actor()), perf)
performance = retarget(load_track(perf), CHIBI)
deque(draw_control(performance, image_wh=(16, 16), frames=range(0, len(performance), 8)), maxlen=0)
print(len(performance), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.parametrize("settings", [RetargetSettings(), RetargetSettings(with_body=False)])
def test_a_take_retargeted_in_parts_is_the_whole(monkeypatch, settings):
    take = perform(HUMAN_RIG, *act(NUM_FRAMES))
    track = retarget(take, CHIBI, settings=settings)
    monkeypatch.setattr("perfkit.rows.PART_FRAMES", 37)
    parts = retarget(take, CHIBI, settings=settings)
    for name in ("weights", "head", "face", "face_visibility", "body", "hands"):
        np.testing.assert_allclose(getattr(parts, name), getattr(track, name), atol=2e-4, err_msg=name)


def test_a_long_take_needs_hardly_more_memory_than_a_short_one(tmp_path):
    peaks = []
    for num_frames in (SHORT_FRAMES, LONG_FRAMES):
        clip = make_clip(tmp_path / f"{num_frames}.mp4", source="color=size=64x48:rate=24", frames=num_frames)
        command = [sys.executable, "-c", PERFORM_AND_TELL_MEMORY, str(clip), str(clip.with_suffix(".perf"))]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
        performed, peak_mb = done.stdout.split()
        assert int(performed) == num_frames
        peaks.append(float(peak_mb))
    assert peaks[1] - peaks[0] < MAX_GROWTH_MB, peaks
