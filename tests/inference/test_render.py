import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from grey_take import (
    ENGINE_PLACE,
    NUM_FRAMES,
    PTS,
    SETTINGS,
    TIME_BASE,
    TableEngine,
    make_pack,
    perform,
    write_perf,
    write_take,
)

from perfkit.errors import MediaError, PackError, PerfkitError, SettingsError, TrackError
from perfkit.inference import job as job_module
from perfkit.inference.engine import ENGINES
from perfkit.inference.render import RenderSettings, RuntimeSettings, draw_control_video, render_take
from perfkit.times import FrameTimes
from perfkit.video import digest_take, iterate_frames, open_take
from perfkit.video_write import VideoWriter

BACKGROUND_RGB = (240, 180, 60)


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path)


@pytest.fixture
def take(tmp_path):
    return write_take(tmp_path / "take.mp4")


@pytest.fixture
def perf(tmp_path, take):
    return write_perf(tmp_path / "take.perf", take)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "out.mp4"


def read(path):
    frames = list(iterate_frames(open_take(path)))
    return [pts for _, pts, _ in frames], np.stack([image for _, _, image in frames])


def times_of(path):
    video = open_take(path)
    return [pts * video.info.time_base for _, pts, _ in iterate_frames(video)]


def test_every_frame_is_there_at_the_takes_own_time(perf, pack, out):
    assert render_take(perf, pack, out, SETTINGS) == out
    assert times_of(out) == [int(pts) * TIME_BASE for pts in PTS]


def test_pictures_lie_over_the_background(perf, pack, out):
    render_take(perf, pack, out.with_suffix(""), SETTINGS)
    first = cv2.cvtColor(cv2.imread(str(out.with_suffix("") / "000000.png")), cv2.COLOR_BGR2RGB)
    assert first.shape == (8, 12, 3)
    assert (first[0, 0] == BACKGROUND_RGB).all()
    assert (first.reshape(-1, 3) != BACKGROUND_RGB).any(), "the character is not there"


