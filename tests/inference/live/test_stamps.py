"""Both transports tell the same time of a picture, checked by a clock drawn into the camera's pictures."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from chromium import open_browser
from live_page import CAMERA_OPTIONS, wait_for
from live_stage import Stage
from playwright.sync_api import Browser, Page, expect
from script_loader import load_script

from perfkit.inference.live.acting import Acted
from perfkit.inference.live.show import WEBRTC

FRAME_MS = 1000 / 30
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clock() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield load_script("bench_live", monkeypatch)


@pytest.fixture(scope="module")
def browser(clock: ModuleType, demo_take: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    camera = clock.write_clock_camera(demo_take, tmp_path_factory.mktemp("clock") / "take.mjpeg")
    with open_browser(*CAMERA_OPTIONS, f"--use-file-for-fake-video-capture={camera}") as browser:
        yield browser


@pytest.mark.parametrize("stage", [WEBRTC], indirect=True)
def test_stamps_by_webrtc_and_by_websocket_agree_to_a_frame(page: Page, stage: Stage, clock: ModuleType) -> None:
    stamps_ms: dict[bool, dict[int, float]] = {True: {}, False: {}}

    def see(acted: Acted) -> None:
        is_by_webrtc = acted.frame.jpeg is None
        if acted.frame.stamp and acted.observation.has_face:
            stamps_ms[is_by_webrtc][read_clock(acted.frame.image_rgb, clock)] = acted.frame.stamp

    page.evaluate(clock.READ_CLOCKS.read_text(), [*clock.CLOCK_AT, clock.CELL_PX, clock.NUM_BITS])
    stage.show.watch(acted=see)
    wait_for(page, lambda state: len(stamps_ms[True]) > 60)
    page.evaluate("perfkit.peer.peer.close()")
    expect(page.locator("#transport")).to_have_text("WebSocket")
    wait_for(page, lambda state: len(stamps_ms[False]) > 60)
    seen_ms = dict(map(tuple, page.evaluate("[...window.taken]")))
    by_webrtc, by_websocket = (lateness_ms(stamps_ms[is_by_webrtc], seen_ms) for is_by_webrtc in (True, False))
    assert min(len(by_webrtc), len(by_websocket)) > 20
    assert abs(np.median(by_webrtc) - np.median(by_websocket)) < FRAME_MS
    assert abs(np.median(by_webrtc)) < 2 * FRAME_MS


def lateness_ms(stamps_ms: dict[int, float], seen_ms: dict[int, float]) -> np.ndarray:
    """Return how much later than on the page's camera side pictures were taken; the footage plays over and over."""
    late = np.array([stamp - seen_ms[code] for code, stamp in stamps_ms.items() if code in seen_ms])
    return late[np.abs(late) < 2000]


def read_clock(image_rgb: np.ndarray | None, clock: ModuleType) -> int:
    assert image_rgb is not None
    code = 0
    for bit in range(clock.NUM_BITS):
        left = clock.CLOCK_AT[0] + clock.CELL_PX * (bit % 8) + clock.CELL_PX // 2
        top = clock.CLOCK_AT[1] + clock.CELL_PX * (bit // 8) + clock.CELL_PX // 2
        code = 2 * code + int(image_rgb[top, left, 1] > 128)
    return code
