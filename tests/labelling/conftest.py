"""A pack on the desk, its server, and a browser to look at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perfkit.labelling import LabelDesk, make_label_app
from perfkit.serving import PageServer

CHROMIUM = Path("/usr/bin/chromium")
BROWSER_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture
def serve() -> Iterator[Callable[..., PageServer]]:
    """A function that serves a pack's folder until the test ends; its options are the desk's."""
    servers: list[PageServer] = []

    def start(folder: Path, port: int = 0, **options) -> PageServer:
        server = PageServer(make_label_app(LabelDesk(folder, **options)), port=port)
        servers.append(server.__enter__())
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; tests that need it are skipped where it is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip(f"{CHROMIUM} is not installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=str(CHROMIUM), args=list(BROWSER_OPTIONS), timeout=120_000)
        yield launched
        launched.close()
