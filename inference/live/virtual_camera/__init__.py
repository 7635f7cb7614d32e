"""The character as a camera of this machine, for video calls: a process of its own that is fed pictures.

    show --raw RGB over a pipe--> python -m perfkit.inference.live.virtual_camera --pyvirtualcam--> /dev/video, OBS

In: pictures. Out: a camera. pyvirtualcam is GPL-2.0: it is optional, and nothing of perfkit is loaded beside it.
"""

import contextlib
import subprocess
import sys
import threading

from perfkit.errors import ExportError
from perfkit.inference.live.drawing import Shown
from perfkit.inference.live.latest import Latest

_READY = "ready "
_WITHOUT = "the page's output view and its motion JPEG stream serve OBS and others without it"


class VirtualCamera:
    """Feeds a camera of this machine; the newest picture counts.

    Args:
        size_wh: Of the pictures, px.

    Raises:
        ExportError: pyvirtualcam is not installed, or this machine has no virtual camera.
    """

    def __init__(self, size_wh: tuple[int, int]) -> None:
        command = [sys.executable, "-m", __name__, *map(str, size_wh)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().decode(errors="replace").strip()
        if not answer.startswith(_READY):
            self._process.kill()
            _, errors = self._process.communicate()
            reason = answer or errors.decode(errors="replace").strip().splitlines()[-1:] or ["it did not start"]
            raise ExportError(f"virtual camera: {reason if isinstance(reason, str) else reason[0]}; {_WITHOUT}")
        self.device = answer.removeprefix(_READY)
        self._pictures: Latest[bytes] = Latest()
        self._thread = threading.Thread(target=self._feed, name="perfkit-virtual-camera", daemon=True)
        self._thread.start()

    def see(self, shown: Shown) -> None:
        """Show a picture; never waits."""
        self._pictures.put(shown.image_rgb.tobytes())

    def close(self) -> None:
        """Take the camera away."""
        self._pictures.close()
        self._thread.join()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _feed(self) -> None:
        assert self._process.stdin is not None
        while not self._pictures.is_closed:
            if (picture := self._pictures.take(0.2)) is None:
                continue
            try:
                self._process.stdin.write(picture)
                self._process.stdin.flush()
            except BrokenPipeError:
                return
