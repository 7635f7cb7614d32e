"""A live show: camera, performer, character, viewers, held together. The page and every other output hang on it.

In: options, camera pictures, commands. Out: pictures to viewers, one state that says how it goes.
"""

import importlib.util
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from perfkit.calibration_file import save_calibration
from perfkit.errors import CalibrationError, PerfkitError, SettingsError
from perfkit.following import Follower
from perfkit.inference.live.acting import Acted, Acting
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.inference.live.cameras import BROWSER, ThreadedCamera
from perfkit.inference.live.controls import LiveControls, change_controls
from perfkit.inference.live.drawing import Drawing, Shown
from perfkit.inference.live.meter import Meter
from perfkit.inference.live.posing import NeutralTaker
from perfkit.inference.live.quality import LEVELS, Quality, QualityChooser
from perfkit.inference.live.recorder import Recorder, Recording
from perfkit.inference.live.wardrobe import Costume, Wardrobe, make_costume
from perfkit.inference.settings import RuntimeSettings
from perfkit.pack import list_character_names
from perfkit.performers import DEFAULT_PERFORMER, calibration_path, find_calibration

_log = logging.getLogger(__name__)
_USUAL_INTERVAL_SECONDS = 1 / 30
_ONE_CORE = RuntimeSettings(num_threads=1)
"""The tracker wants the other."""

WEBSOCKET, WEBRTC = TRANSPORTS = ("websocket", "webrtc")

OnActed = Callable[[Acted], None]
OnShown = Callable[[Shown], None]


@dataclass(frozen=True)
class ShowOptions:
    """What a show is begun with.

    Attributes:
        character: A sample character's name, or a pack's folder.
        camera: "browser", a device's number, or the path of a video.
        performer: Whose neutral face to take, and to keep.
        folder: Where recordings go.
        quality: A name of `quality.QUALITIES`.
        transport: How the page's pictures come, one of `TRANSPORTS`; by WebSocket also where WebRTC does not come up.
        runtime: Where engines run.
    """

    character: str
    camera: str = BROWSER
    performer: str = DEFAULT_PERFORMER
    folder: Path = Path("perfkit-live")
    quality: str = "auto"
    transport: str = WEBSOCKET
    runtime: RuntimeSettings = _ONE_CORE


