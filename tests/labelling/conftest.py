"""A pack on the desk, its server, and a browser to look at it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import open_browser

from perfkit.labelling import LabelDesk, make_label_app
from perfkit.serving import PageServer


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
    with open_browser() as launched:
        yield launched
