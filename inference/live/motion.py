"""The performance as motion for other programs, while it happens: VMC over OSC, Live Link Face's CSV.

In: `Acted` after `Acted`. Out: packets to a receiver, rows of a file. Both in a thread of their own, the newest counts.
"""

import logging
import threading
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from perfkit.errors import ExportError, SettingsError
from perfkit.export.livelink_csv import format_rows
from perfkit.export.performance import Performance, point_limbs
from perfkit.export.skeleton import HIPS_CM, pose_joints
from perfkit.export.vmc import VmcSender, frame_messages
from perfkit.files import check_target, write_aside
from perfkit.following import State
from perfkit.geometry import picture_rotation_from_camera
from perfkit.inference.live.acting import Acted
from perfkit.inference.live.latest import Latest
from perfkit.rig import BODY_BONES, rotation_from_head
from perfkit.times import FrameTimes

_log = logging.getLogger(__name__)
_NEARER = np.array([0.0 if bone in ("spine", "shoulders") else 1.0 for bone in BODY_BONES])
"""Arms that look short reach forward."""
_CODE_RATE = 60
_ROWS_AT_ONCE = 300


class VmcOutput:
    """Sends every frame to a VMC receiver.

    Args:
        address: "host:port".

    Raises:
        SettingsError: No address.
        ExportError: python-osc is not installed, or there is no way to the receiver.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingsError(f"--vmc {address}: expected HOST:PORT, as 127.0.0.1:39539")
        self._stack = ExitStack()
        self._sender = self._stack.enter_context(VmcSender(host, int(port)))
        self._newest: Latest[Acted] = Latest()
        self._first_seconds: float | None = None
        self._thread = threading.Thread(target=self._work, name="perfkit-vmc", daemon=True)
        self._thread.start()

    def see(self, acted: Acted) -> None:
        """Send a frame; never waits."""
        self._newest.put(acted)

    def close(self) -> None:
        """End."""
        self._newest.close()
        self._thread.join()
        self._stack.close()

    def _work(self) -> None:
        while not self._newest.is_closed:
            if (acted := self._newest.take(0.2)) is None:
                continue
            if self._first_seconds is None:
                self._first_seconds = acted.frame.seconds
            try:
                self._sender.send(
                    frame_messages(
                        acted.frame.seconds - self._first_seconds,
                        weights=acted.pose.weights,
                        joints=_joints(acted),
                        is_tracked=acted.pose.state is State.SEEN,
                    )
                )
            except ExportError as error:
                _log.warning("%s", error)
                return


class LiveLinkOutput:
    """Writes every frame as a row of Live Link Face's CSV; the file appears under its name when it is closed.

    Args:
        path: The file.

    Raises:
        MediaError: It can't be written.
    """

    def __init__(self, path: Path) -> None:
        check_target(path)
        self._stack = ExitStack()
        self._aside = self._stack.enter_context(write_aside(path))
        self._waiting: list[Acted] = []
        self._first_seconds: float | None = None
        self._lock = threading.Lock()

    def see(self, acted: Acted) -> None:
        """Add a row."""
        with self._lock:
            self._waiting.append(acted)
            if len(self._waiting) >= _ROWS_AT_ONCE:
                self._write_rows()

    def close(self) -> None:
        """Finish the file; without one frame there is none."""
        with self._lock:
            self._write_rows()
            if self._first_seconds is None:
                self._aside.write_text("")
        self._stack.close()

    def _write_rows(self) -> None:
        if not self._waiting:
            return
        is_first = self._first_seconds is None
        if self._first_seconds is None:
            self._first_seconds = self._waiting[0].frame.seconds
        text = format_rows(_performance(self._waiting, self._first_seconds), _CODE_RATE)
        rows = text if is_first else text.partition("\n")[2]
        with self._aside.open("a", newline="") as file:
            file.write(rows)
        self._waiting.clear()


def _joints(acted: Acted) -> np.ndarray:
    """Return (13, 3, 3) local rotations of the skeleton."""
    head = picture_rotation_from_camera(rotation_from_head(acted.pose.head[:3].astype(np.float64)))
    return pose_joints(head, point_limbs(acted.pose.limbs, _NEARER))


def _performance(frames: list[Acted], first_seconds: float) -> Performance:
    milliseconds = np.array([round(1000 * (acted.frame.seconds - first_seconds)) for acted in frames], np.int64)
    return Performance(
        times=FrameTimes(milliseconds, Fraction(1, 1000)),
        weights=np.stack([acted.pose.weights for acted in frames]).astype(np.float64),
        head_deg=np.stack([acted.pose.head[:3] for acted in frames]).astype(np.float64),
        joints=np.stack([_joints(acted) for acted in frames]),
        hips_cm=np.tile(HIPS_CM, (len(frames), 1)),
        face_seen=np.array([acted.pose.state is State.SEEN for acted in frames]),
    )