class LiveShow:
    """One performer as one character; threads run between `start` and `stop`.

    Args:
        options: What to begin with.

    Raises:
        PerfkitError: The character, the camera's file, the calibration or the transport can't be used.
    """

    def __init__(self, options: ShowOptions) -> None:
        _check_transport(options.transport)
        self.options = options
        self.characters = sorted({*list_character_names(), options.character})
        self.controls = change_controls(
            LiveControls(options.character), {"quality": options.quality}, characters=frozenset(self.characters)
        )
        self.recordings: dict[str, Path] = {}
        self.notice = ""
        self._costume = make_costume(options.character, self.controls.light, options.runtime)
        self._wardrobe = Wardrobe(options.runtime, self._put_on, self._refuse_costume)
        self._loading = ""
        self._chooser, self._quality = QualityChooser(), LEVELS[0]
        self._performer = options.performer
        self._follower = Follower(self._costume.pack.rig, calibration=find_calibration(self._performer))
        self._taker: NeutralTaker | None = None
        self._recorder: Recorder | None = None
        self._recording_since = 0.0
        self._lock = threading.Lock()
        self._see_acted: tuple[OnActed, ...] = ()
        self._see_shown: tuple[OnShown, ...] = ()
        self._camera_meter, self._server_meter = Meter(), Meter()
        self._last_frame_seconds = -np.inf
        self.num_frames = 0
        self.last_shown: Shown | None = None
        self.outputs: dict[str, str] = {}
        self._acting = Acting(
            self._follower, lambda: self._costume, lambda: self.controls, lambda: self._quality, self._on_acted
        )
        self._drawing = Drawing(lambda: self.controls, lambda: self._quality, self._on_shown)
        self._camera = (
            None if options.camera == BROWSER else ThreadedCamera(options.camera, self.feed, self._lose_camera)
        )

    @property
    def canvas_wh(self) -> tuple[int, int]:
        """Size of the pictures, px."""
        return self._costume.engine.canvas_wh

    @property
    def has_own_camera(self) -> bool:
        """Whether the pictures come from this machine and not from the page."""
        return self._camera is not None

    def start(self) -> None:
        """Begin."""
        self._wardrobe.start()
        self._drawing.start()
        self._acting.start()
        if self._camera is not None:
            self._camera.start()

    def stop(self) -> None:
        """End every thread; a recording that runs is finished."""
        if self._camera is not None:
            self._camera.stop()
        self._wardrobe.stop()
        self._acting.stop()
        self._drawing.stop()
        if self._recorder is not None:
            try:
                self.stop_recording()
            except PerfkitError as error:
                _log.warning("%s", error)

    def watch(self, *, acted: OnActed | None = None, shown: OnShown | None = None) -> Callable[[], None]:
        """Call `acted` and `shown` with every frame; they must not wait. Returns what ends it."""
        with self._lock:
            self._see_acted += (acted,) if acted else ()
            self._see_shown += (shown,) if shown else ()

        def leave() -> None:
            with self._lock:
                self._see_acted = tuple(each for each in self._see_acted if each is not acted)
                self._see_shown = tuple(each for each in self._see_shown if each is not shown)

        return leave

    def feed(self, frame: CameraFrame) -> None:
        """Take a camera picture; never waits."""
        now = time.monotonic()
        if self._last_frame_seconds > -np.inf:
            self._camera_meter.add(now, min(1.0, frame.seconds - self._last_frame_seconds))
        self._last_frame_seconds = frame.seconds
        self.num_frames += 1
        self._acting.frames.put(frame)

    def hear(self, seconds: float, rate_hz: int, samples: np.ndarray) -> None:
        """Take sound, (N,) int16 that began at `seconds`."""
        recorder = self._recorder
        if recorder is not None:
            recorder.hear(seconds, rate_hz, samples)

    def change(self, table: dict[str, Any]) -> None:
        """Change controls.

        Raises:
            SettingsError: An unknown control, or a value outside its range.
        """
        before = self.controls
        self.controls = change_controls(before, table, characters=frozenset(self.characters))
        if (self.controls.character, self.controls.light) != (before.character, before.light):
            self._loading = self.controls.character
            self._wardrobe.wish(self.controls.character, self.controls.light)

    def calibrate(self) -> None:
        """Count down, then take the performer's face as their neutral one."""
        self._taker = NeutralTaker(time.monotonic())

    def take_performer(self, name: str) -> None:
        """Go on with another performer, their neutral face if it is known.

        Raises:
            SettingsError: No name for a file.
            CalibrationError: Their file is damaged.
        """
        self._follower.take_calibration(find_calibration(name))
        self._performer = name

    def start_recording(self, *, has_alpha: bool) -> None:
        """Begin to record; nothing happens if it runs already.

        Raises:
            MediaError: The folder can't be written.
        """
        with self._lock:
            if self._recorder is None:
                self._recorder = Recorder(self.options.folder, has_alpha=has_alpha, trackers=self._acting.versions)
                self._recording_since = time.monotonic()

    def stop_recording(self) -> Recording | None:
        """End the recording and return it; None if none runs.

        Raises:
            MediaError: Nothing was recorded, or the disk refused.
        """
        with self._lock:
            recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        recording = recorder.stop()
        self.recordings |= {path.name: path for path in recording.files}
        return recording

    def describe(self) -> dict[str, Any]:
        """Return the show's state for the page: plain values."""
        now = time.monotonic()
        pose, calibration = self._acting.pose, self._follower.calibration
        recorder = self._recorder
        return {
            "controls": asdict(self.controls),
            "performer": self._performer,
            "is_calibrated": calibration.is_set,
            "calibrating": None if self._taker is None else self._taker.describe(now),
            "loading": self._loading,
            "notice": self.notice,
            "outputs": self.outputs,
            "state": str(pose.state) if pose is not None else "neutral",
            "is_dark": self._acting.is_dark,
            "has_own_camera": self.has_own_camera,
            "transport": self.options.transport,
            "characters": self.characters,
            "has_camera": now - self._last_frame_seconds < 1.0,
            "camera_fps": round(self._camera_meter.rate(now), 1),
            "fps": round(self._drawing.meter.rate(now), 1),
            "server_ms": [round(1000 * self._server_meter.typical(now, share)) for share in (0.5, 0.95)],
            "act_ms": round(1000 * self._acting.meter.typical(now), 1),
            "draw_ms": round(1000 * self._drawing.meter.typical(now), 1),
            "num_frames": self.num_frames,
            "num_dropped": self._acting.frames.num_dropped + self._drawing.acted.num_dropped,
            "num_refused": self._acting.num_undecodable,
            "quality": self._quality.name,
            "steps": self._quality.steps,
            "recording_seconds": None if recorder is None else round(now - self._recording_since, 1),
            "recordings": sorted(self.recordings),
        }

    def _on_acted(self, acted: Acted) -> None:
        self._quality = self._choose_quality()
        recorder = self._recorder
        if recorder is not None:
            recorder.see_acted(acted)
        self._drawing.acted.put(acted)
        if self._taker is not None and self._taker.see(acted):
            self._keep_neutral(self._taker)
            self._taker = None
        for see in self._see_acted:
            see(acted)

    def _choose_quality(self) -> Quality:
        now = time.monotonic()
        busy = max(self._acting.meter.typical(now), self._drawing.meter.typical(now, 0.8))
        interval = self._camera_meter.typical(now) or _USUAL_INTERVAL_SECONDS
        return self._chooser.choose(self.controls.quality, now, busy_seconds=busy, interval_seconds=interval)

    def _on_shown(self, shown: Shown) -> None:
        now = time.monotonic()
        self._server_meter.add(now, now - shown.acted.frame.seconds)
        self.last_shown = shown
        recorder = self._recorder
        if recorder is not None:
            recorder.see_shown(shown)
        for see in self._see_shown:
            see(shown)

    def _keep_neutral(self, taker: NeutralTaker) -> None:
        self.notice = ""
        try:
            calibration = self._follower.calibration.set_neutral(taker.seen, taker.size_wh)
        except CalibrationError as error:
            self.notice = str(error)
            return
        self._follower.forget_usual()
        path = calibration_path(self._performer)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_calibration(calibration, path)
        except OSError as error:
            self.notice = f"this neutral face counts now, but is not kept: {error}"

    def _put_on(self, costume: Costume) -> None:
        self._costume = costume
        self._loading = self.notice = ""

    def _refuse_costume(self, name: str, reason: str) -> None:
        self._loading, self.notice = "", reason
        self.controls = replace(self.controls, character=self._costume.name, light=self._costume.light)

    def _lose_camera(self, reason: str) -> None:
        if self.notice != reason:
            _log.warning("%s", reason)
        self.notice = reason


def _check_transport(name: str) -> None:
    if name not in TRANSPORTS:
        raise SettingsError(f"transport: got {name!r}, expected {' or '.join(TRANSPORTS)}")
    if name == WEBRTC and importlib.util.find_spec("aiortc") is None:
        raise SettingsError("transport webrtc: aiortc is not installed; install it with: pip install 'perfkit[webrtc]'")
