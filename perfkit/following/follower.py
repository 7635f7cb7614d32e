"""One performer followed by one character, frame by frame.

    Observation --headspace--> expression --> lids, one-euro, presence --rig--> Pose
                          \\--> head, against its usual place ------^
    looks at the body (now and then) --> limbs -----------------^

In: observations in the order of time. Out: a Pose for every frame, whatever was seen.
"""

from dataclasses import dataclass

import numpy as np

from perfkit.arms import place_body
from perfkit.calibrate import Calibration
from perfkit.capture.protocol import Observation
from perfkit.capture.recording import track_from_observations
from perfkit.expression import fit_weights
from perfkit.following.body_follower import BodyFollower
from perfkit.following.lids import LiveLids
from perfkit.following.presence import Presence, State
from perfkit.following.running_calibration import RunningCalibration
from perfkit.framing import UsualHead, frame_head
from perfkit.gains import REGIONS, scale_head, scale_weights, shape_channels
from perfkit.headspace import HeadMotion, measure_head, seen_frames, sum_axes
from perfkit.measures import feature_places
from perfkit.proportions import HUMAN_RIG, Rig
from perfkit.retarget import RetargetSettings, gain_field
from perfkit.rig import (
    face_points,
    hands_from_body,
    head_angles_from_rotation,
    pose_face,
    present_rows,
    rest_head,
    rest_points,
)
from perfkit.smoothing import OneEuro, OneEuroSettings
from perfkit.vocabulary import BLENDSHAPE_INDEX, BLENDSHAPES

_BLINKS = [BLENDSHAPE_INDEX["eyeBlinkLeft"], BLENDSHAPE_INDEX["eyeBlinkRight"]]
_HEAD_UNITS = np.array([15.0, 15.0, 15.0, 18.0, 18.0, 10.0])
"""What one-euro takes for 1, of each head channel: degrees, px of a 256 px canvas."""
_REST_CUTOFF_HZ = 4.0
"""Of the usual smoothing, at rest: 40 ms of delay where nothing moves, next to none where something does."""
_TRUST_NONE, _TRUST_FULL = 0.3, 0.8
"""Face confidence at which a face (under a hand) counts nothing, and fully."""
_USUAL_SECONDS = 20.0
_AXES_KEPT = 0.998
"""How much of what is known of the tracker's axes is kept from frame to frame."""
_NUM_WEIGHTS = len(BLENDSHAPES)


@dataclass(frozen=True, eq=False)
class Pose:
    """What the character does in one frame, in px of its canvas; arrays as of `CharacterTrack`, without T.

    Attributes:
        weights: (52,) float32 in 0..1.
        head: (6,) float32, columns as `vocabulary.HEAD_CHANNELS`.
        face: (K, 2) float32.
        face_visibility: (K,) float32.
        body: (33, 3) float32.
        hands: (2, 21, 2) float32.
        limbs: (12, 3) float64, the performer's, as of `BodyMotion`.
        state: Where it comes from.
    """

    weights: np.ndarray
    head: np.ndarray
    face: np.ndarray
    face_visibility: np.ndarray
    body: np.ndarray
    hands: np.ndarray
    limbs: np.ndarray
    state: State


