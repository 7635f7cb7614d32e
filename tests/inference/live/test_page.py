"""The page in headless Chromium, whose camera plays real footage: what a performer sees and does."""

from pathlib import Path

import av
import numpy as np
import pytest
from live_page import open_page, wait_for
from live_stage import Stage, open_stage
from live_stage import wait_for as wait_until
from playwright.sync_api import Browser, BrowserContext, Page, expect

from perfkit.inference.live.acting import Acted
from perfkit.inference.live.show import WEBRTC, WEBSOCKET
from perfkit.vocabulary import BLENDSHAPE_INDEX

MOUTH_AREA = """() => {
  window.samples = [];
  perfkit.onShown = (stampMs, now, canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += data[i] > 215 && data[i + 1] > 200 && data[i + 2] > 150;
    window.samples.push([stampMs, count, now]);
  };
}"""
"""Counts the pixels of the control picture's open mouth in every picture that reaches the screen."""


@pytest.mark.parametrize("stage", [WEBSOCKET, WEBRTC], indirect=True)
def test_the_characters_mouth_moves_when_the_performers_does(page: Page, stage: Stage) -> None:
    acted: list[Acted] = []
    stage.show.watch(acted=acted.append)
    page.evaluate(MOUTH_AREA)
    page.wait_for_timeout(6000)
    samples = dict(map(tuple, page.evaluate("window.samples.map(([stamp, count]) => [stamp, count])")))
    opened = {each.frame.stamp: each.pose.weights[BLENDSHAPE_INDEX["jawOpen"]] for each in acted}
    lips = {each.frame.stamp: np.ptp(each.observation.face[[13, 14], 1]) for each in acted if each.observation.has_face}
    shared = sorted(set(samples) & set(lips))
    assert len(shared) > 20
    assert len(opened) >= len(shared)
    areas = np.array([samples[stamp] for stamp in shared])
    assert np.corrcoef(areas, [lips[stamp] for stamp in shared])[0, 1] > 0.6


def test_sliders_pickers_and_keys_act(page: Page, stage: Stage) -> None:
    page.get_by_label("Mouth", exact=True).fill("0")
    wait_for(page, lambda state: state["controls"]["mouth_gain"] == 0)
    page.get_by_role("combobox", name="Character").select_option("ember")
    wait_for(page, lambda state: state["controls"]["character"] == "ember" and not state["loading"])
    page.get_by_label("Background #20242b").click()
    page.keyboard.press("f")
    state = wait_for(page, lambda state: state["controls"]["hold"] == "freeze")
    assert state["controls"]["background"] == "#20242b"
    page.keyboard.press("f")
    page.keyboard.press("l")
    wait_for(page, lambda state: state["controls"]["hold"] == "off" and state["controls"]["with_landmarks"])
    page.get_by_role("button", name="Reset sliders").click()
    wait_for(page, lambda state: state["controls"]["mouth_gain"] == 1)


def test_calibrate_counts_down_and_is_kept(page: Page, stage: Stage) -> None:
    page.get_by_role("button", name="Calibrate").click()
    expect(page.locator("#stage-cover")).to_contain_text("Look neutral, into the camera")
    wait_for(page, lambda state: state["is_calibrated"])
    expect(page.get_by_role("button", name="Calibrate again")).to_be_visible()


@pytest.mark.parametrize("stage", [WEBSOCKET, pytest.param(WEBRTC, marks=pytest.mark.slow)], indirect=True)
def test_a_recording_downloads_plays_and_keeps_time(page: Page, stage: Stage, tmp_path: Path) -> None:
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Mic on")).to_be_visible()
    page.keyboard.press(" ")
    wait_for(page, lambda state: (state["recording_seconds"] or 0) > 2)
    page.keyboard.press(" ")
    name = next(
        name for name in wait_for(page, lambda state: state["recordings"])["recordings"] if name.endswith(".mp4")
    )
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    path = tmp_path / name
    download.value.save_as(path)
    with av.open(str(path)) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
        assert container.streams.audio[0].codec.name == "aac"
        container.seek(0)
        sound_seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert 1.5 < times[-1] < 6
    assert abs(sound_seconds - times[-1]) < 0.35


def test_a_second_tab_takes_over_and_the_first_can_take_back(page: Page, context: BrowserContext, stage: Stage) -> None:
    second = open_page(context, stage.server.root)
    expect(page.locator("#stage-cover")).to_contain_text("Another tab plays now")
    page.get_by_role("button", name="Play here").click()
    expect(second.locator("#stage-cover")).to_contain_text("Another tab plays now")
    wait_for(page, lambda state: state["has_camera"])


def test_a_camera_that_was_unplugged_comes_back_by_itself(page: Page) -> None:
    page.evaluate(
        """() => {
          const track = document.getElementById("camera").srcObject.getVideoTracks()[0];
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }"""
    )
    expect(page.locator("#camera-note")).to_contain_text("The camera went away")
    expect(page.locator("#camera-cover")).to_be_hidden()
    before = page.evaluate("perfkit.state.num_frames")
    wait_for(page, lambda state: state["num_frames"] > before + 3)


def test_a_reload_goes_on(page: Page) -> None:
    before = wait_for(page, lambda state: state["num_frames"] > 3)["num_frames"]
    page.reload()
    wait_for(page, lambda state: state["num_frames"] > before + 3 and state["state"] in ("seen", "returning"))


def test_the_output_view_shows_the_character_and_nothing_else(browser: Browser, page: Page, stage: Stage) -> None:
    elsewhere = browser.new_context()
    output = elsewhere.new_page()
    output.goto(stage.show.outputs["page"])
    drawn = "document.querySelector('canvas').getContext('2d').getImageData(0, 0, 256, 256).data.some((v) => v > 0)"
    wait_until(lambda: output.evaluate(drawn))
    assert output.evaluate("document.body.innerText.trim()") == ""
    assert output.goto(stage.server.root + "/").status == 403  # type: ignore[union-attr]
    elsewhere.close()


def test_a_wrong_token_shows_one_line(browser: Browser, stage: Stage) -> None:
    elsewhere = browser.new_context()
    stranger = elsewhere.new_page()
    answer = stranger.goto(f"{stage.server.root}/?token=wrong")
    assert answer is not None
    assert answer.status == 403
    line = stranger.inner_text("body").strip()
    assert line == "open the address that perfkit printed; it is good for one browser"
    elsewhere.close()


def test_when_the_server_is_gone_the_page_says_so(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models_dir: Path
) -> None:
    context = browser.new_context(permissions=["camera"])
    with open_stage(monkeypatch, tmp_path) as stage:
        page = open_page(context, stage.server.address)
    expect(page.locator("#stage-cover")).to_contain_text("perfkit is gone")
    context.close()


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_nothing_is_cut_off(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("Calibrate", "Freeze", "Rest", "Record", "Landmarks", "Mirror"):
        box = page.get_by_role("button", name=name).first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
