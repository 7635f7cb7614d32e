"""Sample 2: give a captured performance to a character's rig and save some control pictures.

python samples/02_retarget_and_draw_control.py TAKE.perf CHARACTER OUT.png
"""

import sys
from itertools import islice

import numpy as np
from PIL import Image

from perfkit.calibrate import fit_calibration
from perfkit.control import draw_control
from perfkit.pack import load_pack
from perfkit.retarget import retarget
from perfkit.track import load_track

NUM_PICTURES = 6


def main(perf: str, character: str, out: str) -> None:
    """Retarget a performance and put control pictures of it side by side."""
    track = load_track(perf)
    pack = load_pack(character)

    # The neutral face is the performer's own; the rig is the character's. Only the motion crosses over.
    performance = retarget(track, pack.rig, calibration=fit_calibration(track))

    # Pixels travel in iterators: every n-th picture is kept, none of the others.
    step = max(1, len(performance) // NUM_PICTURES)
    pictures = [frame.image_rgb for frame in islice(draw_control(performance, style="nano"), 0, None, step)]
    Image.fromarray(np.hstack(pictures[:NUM_PICTURES])).save(out)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:4])
