"""What a take suffers from is seen, told in plain words with its times, and nothing else is blamed."""

import json
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from synthetic_performer import TAKE_WH, act, lose_face, perform

from perfkit.inspection import Severity, inspect_performance, save_inspection
from perfkit.inspection.picture_rows import find_cuts
from perfkit.inspection.track_states import choose_neutral_frames, watch_track
from perfkit.rig import HUMAN_RIG
from perfkit.track import PerformanceTrack
from perfkit.video import VideoWriter, open_take
from perfkit.vocabulary import BLENDSHAPE_INDEX, CONTOUR_INDICES, CONTOUR_SLICES

NUM_FRAMES = 96
PACE = 1000
"""pts of a frame, as the synthetic performer has them."""


def make_track(**changes: float) -> PerformanceTrack:
    """Return a lively take of four seconds whose first second is calm; `yaw`, `scale`, `x` change the whole of it."""
    weights, head = act(NUM_FRAMES)
    weights[:24], head[:24, :3] = 0.0, 0.0
    weights[30:33] = 0.0
    for side in ("Left", "Right"):
        weights[30:33, BLENDSHAPE_INDEX[f"eyeBlink{side}"]] = 1.0
    head[:, 0] += changes.get("yaw", 0.0)
    head[:, 3] += changes.get("x", 0.0)
    head[:, 5] = changes.get("scale", 80.0)
    return perform(HUMAN_RIG, weights, head)


def names_of(findings, severity: Severity) -> set[str]:
    """Return the names of the findings of a severity."""
    return {finding.name for finding in findings if finding.severity is severity}


def inspect_track(track: PerformanceTrack):
    """Inspect a track without pictures."""
    return inspect_performance(track, None, source="take.perf")


def test_a_good_take_is_ready():
    inspection = inspect_track(make_track())
    assert inspection.severity is Severity.FINE, inspection.findings
    assert inspection.verdict == "Ready to render."


def test_blinks_and_neutral_frames_are_where_they_were_acted():
    states = watch_track(make_track())
    assert np.abs(states.blinks - 30).min() <= 1
    assert len(states.neutral_frames) and (states.neutral_frames < 24).all()


def test_a_lost_face_is_told_with_its_time_and_weight():
    short = inspect_track(lose_face(make_track(), slice(50, 55)))
    assert names_of(short.findings, Severity.CARE) == {"lost"}
    lost = next(finding for finding in short.findings if finding.name == "lost")
    assert "5 of 96 frames" in lost.text and "0:02.08-0:02.29" in lost.text
    long = inspect_track(lose_face(make_track(), slice(30, 85)))
    assert "lost" in names_of(long.findings, Severity.RESHOOT)
    assert long.verdict.startswith("Reshoot: ") and "lost" in long.verdict


def test_a_hand_before_the_face_is_told_and_its_blinks_are_not_trusted():
    track = make_track()
    confidence = track.face_confidence.copy()
    confidence[28:40] = 0.5
    inspection = inspect_track(replace(track, face_confidence=confidence))
    assert names_of(inspection.findings, Severity.CARE) == {"covered"}
    assert not np.intersect1d(inspection.states.blinks, np.arange(28, 40)).size


@pytest.mark.parametrize(
    ("changes", "name"), [({"yaw": 62.0}, "profile"), ({"scale": 22.0}, "too small"), ({"x": -320.0}, "cut off")]
)
def test_a_view_that_hides_the_face_is_told(changes, name):
    inspection = inspect_track(make_track(**changes))
    assert name in names_of(inspection.findings, Severity.RESHOOT)


def test_too_few_faces_for_a_neutral_one_are_told_and_nothing_breaks(tmp_path):
    inspection = inspect_track(lose_face(make_track(), slice(3, NUM_FRAMES)))
    assert {"lost", "neutral"} <= names_of(inspection.findings, Severity.RESHOOT)
    save_inspection(inspection, tmp_path)


def test_without_pictures_the_rows_that_need_them_say_so(tmp_path):
    inspection = inspect_track(make_track())
    page = save_inspection(inspection, tmp_path).read_text()
    assert page.count("not known: a .perf holds no pictures") >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inspect.html", "inspect.json", "inspect.png"]


