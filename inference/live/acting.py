"""The thread that watches the performer: camera picture in, control picture of the character out.

    CameraFrame --decode, track--> Observation --follow--> Pose --draw_control_frame--> Acted
         `--(some)--> body thread: pose, hands, calibration

In: the newest camera picture. Out: `Acted`, in order.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from perfkit.capture.mediapipe import BodyTracker, MediaPipeTracker, lower_confidence
from perfkit.capture.protocol import Observation, make_empty_observation
from perfkit.capture.settings import CaptureSettings
from perfkit.control import draw_control_frame
from perfkit.following import Follower, Pose, State
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.inference.live.controls import LiveControls
from perfkit.inference.live.latest import Latest
from perfkit.inference.live.meter import Meter
from perfkit.inference.live.quality import Quality
from perfkit.inference.live.wardrobe import Costume

_log = logging.getLogger(__name__)
_DARK_LEVEL = 12.0
"""Mean grey level below which the tracker sees ghosts: the light is out."""
_BODY_SECONDS = 0.4
_WAIT_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class Acted:
    """What the performer did in one camera picture, given to the character.

    Attributes:
        frame: The camera's picture, decoded.
        observation: What the tracker saw.
        pose: What the character does.
        control_rgb: (H, W, 3) uint8, what the engine is shown.
        costume: The character.
    """

    frame: CameraFrame
    observation: Observation
    pose: Pose
    control_rgb: np.ndarray
    costume: Costume


class Acting:
    """Watches one performer in one thread, their body in another.

    Args:
        follower: Carries the performer's neutral face; its rig is set to the costume's.
        costume: Returns the character of this moment.
        controls: Returns the controls of this moment.
        quality: Returns the level of this moment.
        on_acted: Called with every frame, in the acting thread; must not wait.
    """

    def __init__(
        self,
        follower: Follower,
        costume: Callable[[], Costume],
        controls: Callable[[], LiveControls],
        quality: Callable[[], Quality],
        on_acted: Callable[[Acted], None],
    ) -> None:
        self.frames: Latest[CameraFrame] = Latest()
        self.meter = Meter()
        self.num_undecodable = 0
        self.pose: Pose | None = None
        self.is_dark = False
        self.versions: dict[str, str] = {}
        self._follower, self._costume, self._controls, self._quality = follower, costume, controls, quality
        self._on_acted = on_acted
        self._looks: Latest[tuple[np.ndarray, float]] = Latest()
        self._body: tuple[float, Observation] | None = None
        self._body_lock = threading.Lock()
        self._last = CameraFrame(0, 0.0, image_rgb=np.zeros((360, 640, 3), np.uint8))
        self._last_look = -np.inf
        self._idle_state: object = None
        self._threads = [
            threading.Thread(target=work, name=f"perfkit-{name}", daemon=True)
            for name, work in (("acting", self._act), ("body", self._look))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait until the trackers are closed."""
        self.frames.close()
        self._looks.close()
        for thread in self._threads:
            thread.join()

    def _act(self) -> None:
        tracker = MediaPipeTracker(CaptureSettings(with_pose=False, with_hands=False))
        self.versions = tracker.versions
        try:
            while not self.frames.is_closed:
                frame, costume = self.frames.take(_WAIT_SECONDS), self._costume()
                if frame is None:
                    self._idle(costume)
                elif frame.seconds > self._last.seconds:
                    self._act_on(tracker, frame, costume)
        finally:
            tracker.close()

    def _act_on(self, tracker: MediaPipeTracker, frame: CameraFrame, costume: Costume) -> None:
        started = time.monotonic()
        decoded = frame.decode()
        if decoded is None:
            self.num_undecodable += 1
            return
        self._last = decoded
        self._on_acted(self._act_frame(tracker, decoded, costume))
        self.meter.add(time.monotonic(), time.monotonic() - started)

    def _idle(self, costume: Costume) -> None:
        """Let the character ease to neutral while no picture comes, and show what was changed meanwhile."""
        state = (costume, self._controls())
        is_at_rest = self.pose is not None and self.pose.state is State.NEUTRAL
        if is_at_rest and state == self._idle_state:
            return
        self._idle_state = state
        frame = replace(self._last, seconds=max(time.monotonic(), self._last.seconds + 1e-3))
        self._last = frame
        pose = self._follow(frame, make_empty_observation(), costume, self._controls())
        self._on_acted(self._give(frame, make_empty_observation(), pose, costume))

    def _act_frame(self, tracker: MediaPipeTracker, frame: CameraFrame, costume: Costume) -> Acted:
        controls, image_rgb = self._controls(), frame.image_rgb
        assert image_rgb is not None
        self.is_dark = float(image_rgb[::8, ::8].mean()) < _DARK_LEVEL
        seen = make_empty_observation() if self.is_dark else tracker.track(image_rgb, frame.seconds)
        seen = self._with_body(seen, frame.seconds)
        if not self.is_dark and frame.seconds - self._last_look >= 1 / self._quality().looks_per_second:
            self._last_look = frame.seconds
            self._looks.put((image_rgb, frame.seconds))
        return self._give(frame, seen, self._follow(frame, seen, costume, controls), costume)

    def _give(self, frame: CameraFrame, seen: Observation, pose: Pose, costume: Costume) -> Acted:
        control_rgb = draw_control_frame(
            pose.face,
            pose.face_visibility,
            body=pose.body,
            hands=pose.hands,
            canvas_wh=costume.engine.canvas_wh,
            style=costume.engine.control_style,
        )
        return Acted(frame, seen, pose, control_rgb, costume)

    def _follow(self, frame: CameraFrame, seen: Observation, costume: Costume, controls: LiveControls) -> Pose:
        assert frame.image_rgb is not None
        height, width = frame.image_rgb.shape[:2]
        if controls.hold == "freeze" and self.pose is not None:
            return self.pose
        with self._body_lock:
            self._follower.rig = costume.pack.rig
            self._follower.settings = controls.retarget(costume.engine.canvas_wh)
            is_followed = controls.hold != "neutral" and seen.has_face
            self.pose = self._follower.follow(frame.seconds, seen if is_followed else None, (width, height))
            return self.pose

    def _with_body(self, seen: Observation, seconds: float) -> Observation:
        """Add body and hands as they were seen lately; a face that a hand covers is trusted less."""
        if self._body is None or seconds - self._body[0] > _BODY_SECONDS:
            return seen
        body = self._body[1]
        return lower_confidence(replace(seen, body=body.body), body.hands)

    def _look(self) -> None:
        tracker = BodyTracker(CaptureSettings())
        try:
            while not self._looks.is_closed:
                if (look := self._looks.take(_WAIT_SECONDS)) is None:
                    continue
                image_rgb, seconds = look
                if not tracker.is_blind:
                    self._take_in(tracker.track(image_rgb, seconds), seconds)
                if self._follower.calibration.wants_refit(seconds):
                    self._follower.calibration.refit(seconds)
        finally:
            tracker.close()

    def _take_in(self, body: Observation, seconds: float) -> None:
        self._body = (seconds, body)
        if (place := self._follower.head_px()) is None:
            return
        goal = self._follower.body.measure(seconds, body, *place)
        with self._body_lock:
            self._follower.body.goal = goal
