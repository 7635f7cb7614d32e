"""A performer's neutral face while they perform: guessed from the first frames, better with time, set by a press.

    first half second --> fit --> fit again at twice the frames ... --> every 10 s          (until it is set)
    "look neutral": the frames of two seconds --> set, and kept until it is set again

In: observations. Out: a Calibration that glides from fit to fit, so that no fit is seen as a jump.
"""

import threading
from dataclasses import replace

import numpy as np

from perfkit.calibrate import MIN_FRAMES, Calibration, fit_calibration
from perfkit.capture.protocol import Observation
from perfkit.capture.recording import track_from_observations
from perfkit.errors import CalibrationError

_FIRST_FRAMES = 8
_KEPT_FRAMES = 300
_SPACING_SECONDS = 0.08
_REFIT_SECONDS = 10.0
_GLIDE_SECONDS = 0.6
_ARRAYS = ("neutral", "blendshapes", "gains", "open_aperture", "closed_aperture")


class RunningCalibration:
    """One performer's calibration, growing. `observe` and `current` belong to the thread that follows; `refit` may run
    in another.

    Args:
        calibration: A saved one to start from; it is then set, and no fit replaces it.
    """

    def __init__(self, calibration: Calibration | None = None) -> None:
        self.is_set = calibration is not None
        self._goal = calibration
        self._from = calibration
        self._goal_seconds = -np.inf
        self._lock = threading.Lock()
        self._kept: list[tuple[float, Observation]] = []
        self._size_wh = (0, 0)
        self._num_at_fit = 0
        self._fit_seconds = -np.inf

    def observe(self, seconds: float, observation: Observation, size_wh: tuple[int, int]) -> None:
        """Keep a frame with a face for the next fit; old ones are thinned out."""
        with self._lock:
            if not observation.has_face or (self._kept and seconds - self._kept[-1][0] < _SPACING_SECONDS):
                return
            self._size_wh = size_wh
            self._kept.append((seconds, observation))
            if len(self._kept) > _KEPT_FRAMES:
                half = _KEPT_FRAMES // 2
                self._kept = self._kept[:half:2] + self._kept[half:]

    def wants_refit(self, seconds: float) -> bool:
        """Tell whether there is enough new to see."""
        if self.is_set or len(self._kept) < _FIRST_FRAMES:
            return False
        return len(self._kept) >= 2 * self._num_at_fit or seconds - self._fit_seconds > _REFIT_SECONDS

    def refit(self, seconds: float) -> None:
        """Fit to all frames that are kept (a tenth of a second at most)."""
        with self._lock:
            kept, size_wh = list(self._kept), self._size_wh
        self._num_at_fit, self._fit_seconds = len(kept), seconds
        try:
            fitted = fit_calibration(track_from_observations(kept, size_wh))
        except CalibrationError:
            return
        if not self.is_set:
            self._glide(fitted, seconds)

    def set_neutral(self, seen: list[tuple[float, Observation]], size_wh: tuple[int, int]) -> Calibration:
        """Take a performer's word that they looked neutral in these frames; range and shut lids stay as found before.

        Raises:
            CalibrationError: Too few of them hold a face.
        """
        seen = [(seconds, observation) for seconds, observation in seen if observation.has_face]
        if len(seen) < MIN_FRAMES:
            raise CalibrationError(
                f"calibrate: {len(seen)} frames hold a face, need {MIN_FRAMES}; look into the camera and try again"
            )
        fitted = fit_calibration(track_from_observations(seen, size_wh))
        if self._goal is not None:
            closed = np.minimum(self._goal.closed_aperture, 0.3 * fitted.open_aperture)
            fitted = replace(fitted, gains=self._goal.gains, closed_aperture=closed)
        self.is_set = True
        self._glide(fitted, seen[-1][0])
        return fitted

    def current(self, seconds: float) -> Calibration | None:
        """Return the calibration of this moment; None before the first fit."""
        goal, start = self._goal, self._from
        share = float(np.clip((seconds - self._goal_seconds) / _GLIDE_SECONDS, 0.0, 1.0))
        if goal is None or start is None or share >= 1.0:
            return goal
        mixed = {name: (1 - share) * getattr(start, name) + share * getattr(goal, name) for name in _ARRAYS}
        return replace(goal, **{name: value.astype(np.float32) for name, value in mixed.items()})

    def _glide(self, goal: Calibration, seconds: float) -> None:
        self._from = self.current(seconds)
        self._goal_seconds = seconds
        self._goal = goal