def test_alpha_is_kept_on_request(perf, pack, out):
    settings = RenderSettings(engine="fake", lora_scale=0, alpha=True)
    render_take(perf, pack, out.with_suffix(""), settings)
    first = cv2.imread(str(out.with_suffix("") / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert first.shape == (8, 12, 4)
    assert set(np.unique(first[..., 3])) == {0, 255}


def test_side_by_side_shows_the_take_at_the_left_frame_for_frame(perf, pack, out, take):
    settings = RenderSettings(engine="fake", lora_scale=0, side_by_side=True)
    render_take(perf, pack, out, settings, RuntimeSettings(take=take))
    images = read(out)[1]
    assert images.shape[1] == 16
    np.testing.assert_allclose(images[:, 2:-2, 4:20].mean(axis=(1, 2, 3)), 20 + 10 * np.arange(NUM_FRAMES), atol=4)


def test_the_take_may_be_the_background(perf, pack, out, take):
    settings = RenderSettings(engine="fake", lora_scale=0, background="take")
    render_take(perf, pack, out.with_suffix(""), settings, RuntimeSettings(take=take))
    pictures = sorted(out.with_suffix("").glob("*.png"))
    corners = [cv2.imread(str(path))[0, 0].mean() for path in pictures]
    np.testing.assert_allclose(corners, 20 + 10 * np.arange(NUM_FRAMES), atol=2)


@pytest.mark.parametrize("change", [{"background": "take"}, {"side_by_side": True}])
def test_what_needs_the_take_says_so_when_it_is_not_given(perf, pack, out, change):
    with pytest.raises(MediaError, match="need the take's pictures"):
        render_take(perf, pack, out, RenderSettings(engine="fake", lora_scale=0, **change))


def test_a_perf_without_its_take_is_silent_and_says_so(perf, pack, out, caplog):
    with caplog.at_level(logging.WARNING):
        render_take(perf, pack, out, SETTINGS)
    assert [record.getMessage() for record in caplog.records] == [
        "take.perf: its take is not given, so the video has no sound; name the take to have it"
    ]
    assert json.loads(Path(f"{out}.json").read_text())["notes"] == [caplog.records[0].getMessage()]


def test_another_take_than_the_perfs_own_is_refused(perf, pack, out, tmp_path):
    other = tmp_path / "other.mp4"
    with VideoWriter(other, time_base=TIME_BASE) as writer:
        writer.write(np.zeros((24, 40, 3), np.uint8), 0)
    with pytest.raises(TrackError, match="is not the take"):
        render_take(perf, pack, out, SETTINGS, RuntimeSettings(take=other))


def test_the_sound_is_the_takes_packet_for_packet(takes_dir, pack, out, monkeypatch):
    """Truth from FFmpeg's own demuxer."""
    import av

    source = takes_dir / "people" / "sample_portrait.mp4"
    take = open_take(source)
    pts = [pts for _, pts, _ in iterate_frames(take)]
    track = perform(FrameTimes(np.array(pts, np.int64), take.info.time_base), digest_take(take))
    performance = job_module.Performance(source, track, take)
    monkeypatch.setattr(job_module, "read_performance", lambda *_: performance)
    render_take(source, pack, out, SETTINGS)

    def sound(path):
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            return [(bytes(packet), float(packet.pts * packet.time_base)) for packet in packets]

    assert sound(out) == sound(source)


def test_provenance_names_everything_that_shapes_the_pixels(perf, pack, out, tmp_path):
    picture = tmp_path / "back.png"
    cv2.imwrite(str(picture), np.full((8, 12, 3), 99, np.uint8))
    settings = RenderSettings(engine="fake", lora_scale=0, seed=5, background=str(picture))
    render_take(perf, pack, out, settings)
    found = json.loads(Path(f"{out}.json").read_text())
    assert found["settings"]["seed"] == 5
    assert set(found["digests"]) == {"take", "character", "engine", "background"}
    assert (found["num_frames"], found["num_frames_without_face"]) == (NUM_FRAMES, 0)
    assert found["runtime"]["window_frames"] > 0
    assert found["versions"]["perfkit"]
    assert found["stage_seconds"]["total"] >= found["stage_seconds"]["render"] > 0


@pytest.mark.parametrize(
    ("given", "backend", "has_bf16", "settled"),
    [
        ("auto", "openvino", True, "bf16"),
        ("auto", "openvino", False, "f32"),
        ("auto", "torch", True, "f32"),
        ("f32", "openvino", True, "f32"),
    ],
)
def test_precision_is_what_the_processor_has_and_the_record_says_which(
    perf, pack, out, monkeypatch, given, backend, has_bf16, settled
):
    monkeypatch.setattr("perfkit.inference.job.has_fast_bf16", lambda: has_bf16)
    settings = RenderSettings(engine="fake", lora_scale=0, precision=given)
    render_take(perf, pack, out, settings, RuntimeSettings(backend=backend, device="cpu"))
    assert json.loads(Path(f"{out}.json").read_text())["settings"]["precision"] == settled


def test_identity_changes_with_the_settings_and_not_with_the_runtime(perf, pack, out):
    def identity(settings, runtime=RuntimeSettings()):  # noqa: B008
        render_take(perf, pack, out, settings, runtime)
        return json.loads(Path(f"{out}.json").read_text())["identity"]

    first = identity(SETTINGS)
    assert identity(SETTINGS, RuntimeSettings(window_frames=3)) == first
    assert identity(RenderSettings(engine="fake", lora_scale=0, seed=1)) != first


def test_two_runs_with_other_windows_write_the_same_pixels(perf, pack, out):
    render_take(perf, pack, out, SETTINGS)
    first = read(out)[1]
    render_take(perf, pack, out, SETTINGS, RuntimeSettings(window_frames=2))
    assert np.array_equal(read(out)[1], first)


def test_the_contact_sheet_shows_take_and_character(perf, pack, out, take):
    sheet = out.with_name("sheet.png")
    render_take(perf, pack, out, SETTINGS, RuntimeSettings(take=take, contact_sheet=sheet))
    image = cv2.cvtColor(cv2.imread(str(sheet)), cv2.COLOR_BGR2RGB)
    assert min(image.shape[:2]) > 300
    assert (image == BACKGROUND_RGB).all(axis=-1).sum() > 10_000
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.mp4", "out.mp4.json", "sheet.png"]


def test_progress_counts_every_frame(perf, pack, out):
    seen = []
    render_take(perf, pack, out, SETTINGS, RuntimeSettings(on_progress=lambda *done: seen.append(done)))
    assert seen == [(index + 1, NUM_FRAMES) for index in range(NUM_FRAMES)]


@pytest.mark.timeout(60)
def test_an_interrupt_leaves_no_file_and_no_thread(perf, pack, out):
    out.write_bytes(b"older result")
    threads = threading.active_count()

    def interrupt(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_take(perf, pack, out, SETTINGS, RuntimeSettings(on_progress=interrupt))
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]
    assert out.read_bytes() == b"older result"
    assert threading.active_count() == threads


@pytest.mark.timeout(60)
def test_an_error_in_the_network_reaches_the_caller_and_leaves_nothing(perf, pack, out, monkeypatch):
    def fail(self, latents_NChw):
        raise SettingsError("no")

    monkeypatch.setattr(TableEngine, "decode", fail)
    with pytest.raises(SettingsError, match="no"):
        render_take(perf, pack, out, SETTINGS)
    assert list(out.parent.iterdir()) == []


def test_a_pack_without_lora_is_refused_before_the_work_begins(perf, pack, out):
    with pytest.raises(PackError, match="no LoRA for engine 'fake'"):
        render_take(perf, pack, out, RenderSettings(engine="fake"))


BAD_OUTPUTS = {
    "an unknown suffix": ("out.xyz", SETTINGS, "no known format"),
    "a folder that is not there": ("no/out.mp4", SETTINGS, "does not exist"),
    "alpha in mp4": ("out.mp4", RenderSettings(engine="fake", lora_scale=0, alpha=True), "has no alpha"),
}


BAD_SETTINGS = {
    "a background that is nothing": {"background": "nothing.png"},
    "a calibration that is not there": {"calibration": Path("nothing.calibration")},
    "an unknown engine": {"engine": "nothing"},
}


@pytest.mark.parametrize("change", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_impossible_settings_are_refused_before_the_take_is_captured(take, pack, out, change, monkeypatch):
    monkeypatch.setattr(job_module, "capture_take", lambda *_, **__: pytest.fail("the take was captured"))
    with pytest.raises(PerfkitError, match="nothing") as refusal:
        render_take(take, pack, out, replace(SETTINGS, **change))
    assert "\n" not in str(refusal.value)


def test_a_result_never_takes_the_place_of_its_source(take, pack):
    before = take.read_bytes()
    with pytest.raises(MediaError, match="is the source itself"):
        render_take(take, pack, take.parent / "." / take.name, SETTINGS)
    assert take.read_bytes() == before


@pytest.mark.parametrize(("name", "settings", "message"), BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_an_impossible_output_is_refused_before_the_source_is_read(pack, tmp_path, name, settings, message):
    with pytest.raises(MediaError, match=message) as refusal:
        render_take("no such take.mp4", pack, tmp_path / name, settings)
    assert "\n" not in str(refusal.value)


def test_the_control_pictures_can_be_seen(perf, pack, out):
    draw_control_video(perf, pack, out)
    images = read(out)[1]
    assert images.shape[:3] == (NUM_FRAMES, 64, 64)
    assert images.max() > 150
