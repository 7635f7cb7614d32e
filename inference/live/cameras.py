"""Where a live show's pictures come from, the browser apart: a camera of this machine, or a video played as one.

In: a number or a path. Out: CameraFrames in real time, in a thread of its own; a camera that goes away comes back by
itself when it is plugged in again.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from perfkit.errors import MediaError
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.take import Take
from perfkit.video import iterate_frames, open_take

BROWSER = "browser"
_RETRY_SECONDS = 1.0

OnFrame = Callable[[CameraFrame], None]
OnLost = Callable[[str], None]


class ThreadedCamera:
    """Feeds a show from this machine.

    Args:
        name: A device's number, or the path of a video, which is played over and over.
        on_frame: Called with every picture; must not wait.
        on_lost: Called with one line when the camera goes away.

    Raises:
        MediaError: A path that is no video.
    """

    def __init__(self, name: str, on_frame: OnFrame, on_lost: OnLost) -> None:
        self._on_frame, self._on_lost = on_frame, on_lost
        self._stop = threading.Event()
        if name.isdigit():
            self._pictures: Callable[[], Iterator[np.ndarray]] = lambda: _iterate_device(int(name), self._stop)
        else:
            take = open_take(Path(name))
            self._pictures = lambda: _iterate_paced(take, self._stop)
        self._name = name
        self._thread = threading.Thread(target=self._work, name="perfkit-camera", daemon=True)

    def start(self) -> None:
        """Begin to feed."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the camera is let go."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        index = 0
        while not self._stop.is_set():
            try:
                for image_rgb in self._pictures():
                    self._on_frame(CameraFrame(index, time.monotonic(), image_rgb=image_rgb))
                    index += 1
                    if self._stop.is_set():
                        return
            except MediaError as error:
                self._on_lost(str(error))
            self._stop.wait(_RETRY_SECONDS if self._name.isdigit() else 0)


def _iterate_device(number: int, stop: threading.Event) -> Iterator[np.ndarray]:
    device = cv2.VideoCapture(number)
    try:
        if not device.isOpened():
            raise MediaError(f"camera {number}: not there, or another program has it; waiting for it")
        device.set(cv2.CAP_PROP_FRAME_WIDTH, 640)
        device.set(cv2.CAP_PROP_FRAME_HEIGHT, 360)
        device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        while not stop.is_set():
            has_picture, image_bgr = device.read()
            if not has_picture:
                raise MediaError(f"camera {number}: went away; waiting for it to come back")
            yield cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB)
    finally:
        device.release()


def _iterate_paced(take: Take, stop: threading.Event) -> Iterator[np.ndarray]:
    """Yield a video's pictures, each when its time has come."""
    started, first = time.monotonic(), None
    for _, pts, image_rgb in iterate_frames(take):
        seconds = float(pts * take.info.time_base)
        first = seconds if first is None else first
        if stop.wait(max(0.0, started + seconds - first - time.monotonic())):
            return
        yield image_rgb
