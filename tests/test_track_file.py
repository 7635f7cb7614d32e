"""The .perf file: exact round trip, and one line for every way in which a file can be wrong."""

import json
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfkit.errors import MediaError, TrackError
from perfkit.times import FrameTimes
from perfkit.track import PERF_VERSION, FrameFlag, PerformanceTrack, load_track, save_track


def make_track(num_frames: int = 7, seed: int = 0, time_base: Fraction = Fraction(1, 30000)) -> PerformanceTrack:
    """Return a track of noise; frame 2 has no face, frame 3 no left hand, frame 4 no body."""
    rng = np.random.default_rng(seed)

    def noise(*shape: int) -> np.ndarray:
        return rng.normal(size=(num_frames, *shape)).astype(np.float32)

    face, blendshapes, camera, body, hands = noise(478, 3), noise(52), noise(4, 4), noise(33, 4), noise(2, 21, 3)
    confidence, flags = np.ones(num_frames, np.float32), np.zeros(num_frames, np.uint8)
    face[2:3], blendshapes[2:3], camera[2:3], confidence[2:3] = np.nan, np.nan, np.nan, 0
    flags[2:3] = FrameFlag.FACE_LOST
    hands[3:4, 0], body[4:5] = np.nan, np.nan
    pts = np.cumsum(rng.integers(1, 5000, num_frames)).astype(np.int64)
    return PerformanceTrack(
        times=FrameTimes(pts, time_base),
        size_wh=(640, 360),
        face=face,
        blendshapes=blendshapes,
        camera_from_head=camera,
        body=body,
        hands=hands,
        face_confidence=confidence,
        flags=flags,
        take_digest="ab" * 32,
        trackers={"face": "mediapipe-0 " + "cd" * 32},
        notes=("one frame repeats another's time stamp",),
    )


def assert_same(a: PerformanceTrack, b: PerformanceTrack) -> None:
    for field in fields(PerformanceTrack):
        before, after = getattr(a, field.name), getattr(b, field.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert before.tobytes() == after.tobytes(), field.name
        else:
            assert before == after, field.name


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(num_frames=st.integers(1, 12), seed=st.integers(0, 999), num=st.integers(1, 1001), den=st.integers(1, 10**6))
def test_round_trip_is_exact(tmp_path: Path, num_frames, seed, num, den):
    track = make_track(num_frames, seed, Fraction(num, den))
    save_track(track, tmp_path / "a.perf")
    assert_same(track, load_track(tmp_path / "a.perf"))


def test_a_file_is_what_the_library_would_write(perf):
    with safetensors.safe_open(perf, framework="np") as file:
        arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    assert perf.read_bytes() == safetensors.numpy.save(arrays, metadata=metadata)


def test_a_track_stays_what_it_is_when_its_file_changes(perf):
    track = load_track(perf)
    perf.write_bytes(b"")
    assert_same(track, make_track())


def refusal(path: Path) -> str:
    with pytest.raises(TrackError) as error:
        load_track(path)
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(path))
    return message


def rewrite(path: Path, arrays: dict | None = None, **header: object) -> None:
    """Save the file again with other arrays or header entries, as a careless tool would."""
    with safetensors.safe_open(path, framework="np") as file:
        old_header = json.loads(file.metadata()["perfkit"])
        old_arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors.numpy.save_file(
        old_arrays | (arrays or {}), path, metadata={"perfkit": json.dumps(old_header | header)}
    )


@pytest.fixture
def perf(tmp_path: Path) -> Path:
    path = tmp_path / "a.perf"
    save_track(make_track(), path)
    return path


def test_another_version_is_refused(perf):
    rewrite(perf, version=PERF_VERSION + 1)
    assert f"version {PERF_VERSION + 1}" in refusal(perf)


def test_another_safetensors_file_is_refused(tmp_path):
    safetensors.numpy.save_file({"pts": np.zeros(3)}, tmp_path / "a.perf")
    assert "not a .perf file" in refusal(tmp_path / "a.perf")


@pytest.mark.parametrize("content", [b"", b"no tensors here" * 20])
def test_bytes_that_are_no_file_of_ours_are_refused(tmp_path, content):
    (tmp_path / "a.perf").write_bytes(content)
    assert "not a .perf file" in refusal(tmp_path / "a.perf")


def test_a_file_cut_short_is_refused(perf):
    perf.write_bytes(perf.read_bytes()[:-100])
    assert "damaged" in refusal(perf)


def test_an_absent_file_names_the_command(tmp_path):
    assert "perfkit capture" in refusal(tmp_path / "no.perf")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("face", np.zeros((7, 468, 3), np.float32)),
        ("face", np.zeros((6, 478, 3), np.float32)),
        ("blendshapes", np.zeros((7, 52), np.float64)),
        ("pts", np.arange(7, dtype=np.int32)),
        ("pts", np.zeros(7, np.int64)),
        ("flags", np.zeros((7, 1), np.uint8)),
        ("extra", np.zeros(7, np.uint8)),
    ],
)
def test_a_wrong_shape_dtype_or_name_is_refused(perf, name, array):
    rewrite(perf, {name: array})
    assert name in refusal(perf)


@pytest.mark.parametrize("name", ["face", "blendshapes", "camera_from_head", "body", "hands", "face_confidence"])
def test_nan_where_none_may_be_is_refused_with_the_frame(perf, name):
    array = getattr(make_track(), name).copy()
    array.reshape(len(array), -1)[5, 0] = np.nan
    rewrite(perf, {name: array})
    message = refusal(perf)
    assert name in message and ("frame 5" in message or name == "face_confidence")


@pytest.mark.parametrize("header", [{"time_base": "0"}, {"time_base": "x"}, {"size_wh": []}, {"trackers": None}])
def test_a_wrong_header_is_refused(perf, header):
    rewrite(perf, **header)
    refusal(perf)


def test_a_track_that_breaks_its_contract_is_not_written(tmp_path):
    track = replace(make_track(), face=np.zeros((7, 478, 2), np.float32))
    with pytest.raises(TrackError, match="face"):
        save_track(track, tmp_path / "a.perf")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_older_file(perf, monkeypatch):
    before = perf.read_bytes()

    def write_half(path: Path, *_: object) -> None:
        path.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perfkit.track.write_array_file", write_half)
    with pytest.raises(MediaError, match="No space left on device"):
        save_track(make_track(seed=1), perf)
    assert perf.read_bytes() == before
    assert [path.name for path in perf.parent.iterdir()] == ["a.perf"]
