"""A show on its page, pictures of a real take to feed it with, and a browser whose camera plays that take."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import open_browser
from live_page import CAMERA_OPTIONS, open_page
from live_stage import Stage, open_stage, read_jpegs, write_fake_camera

from perfkit.inference.live.show import WEBRTC, WEBSOCKET
from perfkit.video import open_take

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models_dir: Path
) -> Iterator[Stage]:
    """A show that runs, fed by nobody yet; its transport can be asked for as the parameter."""
    with open_stage(monkeypatch, tmp_path, transport=getattr(request, "param", WEBSOCKET)) as stage:
        yield stage


@pytest.fixture(scope="session")
def jpegs(demo_take: Path) -> list[bytes]:
    """The first two seconds of the sample take."""
    return read_jpegs(open_take(demo_take), 48)


@pytest.fixture(scope="module")
def browser(demo_take: Path, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """Headless Chromium whose camera plays the sample take."""
    footage = write_fake_camera(demo_take, tmp_path_factory.mktemp("camera") / "take.mjpeg")
    with open_browser(*CAMERA_OPTIONS, f"--use-file-for-fake-video-capture={footage}") as browser:
        yield browser


@pytest.fixture
def context(browser: "Browser") -> "Iterator[BrowserContext]":
    """A browser that knows nothing, and gives camera and microphone."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, permissions=["camera", "microphone"])
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext", stage: Stage) -> "Page":
    """The page, once it sees a face, its pictures on the way that the show asks for."""
    page = open_page(context, stage.server.address)
    wanted = {WEBSOCKET: "WebSocket", WEBRTC: "WebRTC"}[stage.show.options.transport]
    page.locator("#transport", has_text=wanted).wait_for()
    return page