def test_the_json_holds_what_was_found_and_no_nan(tmp_path):
    save_inspection(inspect_track(lose_face(make_track(), slice(50, 55))), tmp_path)
    table = json.loads((tmp_path / "inspect.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert table["severity"] == "care" and table["spans"]["lost"] == [[50, 55]]
    assert table["spans"]["found"] == [[0, 50], [55, 96]]
    assert table["curves"]["eyes_open"][52] is None and len(table["seconds"]) == NUM_FRAMES


@pytest.mark.parametrize("num_stills", [0, 8])
def test_the_timeline_is_as_wide_as_it_should_be(tmp_path, num_stills, filmed):
    track, paths = filmed
    take = open_take(paths["good"]) if num_stills else None
    save_inspection(inspect_performance(track, take, source="t"), tmp_path)
    timeline = cv2.imread(str(tmp_path / "inspect.png"))
    assert timeline.shape[1] == 1600 and timeline.shape[0] > 500


def draw_take(track: PerformanceTrack) -> list[np.ndarray]:
    """Return pictures of a face with detail at the track's place."""
    rng = np.random.default_rng(0)
    width, height = TAKE_WH
    grain = cv2.resize(rng.integers(60, 200, (height // 3, width // 3), dtype=np.uint8), TAKE_WH)
    pictures = []
    for face in track.face[:, CONTOUR_INDICES, :2]:
        picture = np.full((height, width, 3), 90, np.uint8)
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.rint(face[CONTOUR_SLICES["face_oval"]]).astype(np.int32)], 1)
        picture[mask > 0] = grain[mask > 0][:, None]
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Return a track and name -> a video of it: good, and spoilt from frame 40 to frame 70."""
    folder = tmp_path_factory.mktemp("filmed")
    track = make_track()
    pictures = draw_take(track)
    spoil = {
        "good": lambda picture: picture,
        "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), 6),
        "dark": lambda picture: picture // 8,
        "clipped": lambda picture: np.where(picture > 120, 255, picture).astype(np.uint8),
        "cut": lambda picture: 255 - picture,
    }
    paths = {}
    for name, act_on in spoil.items():
        paths[name] = folder / f"{name}.mp4"
        with VideoWriter(paths[name], time_base=Fraction(1, 24000)) as writer:
            for index, picture in enumerate(pictures):
                writer.write(act_on(picture) if 40 <= index < 70 else picture, PACE * index)
    return track, paths


def test_a_take_that_was_filmed_well_is_ready(filmed):
    track, paths = filmed
    inspection = inspect_performance(track, open_take(paths["good"]), source="good.mp4")
    assert inspection.severity is Severity.FINE, inspection.findings
    assert len(inspection.pictures.stills) == 8
    assert len(inspection.pictures.neutral_stills) == len(inspection.states.neutral_frames)


@pytest.mark.parametrize("name", ["blurred", "dark", "clipped"])
def test_spoilt_pictures_are_told_with_their_frames(filmed, name):
    track, paths = filmed
    inspection = inspect_performance(track, open_take(paths[name]), source=f"{name}.mp4")
    finding = next(finding for finding in inspection.findings if finding.name == name)
    assert finding.severity is Severity.CARE
    assert "in 30 frames (0:01.67-0:02.92)" in finding.text


def test_a_cut_is_told(filmed):
    track, paths = filmed
    inspection = inspect_performance(track, open_take(paths["cut"]), source="cut.mp4")
    assert find_cuts(inspection.pictures.change).tolist() == [40, 70]
    assert "0:01.67, 0:02.92" in next(finding.text for finding in inspection.findings if finding.name == "cut")


def test_motion_is_no_cut():
    change = np.array([np.nan, 2, 3, 2, 4, 18, 16, 20, 17, 19, 3, 2.0])
    assert find_cuts(change).size == 0
    change = np.array([np.nan, 2, 3, 60, 4, 3, 2, 3, 16, 20, 17, 19.0])
    assert find_cuts(change).tolist() == [3]


def test_neutral_frames_are_the_calmest_and_apart():
    seconds = np.arange(60) / 30
    unrest = np.full(60, 3.0)
    unrest[[10, 11, 40]] = 0.2, 0.1, 0.5
    assert choose_neutral_frames(seconds, unrest).tolist() == [11, 40]
    assert choose_neutral_frames(seconds, np.full(60, 3.0)).tolist() == [0]
    assert choose_neutral_frames(seconds, np.full(60, 9.0)).size == 0
    assert choose_neutral_frames(seconds, np.full(60, np.nan)).size == 0


def test_a_slow_take_and_a_gap_in_time_are_told():
    weights, head = act(NUM_FRAMES)
    pts = np.arange(NUM_FRAMES, dtype=np.int64) * 2000
    pts[60:] += 20_000
    names = names_of(inspect_track(perform(HUMAN_RIG, weights, head, pts=pts)).findings, Severity.CARE)
    assert {"slow", "gap"} <= names


def test_a_performer_on_their_side_is_told():
    track = make_track()
    turn = np.array([[0, -1], [1, 0]], dtype=np.float32)
    face, matrix = track.face.copy(), track.camera_from_head.copy()
    face[..., :2] = (face[..., :2] - 200) @ turn.T + 200
    matrix[:, :2, :3] = turn.T @ matrix[:, :2, :3]
    lying = replace(track, face=face, camera_from_head=matrix)
    assert "lying" in names_of(inspect_track(lying).findings, Severity.FINE)
