"""A render into the formats of delivery: presets, timecode, an HDR take passed or mapped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from charts import make_chart, write_chart
from clips import run_ffmpeg
from grey_take import ENGINE_PLACE, NUM_FRAMES, SETTINGS, make_pack, write_perf, write_take

from perfkit.composite import resize, show_in_hdr, show_in_sdr
from perfkit.errors import MediaError, SettingsError
from perfkit.inference.engine import ENGINES
from perfkit.inference.render import RenderSettings, RuntimeSettings, render_take
from perfkit.video import iterate_frames, open_take

HDR = ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_range", "tv", "-color_trc", "smpte2084")


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "fake", ENGINE_PLACE)


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path)


@pytest.fixture
def hdr_take(tmp_path):
    scale = "out_color_matrix=bt2020:out_range=tv,format=yuv444p10le"
    return write_chart(tmp_path / "hdr.mkv", make_chart(top=40000), scale, "-c:v", "ffv1", *HDR, frames=NUM_FRAMES)


def render(take, pack, out, **changes):
    perf = write_perf(out.parent / "take.perf", take)
    return render_take(perf, pack, out, replace(SETTINGS, **changes), RuntimeSettings(take=take))


def read(path, **options):
    return np.stack([image for _, _, image in iterate_frames(open_take(path), **options)])


def notes_of(out):
    return " / ".join(json.loads(out.with_name(f"{out.name}.json").read_text())["notes"])


def test_a_preset_is_kept_in_the_provenance_and_chooses_the_encoder(tmp_path, pack):
    take = write_take(tmp_path / "take.mp4")
    out = render(take, pack, tmp_path / "out.mov", preset="edit")
    assert open_take(out).info.color.pixel_format == "yuv422p10le"
    assert json.loads((tmp_path / "out.mov.json").read_text())["settings"]["preset"] == "edit"


def test_timecode_reel_and_both_tracks_reach_the_result(tmp_path, pack):
    plain, take = write_take(tmp_path / "plain.mp4"), tmp_path / "take.mov"
    tones = [part for pitch in (300, 900) for part in ("-f", "lavfi", "-i", f"sine=frequency={pitch}:duration=1")]
    run_ffmpeg(
        "-i", str(plain), *tones, "-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "copy", "-c:a", "pcm_s16le",
        "-metadata", "timecode=10:00:00:00", "-metadata:s:v", "reel_name=A001", str(take),
    )  # fmt: skip
    info = open_take(render(take, pack, tmp_path / "out.mov", preset="edit")).info
    assert (info.timecode, info.reel, len(info.audio_tracks)) == ("10:00:00:00", "A001", 2)


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_an_hdr_take_is_passed_on_request_beside_the_character_in_hdr(tmp_path, pack, hdr_take, name):
    out = render(hdr_take, pack, tmp_path / name, side_by_side=True, hdr="pass")
    color = open_take(out).info.color
    assert (color.transfer, color.primaries) == ("pq", "bt2020")
    assert "HDR (PQ) is passed" in notes_of(out)
    picture, plate = read(out, keeps_hdr=True)[3], read(hdr_take, keeps_hdr=True)[3]
    luma = np.array([0.2627, 0.6780, 0.0593])
    assert np.abs(picture[:, :24] @ luma - resize(plate, (24, 16)) @ luma).mean() < 0.02 * 65535
    truth = show_in_hdr(np.array([[(240, 180, 60)]], np.uint8), "pq")[0, 0]
    assert np.abs(picture[0, 26].astype(float) - truth).max() < 0.02 * 65535


def test_an_hdr_take_is_mapped_unless_it_is_to_be_passed_and_that_is_said(tmp_path, pack, hdr_take):
    out = render(hdr_take, pack, tmp_path / "out.mov", side_by_side=True)
    assert not open_take(out).info.color.is_hdr
    assert "HDR (PQ): seen in SDR" in notes_of(out)
    assert np.abs(read(out)[3][:, :24].astype(float) - resize(read(hdr_take)[3], (24, 16))).mean() < 10


def test_the_contact_sheet_of_an_hdr_render_is_sdr(tmp_path, pack, hdr_take):
    perf, sheet = write_perf(tmp_path / "take.perf", hdr_take), tmp_path / "sheet.png"
    settings = replace(SETTINGS, background="take", hdr="pass")
    render_take(perf, pack, tmp_path / "out.mov", settings, RuntimeSettings(take=hdr_take, contact_sheet=sheet))
    assert sheet.is_file()


def test_there_and_back_a_picture_is_itself_but_for_the_highlights():
    picture = np.random.default_rng(0).integers(0, 160, (6, 6, 3), dtype=np.uint8)
    for transfer in ("pq", "hlg"):
        back = show_in_sdr(show_in_hdr(picture, transfer), transfer)
        assert np.abs(back.astype(int) - picture).max() <= 1
    assert show_in_hdr(picture, None) is picture and show_in_sdr(picture, "pq") is picture


REFUSED = {
    "a suffix the preset lacks": ("out.mp4", {"preset": "edit"}, MediaError, "not a format of preset edit; use .mov"),
    "alpha in mp4": ("out.mp4", {"preset": "web", "alpha": True}, MediaError, "has no alpha; use .webm"),
    "HDR in webm": ("out.webm", {"hdr": "pass", "background": "take"}, MediaError, "no HDR"),
    "HDR unseen": ("out.mp4", {"hdr": "pass"}, SettingsError, "show them"),
}


@pytest.mark.parametrize(("name", "changes", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_together_is_refused_before_the_source_is_read(tmp_path, pack, name, changes, kind, message):
    with pytest.raises(kind, match=message) as error:
        render_take(tmp_path / "absent.mp4", pack, tmp_path / name, replace(SETTINGS, **changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("changes", [{"preset": "cinema"}, {"hdr": "clip"}])
def test_unknown_choices_are_refused_with_the_known_ones(changes):
    with pytest.raises(SettingsError, match=r"web, edit|map, pass"):
        RenderSettings(**changes)