class Follower:
    """Lets a character do what a performer does.

    Args:
        rig: The character's proportions; may be changed at any time, as may `settings`.
        calibration: The performer's saved neutral face; None finds it while they act.
        settings: What to follow and how much.
    """

    def __init__(
        self, rig: Rig, *, calibration: Calibration | None = None, settings: RetargetSettings | None = None
    ) -> None:
        self.rig = rig
        self.settings = settings or RetargetSettings()
        self.calibration = RunningCalibration(calibration)
        self.body = BodyFollower()
        self._lids = LiveLids()
        self._filter: OneEuro | None = None
        self._filter_reach = self.settings.smoothing
        self._presence = Presence(np.concatenate([np.zeros(_NUM_WEIGHTS), np.zeros(6)]))
        self._usual: UsualHead | None = None
        self._usual_frames = 0
        self._axes = np.zeros((3, 3))
        self._last: np.ndarray | None = None
        self._motion: HeadMotion | None = None

    def take_calibration(self, calibration: Calibration | None) -> None:
        """Go on with another performer."""
        self.calibration = RunningCalibration(calibration)
        self.forget_usual()

    def forget_usual(self) -> None:
        """Count place, size and turn anew from where the performer is next seen."""
        self._usual, self._usual_frames = None, 0

    def head_px(self) -> tuple[np.ndarray, float] | None:
        """Return where the head was last seen in the take: centre (2,) px, px a head unit."""
        return None if self._motion is None else (self._motion.center_px[0], float(self._motion.scale_px[0]))

    def follow(self, seconds: float, seen: Observation | None, size_wh: tuple[int, int]) -> Pose:
        """Return the character's pose at `seconds`.

        Args:
            seconds: Larger than the frame's before.
            seen: What the tracker saw; None to let go of the performer (as when the face is lost).
            size_wh: Size of the picture that it was seen in, px.
        """
        rest = rest_head(self.rig, self.settings.canvas_wh).astype(np.float64)
        channels = None if seen is None else self._measure(seconds, seen, size_wh=size_wh, rest=rest)
        shown = self._presence(seconds, channels)
        weights = scale_weights(
            shown[None, :_NUM_WEIGHTS].astype(np.float32), self._gains(), expressiveness=self.settings.expressiveness
        )
        weights = shape_channels(weights, self.rig.channels)
        head = rest + shown[_NUM_WEIGHTS:] * self._head_units()
        head = scale_head(head[None], rest, self.settings.head_gain).astype(np.float32)
        return self._pose(weights, head, seconds)

    def _measure(
        self, seconds: float, seen: Observation, *, size_wh: tuple[int, int], rest: np.ndarray
    ) -> np.ndarray | None:
        """Return (58,) calm weights, and head channels in their units away from rest; None while nothing is known."""
        track = track_from_observations([(seconds, seen)], size_wh)
        if not seen_frames(track)[0]:
            self._filter = None
            return None
        self.calibration.observe(seconds, seen, size_wh)
        calibration = self.calibration.current(seconds)
        if calibration is None:
            return None
        neutral = calibration.neutral.astype(np.float64)
        motion = self._motion = measure_head(track, neutral, earlier_axes=self._axes)
        self._axes = _AXES_KEPT * self._axes + sum_axes(track, motion.frames, motion.fit.rotation)
        blendshapes = track.blendshapes.astype(np.float64)
        weights = fit_weights(motion, blendshapes, calibration)
        weights[0, _BLINKS] = self._lids(seconds, weights[0, _BLINKS], blendshapes[0, _BLINKS])
        channels = np.concatenate([weights[0], self._head(motion, rest)])
        trust = float(np.clip((seen.face_confidence - _TRUST_NONE) / (_TRUST_FULL - _TRUST_NONE), 0.05, 1.0))
        if self._last is not None and self._filter is not None:
            channels = self._last + trust * (channels - self._last)
        return self._calm(seconds, channels)

    def _head(self, motion: HeadMotion, rest: np.ndarray) -> np.ndarray:
        """Return (6,) the head away from its rest, in `_HEAD_UNITS`."""
        angles = head_angles_from_rotation(motion.rotation)[0]
        here = (angles, motion.center_px[0], float(np.log(motion.scale_px[0])))
        self._usual_frames += 1
        share = max(1.0 / self._usual_frames, 1.0 / (30.0 * _USUAL_SECONDS))
        before = here if self._usual is None else (self._usual.angles, self._usual.center_px, self._usual.log_scale)
        self._usual = UsualHead(*(old + share * (new - old) for old, new in zip(before, here, strict=True)))
        is_from_neutral = self.settings.head_from == "neutral"
        usual = self._usual if is_from_neutral else UsualHead(np.zeros(3), self._usual.center_px, self._usual.log_scale)
        head = frame_head(
            motion,
            rest,
            canvas_wh=self.settings.canvas_wh,
            gains=(self.settings.position_gain, self.settings.size_gain),
            usual=usual,
        )[0]
        return (head - rest) / self._head_units()

    def _calm(self, seconds: float, channels: np.ndarray) -> np.ndarray:
        reach = self.settings.smoothing
        if self._filter is None or reach != self._filter_reach:
            self._filter = OneEuro(OneEuroSettings(min_cutoff_hz=_REST_CUTOFF_HZ / max(reach, 0.05)))
            self._filter_reach = reach
        calm = channels if reach == 0 else self._filter(seconds, channels).copy()
        is_shut = channels[_BLINKS] >= 1.0
        calm[_BLINKS] = np.where(is_shut, 1.0, calm[_BLINKS])
        self._last = calm
        return calm

    def _head_units(self) -> np.ndarray:
        return _HEAD_UNITS * np.array([1, 1, 1, *[min(self.settings.canvas_wh) / 256] * 3])

    def _gains(self) -> dict[str, float]:
        return {region: getattr(self.settings, gain_field(region)) for region in REGIONS}

    def _pose(self, weights: np.ndarray, head: np.ndarray, seconds: float) -> Pose:
        face, visibility = pose_face(face_points(self.rig, weights), head)
        calibration = self.calibration.current(seconds)
        neutral = rest_points(HUMAN_RIG) if calibration is None else calibration.neutral
        motion = self.body.follow(seconds)
        body = place_body(motion, self.rig, head, feature_places(neutral), canvas_wh=self.settings.canvas_wh)
        return Pose(
            weights=weights[0],
            head=head[0],
            face=face[0],
            face_visibility=(visibility * present_rows(self.rig))[0],
            body=body[0],
            hands=hands_from_body(body)[0],
            limbs=motion.limbs[0],
            state=self._presence.state,
        )
