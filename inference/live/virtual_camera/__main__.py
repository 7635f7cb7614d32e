"""The camera's own process: raw RGB pictures on stdin, one line about the device on stdout.

In: WIDTH HEIGHT. The only place that loads pyvirtualcam, which is GPL-2.0.
"""

import sys

_READY = "ready "
_RATE_FPS = 30


def main() -> int:
    """Be the camera until stdin ends."""
    width, height = int(sys.argv[1]), int(sys.argv[2])
    try:
        import numpy as np
        import pyvirtualcam
    except ImportError:
        print("needs the package pyvirtualcam; run: pip install 'perfkit[virtual-camera]'", flush=True)
        return 1
    try:
        camera = pyvirtualcam.Camera(width=width, height=height, fps=_RATE_FPS)
    except RuntimeError as error:
        print(" ".join(str(error).split()), flush=True)
        return 1
    with camera:
        print(f"{_READY}{camera.device}", flush=True)
        while len(picture := sys.stdin.buffer.read(width * height * 3)) == width * height * 3:
            camera.send(np.frombuffer(picture, np.uint8).reshape(height, width, 3))
    return 0


if __name__ == "__main__":
    sys.exit(main())
