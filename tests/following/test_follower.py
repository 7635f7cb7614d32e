"""A performer whose motion is known, followed frame by frame: as the offline retarget does, without delay."""

import numpy as np
import pytest
from synthetic_performer import CHIBI, TAKE_WH, act, lose_face, observe, perform

from perfkit.calibrate import fit_calibration
from perfkit.capture.protocol import Observation
from perfkit.following import Follower, Pose, State
from perfkit.proportions import HUMAN_RIG
from perfkit.retarget import RetargetSettings, retarget
from perfkit.track import PerformanceTrack
from perfkit.vocabulary import BLENDSHAPE_INDEX

EASED_IN = 24
FOLLOWED = ("jawOpen", "mouthSmileLeft", "browInnerUp", "browDownLeft", "eyeBlinkLeft")


def follow(follower: Follower, track: PerformanceTrack, *, refits: bool = False) -> list[Pose]:
    poses = []
    for frame, seconds in enumerate(track.times.seconds.tolist()):
        if refits and follower.calibration.wants_refit(seconds):
            follower.calibration.refit(seconds)
        poses.append(follower.follow(seconds, observe(track, frame), TAKE_WH))
    return poses


@pytest.fixture(scope="module")
def track() -> PerformanceTrack:
    return perform(HUMAN_RIG, *act(240))


def column(poses: list[Pose], name: str) -> np.ndarray:
    return np.array([pose.weights[BLENDSHAPE_INDEX[name]] for pose in poses])


def correlate_at(lag: int, later: np.ndarray, earlier: np.ndarray) -> float:
    return float(np.corrcoef(later[lag:], earlier[: len(earlier) - lag])[0, 1])


@pytest.mark.parametrize("name", FOLLOWED)
def test_expression_follows_within_a_frame(track: PerformanceTrack, name: str) -> None:
    calibration = fit_calibration(track)
    live = column(follow(Follower(HUMAN_RIG, calibration=calibration), track), name)
    offline = retarget(track, HUMAN_RIG, calibration=calibration).weights[:, BLENDSHAPE_INDEX[name]]
    by_lag = [correlate_at(lag, live[EASED_IN:], offline[EASED_IN:]) for lag in range(4)]
    assert int(np.argmax(by_lag)) <= 1
    assert by_lag[0] > 0.97


def test_it_does_what_the_offline_retarget_does(track: PerformanceTrack) -> None:
    calibration = fit_calibration(track)
    poses = follow(Follower(CHIBI, calibration=calibration), track)
    offline = retarget(track, CHIBI, calibration=calibration, settings=RetargetSettings(with_body=False))
    difference = np.abs(np.stack([pose.weights for pose in poses]) - offline.weights)[24:]
    assert difference.mean() < 0.01
    assert np.abs(np.stack([pose.head[:3] for pose in poses]) - offline.head[:, :3])[24:].mean() < 2.0


def test_every_blink_shuts_the_eyes(track: PerformanceTrack) -> None:
    poses = follow(Follower(HUMAN_RIG, calibration=fit_calibration(track)), track)
    shut = column(poses, "eyeBlinkLeft") > 0.9
    truth, _ = act(240)
    starts = np.flatnonzero(np.diff(truth[:, BLENDSHAPE_INDEX["eyeBlinkLeft"]], prepend=0) > 0.5)
    assert len(starts) == 7
    assert all(shut[start : start + 4].any() for start in starts)
    assert shut.sum() <= 5 * len(starts)


def test_a_neutral_face_is_found_while_the_performer_acts(track: PerformanceTrack) -> None:
    follower = Follower(HUMAN_RIG)
    poses = follow(follower, track, refits=True)
    known = follow(Follower(HUMAN_RIG, calibration=fit_calibration(track)), track)
    assert not follower.calibration.is_set
    for name in ("jawOpen", "mouthSmileLeft"):
        assert np.corrcoef(column(poses, name)[120:], column(known, name)[120:])[0, 1] > 0.9


def test_no_fit_shows_as_a_jump(track: PerformanceTrack) -> None:
    still = perform(HUMAN_RIG, np.tile(act(240)[0][:1], (240, 1)), np.tile(act(240)[1][:1], (240, 1)))
    poses = follow(Follower(HUMAN_RIG), still, refits=True)
    faces = np.stack([pose.face for pose in poses])
    assert np.abs(np.diff(faces, axis=0)).max() < 4.0


def test_a_lost_face_holds_eases_to_neutral_and_comes_back(track: PerformanceTrack) -> None:
    lost = lose_face(track, slice(100, 160))
    poses = follow(Follower(HUMAN_RIG, calibration=fit_calibration(track)), lost)
    assert [poses[frame].state for frame in (99, 102, 130, 162, 200)] == [
        State.SEEN, State.HELD, State.NEUTRAL, State.RETURNING, State.SEEN,
    ]  # fmt: skip
    assert np.allclose(poses[130].weights, 0)
    faces = np.stack([pose.face for pose in poses])
    assert np.isfinite(faces).all()
    assert np.abs(np.diff(faces[155:180], axis=0)).max() < 12.0


def test_a_hand_over_the_face_can_not_tear_it_about(track: PerformanceTrack) -> None:
    follower = Follower(HUMAN_RIG, calibration=fit_calibration(track))
    follow(follower, track)
    end = float(track.times.seconds[-1])
    before = follower.follow(end + 0.04, observe(track, 239), TAKE_WH)
    covered = observe(track, 60)
    covered = Observation(**{**covered.__dict__, "face_confidence": 0.1})
    after = follower.follow(end + 0.08, covered, TAKE_WH)
    assert np.abs(after.weights - before.weights).max() < 0.1


def test_muting_a_region_leaves_the_others(track: PerformanceTrack) -> None:
    calibration = fit_calibration(track)
    usual = follow(Follower(HUMAN_RIG, calibration=calibration), track)
    muted = follow(Follower(HUMAN_RIG, calibration=calibration, settings=RetargetSettings(mouth_gain=0.0)), track)
    assert column(muted, "jawOpen").max() == 0
    assert np.array_equal(column(muted, "browInnerUp"), column(usual, "browInnerUp"))
