"""A person at the page, in headless Chromium, on real drawings: by mouse, by keyboard alone, in two tabs."""

import json
from pathlib import Path

import numpy as np
import pytest
from label_client import Seer

from perfkit.labelling.edits import take_edits
from perfkit.labelling.saving import save_labels
from perfkit.pack import load_pack
from perfkit.vocabulary import CONTOUR_SLICES

playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=20_000)
DESK, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


class Visit:
    """One browser's tab at a server; whatever the page complains of is an error of the test."""

    def __init__(self, browser, server, viewport=DESK) -> None:
        self.context = browser.new_context(viewport=viewport)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.server = server
        self.page = self.open_tab(server.address)

    def open_tab(self, address: str):
        """Open a page of the server in this browser and wait for its drawings."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(address)
        page.locator(".card").first.wait_for()
        playwright.expect(page.locator("#progress")).to_have_text("")
        return page

    def close(self) -> None:
        """Close, and look at what went wrong."""
        self.context.close()
        assert self.complaints == []
        foreign = [url for url in self.requests if not url.startswith((self.server.root, "data:"))]
        assert foreign == []


@pytest.fixture
def visit(browser, serve, small_pack):
    """A function that opens the page of the small pack."""
    visits = []

    def start(viewport=DESK, **options) -> Visit:
        visits.append(Visit(browser, serve(small_pack, **options), viewport))
        return visits[-1]

    yield start
    for each in visits:
        each.close()


def dot_centre(page, index: int) -> tuple[float, float]:
    box = page.locator(".dots circle").nth(index).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page, selector: str, limit: int = 120) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(limit):
        if page.evaluate_handle("document.activeElement").as_element().evaluate(f"e => e.matches({selector!r})"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def test_a_point_is_dragged_with_the_mouse_saved_and_there_after_a_reload(visit, small_pack):
    before = load_pack(small_pack).load_landmarks().face[1]
    page = visit().page
    page.locator(".card", has_text="01").click()
    page.get_by_role("radio", name="outer lips").check()
    x, y = dot_centre(page, 5)
    scale = page.locator("svg.stage").evaluate("e => e.getScreenCTM().a")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 15, y + 10)
    page.mouse.move(x + 30, y + 20)
    page.mouse.up()
    playwright.expect(page.locator("#unsaved")).to_have_text("1 unsaved")
    page.get_by_role("button", name="Save").click()
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    pack = load_pack(small_pack)
    moved = pack.load_landmarks().face[1] - before
    row = CONTOUR_SLICES["outer_lips"].start + 5
    assert np.allclose(moved[row], np.array([30, 20]) / scale, atol=0.3)
    assert np.abs(np.delete(moved, row, axis=0)).max() < 0.01
    assert pack.art[1].sources["points"] == "person"
    page.reload()
    page.get_by_role("radio", name="outer lips").check()
    place = [float(page.locator(".dots circle").nth(5).get_attribute(axis)) for axis in ("cx", "cy")]
    assert np.allclose(place, before[row] + moved[row], atol=0.006)


@pytest.mark.slow  # some hundred key strokes, each of which a busy machine may answer late
def test_from_the_grid_to_the_save_by_keyboard_alone_and_coverage_sees_the_angle(visit, run, small_pack):
    before = load_pack(small_pack).load_landmarks().face[2]
    page = visit().page
    tab_to(page, ".card")
    press(page, "ArrowRight", "ArrowRight", "Enter")
    playwright.expect(page.locator("h2", has_text="02")).to_be_visible()
    press(page, "PageDown", "Tab", "Tab", "ArrowRight", "Shift+ArrowDown")
    press(page, ".", "ArrowLeft", "Control+z", "Escape", "ArrowUp")
    tab_to(page, "input[aria-label^=yaw][type=number]")
    press(page, "Control+a")
    page.keyboard.type("-80")
    press(page, "Enter")
    tab_to(page, "input[aria-label^='Name of']")
    page.keyboard.type("smile")
    tab_to(page, "select")
    page.keyboard.type("hard top")
    press(page, "Control+s")
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    pack = load_pack(small_pack)
    moved = pack.load_landmarks().face[2] - before
    eye = CONTOUR_SLICES["left_eye"].start
    assert np.allclose(moved[eye : eye + 3], [(0, -1), (1, 9), (0, -1)], atol=0.02)
    assert np.abs(moved[:eye]).max() < 0.01
    item = pack.art[2]
    assert (item.yaw_deg, item.expression, item.light) == (-80, "smile", "hard toplight")
    assert set(item.sources.values()) == {"person"}
    assert run("character", "coverage", small_pack, "-o", "covered").code == 0
    cells = json.loads(Path("covered/coverage.json").read_text())["cells"]
    told = {(cell["turn"], cell["face"], cell["light"]) for cell in cells if "art/02.png" in cell["files"]}
    assert told == {("profile left", "smile", "hard toplight")}
    press(page, "Escape", "Escape")
    playwright.expect(page.locator("[data-file='art/02.png']")).to_be_focused()


def test_a_whole_contour_moves_and_undo_and_redo_are_exact(visit):
    page = visit().page
    page.locator(".card").first.click()
    page.get_by_role("radio", name="left brow").check()
    places = lambda: [each.get_attribute("aria-label") for each in page.locator(".dots circle").all()]  # noqa: E731
    start = places()
    page.locator("svg.stage").focus()
    press(page, "Shift+ArrowRight")
    moved = places()
    assert all(old != new for old, new in zip(start, moved, strict=True))
    press(page, "Control+z")
    assert places() == start
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    press(page, "Control+Shift+z")
    assert places() == moved


def test_a_face_that_nobody_found_is_guessed_marked_and_accepted(visit, small_pack):
    digest = load_pack(small_pack).digest
    save_labels(small_pack, take_edits({"forget": {"art/03.png": ["points", "angle"]}}), based_on=digest)
    page = visit(reader=Seer()).page
    first = page.locator(".card").first
    playwright.expect(first).to_contain_text("no contours yet")
    assert first.get_attribute("data-file") == "art/03.png" and first.locator("g.guess path").count() > 5
    page.locator(".chip", has_text="Needs a look").click()
    playwright.expect(page.locator(".card")).to_have_count(1)
    page.locator(".card").click()
    page.get_by_role("button", name="Read from contours").click()
    playwright.expect(page.locator("#unsaved")).to_have_text("1 unsaved")
    page.locator("svg.stage").focus()
    press(page, "y", "s")
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    pack = load_pack(small_pack)
    assert pack.art[3].sources["points"] == "person" and abs((pack.art[3].yaw_deg or 0) - 30) < 8
    assert pack.load_landmarks().visibility[3].any()


def test_two_tabs_lose_nothing_and_closing_with_changes_warns(visit, small_pack):
    here = visit()
    first = here.page
    second = here.open_tab(here.server.root)
    for page, yaw, name in ((first, "-70", "00"), (second, "70", "01")):
        page.locator(".card", has_text=name).click()
        page.locator("input[aria-label^=yaw][type=number]").fill(yaw)
        page.keyboard.press("Enter")
    first.get_by_role("button", name="Save").click()
    playwright.expect(first.locator("#unsaved")).to_have_text("")
    second.get_by_role("button", name="Save").click()
    playwright.expect(second.locator("#banner")).to_contain_text("changed by another tab or program")
    assert load_pack(small_pack).art[1].yaw_deg != 70
    warned = []
    second.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    second.close(run_before_unload=True)
    playwright.expect(second.locator("#banner")).to_be_visible()
    second.get_by_role("button", name="Take it, keep my changes").click()
    playwright.expect(second.locator("#progress")).to_have_text("")
    second.get_by_role("button", name="Save").click()
    playwright.expect(second.locator("#unsaved")).to_have_text("")
    assert warned == ["beforeunload"]
    art = load_pack(small_pack).art
    assert (art[0].yaw_deg, art[1].yaw_deg) == (-70, 70)


def test_a_pack_that_changed_on_the_disk_is_shown_as_it_is_when_the_window_is_looked_at(visit, small_pack):
    page = visit().page
    card = page.locator(".card", has_text="01")
    save_labels(small_pack, take_edits({"labels": {"art/01.png": {"yaw": 71}}}), based_on=load_pack(small_pack).digest)
    page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    playwright.expect(card).to_contain_text("yaw +71")
    playwright.expect(page.locator("#unsaved")).to_have_text("")


def test_a_server_that_ended_costs_no_change(visit, serve, small_pack):
    here = visit()
    page = here.page
    page.locator(".card").first.click()
    page.get_by_role("combobox", name="Light").select_option("hard rightlight")
    here.server.__exit__(None, None, None)
    page.get_by_role("button", name="Save").click()
    playwright.expect(page.locator("#banner")).to_contain_text(f"--port {here.server.port}")
    here.open_tab(serve(small_pack, port=here.server.port).address)
    page.get_by_role("button", name="Save").click()
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    assert load_pack(small_pack).art[0].light == "hard rightlight"


def test_a_pack_to_be_shown_only_says_so_and_offers_no_save(visit):
    page = visit(read_only="a sample, shown only").page
    playwright.expect(page.locator("#banner")).to_have_text("a sample, shown only")
    page.locator(".card").first.click()
    page.get_by_role("radio", name="left eye").check()
    page.locator("svg.stage").focus()
    press(page, "ArrowRight")
    playwright.expect(page.locator("#unsaved")).to_have_text("1 unsaved")
    playwright.expect(page.get_by_role("button", name="Save")).to_be_disabled()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_is_wider_than_the_window_and_everything_has_a_name(visit, viewport):
    page = visit(viewport).page
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.locator(".card").first.click()
    page.get_by_role("button", name="All 52 weights").click()
    assert not page.evaluate(wide)
    nameless = page.locator("button, input, select").evaluate_all(
        "all => all.filter(e => !e.getAttribute('aria-label') && !(e.closest('label') ?? e).textContent.trim())"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []


@pytest.mark.slow
def test_another_studios_drawings_from_the_folder_to_the_save(browser, serve, godette_dir, tmp_path):
    from shutil import copyfile

    from perfkit.ingest import IngestSettings, build_pack
    from perfkit.ingest.readers import Readers
    from perfkit.training.landmark_net import LandmarkNet

    art = tmp_path / "art"
    art.mkdir()
    for name in ("neutral_yaw+00", "happy_yaw-30", "sad_yaw-90"):
        copyfile(godette_dir / f"{name}.png", art / f"{name}.png")
    net = LandmarkNet.load()
    folder: Path = build_pack(
        art, tmp_path / "godette", IngestSettings(name="godette"), readers=Readers(net)
    ).pack.folder
    there = Visit(browser, serve(folder, reader=net))
    page = there.page
    first = page.locator(".card").first
    assert first.get_attribute("data-file") == "art/sad_yaw-90.png"
    playwright.expect(first.locator(".mark")).to_contain_text("sure")
    first.click()
    page.get_by_role("button", name="Fresh face").click()
    playwright.expect(page.locator("#unsaved")).to_have_text("1 unsaved")
    press(page, "Control+s")
    playwright.expect(page.locator("#unsaved")).to_have_text("")
    there.close()
    assert load_pack(folder).art[2].sources == {
        "angle": "file name", "expression": "file name", "light": "assumed", "points": "person",
    }  # fmt: skip
