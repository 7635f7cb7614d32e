"""Sample 1: track the performer of a take and look at what was found.

python samples/01_capture.py TAKE OUT.perf
"""

import sys

import numpy as np

from perfkit.capture import capture_take
from perfkit.track import save_track
from perfkit.vocabulary import BLENDSHAPES


def main(take: str, out: str) -> None:
    """Capture a take, print its strongest expressions, save the track."""
    track = capture_take(take, on_progress=lambda done, total: print(f"\r{done}/{total}", end="", file=sys.stderr))
    print(file=sys.stderr)
    seen = track.face_confidence > 0
    print(f"{len(track)} frames, a face in {seen.sum()}, {float(track.times.rate_fps):.3f} frames/s")

    # Numbers travel in arrays: (T, 52) blendshapes, one column per name.
    peaks = np.nanmax(track.blendshapes[seen], axis=0)
    for column in np.argsort(peaks)[::-1][:5]:
        frame = int(np.nanargmax(track.blendshapes[:, column]))
        print(f"{BLENDSHAPES[column]:18} {peaks[column]:.2f} at {track.times.seconds[frame]:.2f} s")
    save_track(track, out)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
