"""The live page in a browser, for tests: opened and waited for."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

CAMERA_OPTIONS = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


def open_page(context: "BrowserContext", address: str) -> "Page":
    """Open the page in a new tab, and wait until it sees a face."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    page.goto(address)
    wait_for(page, lambda state: state["has_camera"] and state["state"] in ("seen", "returning"))
    return page


def wait_for(page: "Page", condition: Callable[[dict[str, Any]], object], seconds: float = 30.0) -> dict[str, Any]:
    """Wait until the page has been told a state that fulfils the condition, and return it; or fail."""
    end = time.monotonic() + seconds
    while True:
        state = page.evaluate("perfkit.state")
        if state and condition(state):
            return state  # type: ignore[no-any-return]
        assert time.monotonic() < end, f"it did not come to that: {state}"
        page.wait_for_timeout(50)
