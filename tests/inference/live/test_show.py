"""A show fed with real footage: the character acts, waits, records; nothing grows, nothing hangs."""

import gc
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from live_stage import Stage, feed, open_stage, wait_for

from perfkit.errors import MediaError, SettingsError
from perfkit.inference.live.camera_frame import CameraFrame
from perfkit.performers import calibration_path
from perfkit.track import load_track
from perfkit.video import digest_take, open_take

RATE_HZ = 48000


def test_the_character_is_there_before_the_camera_is(stage: Stage) -> None:
    wait_for(lambda: stage.show.last_shown)
    state = stage.show.describe()
    assert (state["state"], state["has_camera"]) == ("neutral", False)


def test_it_follows_the_performer_in_order(stage: Stage, jpegs: list[bytes]) -> None:
    shown = feed(stage, jpegs)
    indices = [each.acted.frame.index for each in shown]
    assert indices == sorted(indices)
    assert stage.show.describe()["state"] in ("seen", "returning")
    weights = np.stack([each.acted.pose.weights for each in shown])
    assert weights[-20:].max() > 0.2


def test_without_pictures_it_eases_to_neutral_and_stays(stage: Stage, jpegs: list[bytes]) -> None:
    feed(stage, jpegs[:30])
    wait_for(lambda: stage.show.describe()["state"] == "neutral")
    time.sleep(0.6)
    last = stage.show.last_shown
    time.sleep(0.6)
    assert stage.show.last_shown is last
    assert last is not None
    assert np.allclose(last.acted.pose.weights, 0, atol=1e-6)


def test_the_light_going_out_is_a_lost_face(stage: Stage, jpegs: list[bytes]) -> None:
    feed(stage, jpegs[:30])
    dark = CameraFrame(31, time.monotonic(), image_rgb=np.full((360, 640, 3), 3, np.uint8))
    stage.show.feed(dark)
    wait_for(lambda: stage.show.describe()["is_dark"])
    assert stage.show.describe()["state"] == "held"


def test_broken_pictures_are_counted_and_change_nothing(stage: Stage, jpegs: list[bytes]) -> None:
    feed(stage, jpegs[:10])
    for index in range(5):
        stage.show.feed(CameraFrame(20 + index, time.monotonic(), jpeg=jpegs[0][: 50 + index]))
        wait_for(lambda index=index: stage.show.describe()["num_refused"] == index + 1)  # type: ignore[misc]
    assert len(feed(stage, jpegs[10:12], start=40)) == 2


def test_freezing_stands_still_and_resting_is_neutral(stage: Stage, jpegs: list[bytes]) -> None:
    feed(stage, jpegs[:30])
    stage.show.change({"hold": "freeze"})
    frozen = feed(stage, jpegs[30:36], start=30)
    assert len({each.acted.control_rgb.tobytes() for each in frozen[1:]}) == 1
    stage.show.change({"hold": "neutral"})
    feed(stage, jpegs[36:] * 3, start=36, fps=20)
    wait_for(lambda: stage.show.describe()["state"] == "neutral")


def test_a_press_of_calibrate_is_kept_for_the_performer(
    stage: Stage, jpegs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfkit.inference.live.posing.COUNT_SECONDS", 0.2)
    monkeypatch.setattr("perfkit.inference.live.posing.TAKE_SECONDS", 0.5)
    feed(stage, jpegs[:12])
    stage.show.calibrate()
    assert stage.show.describe()["calibrating"]["count"] == 1
    feed(stage, jpegs[12:] * 2, start=12)
    assert stage.show.describe()["is_calibrated"]
    assert calibration_path("me").is_file()
    stage.show.take_performer("somebody else")
    assert not stage.show.describe()["is_calibrated"]
    stage.show.take_performer("me")
    assert stage.show.describe()["is_calibrated"]
    with pytest.raises(SettingsError, match="expected up to 40 letters"):
        stage.show.take_performer("../me")


@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_recording_is_in_sync_and_can_be_rendered_again(stage: Stage, jpegs: list[bytes], has_alpha: bool) -> None:
    feed(stage, jpegs[:6])
    stage.show.start_recording(has_alpha=has_alpha)
    began = time.monotonic()
    clicks: list[float] = []
    stop = threading.Event()
    speaker = threading.Thread(target=speak, args=(stage, clicks, stop))
    speaker.start()
    shown = feed(stage, jpegs[6:36], start=6)
    stop.set()
    speaker.join()
    recording = stage.show.stop_recording()
    assert recording is not None
    video, take, perf = recording.files
    assert video.suffix == (".mov" if has_alpha else ".mp4")
    first = shown[0].acted.frame.seconds
    wanted = [round(1000 * (each.acted.frame.seconds - first)) for each in shown]
    for path in (video, take):
        with av.open(str(path)) as container:
            assert [round((frame.time or 0.0) * 1000) for frame in container.decode(video=0)] == wanted
            container.seek(0)
            sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
            assert abs(np.abs(sound.astype(float)).argmax() / RATE_HZ - (clicks[0] - first)) < 0.03
    track = load_track(perf)
    assert track.times.pts.tolist() == wanted
    assert track.take_digest == digest_take(open_take(take))
    assert (track.face_confidence > 0).all()
    assert time.monotonic() - began < 60
    assert stage.show.recordings.keys() == {path.name for path in recording.files}


def speak(stage: Stage, clicks: list[float], stop: threading.Event) -> None:
    """Be a microphone that hears one click, half a second after it was opened."""
    opened, num_sent, chunk = time.monotonic(), 0, RATE_HZ // 20
    while not stop.wait(0.01):
        while (start := opened + num_sent / RATE_HZ) + chunk / RATE_HZ < time.monotonic():
            samples = np.zeros(chunk, np.int16)
            if num_sent == 10 * chunk:
                samples[:40] = 20000
                clicks.append(start)
            stage.show.hear(start, RATE_HZ, samples)
            num_sent += chunk


def test_a_recording_of_nothing_is_refused_and_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.show.start_recording(has_alpha=False)
    with pytest.raises(MediaError, match="not one picture of the character came"):
        stage.show.stop_recording()
    assert list((tmp_path / "recordings").iterdir()) == []


def test_another_character_takes_over_while_the_show_goes_on(stage: Stage, jpegs: list[bytes]) -> None:
    feed(stage, jpegs[:6])
    stage.show.change({"character": "ember"})
    wait_for(lambda: stage.show.describe()["loading"] == "")
    assert feed(stage, jpegs[6:10], start=6)[-1].acted.costume.name == "ember"


def test_a_video_can_be_the_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short_take: Path) -> None:
    with open_stage(monkeypatch, tmp_path, camera=str(short_take)) as stage:
        wait_for(lambda: stage.show.num_frames > 25)
        assert stage.show.describe()["has_own_camera"]


def test_every_thread_ends_within_two_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jpegs: list[bytes], models_dir: Path
) -> None:
    gc.collect()
    before = threading.active_count()
    with open_stage(monkeypatch, tmp_path) as stage:
        feed(stage, jpegs[:4])
        ending = time.monotonic()
    assert time.monotonic() - ending < 2.0
    wait_for(lambda: threading.active_count() <= before, seconds=2)
