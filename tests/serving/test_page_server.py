"""The server on loopback: one browser gets in, everyone else is refused. Asked by http.client and websockets."""

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from perfkit.errors import ServingError
from perfkit.serving import PageServer, make_app


def make_echo_app() -> FastAPI:
    app = make_app()

    @app.get("/")
    async def root() -> str:
        return "page"

    @app.post("/change")
    async def change() -> str:
        return "changed"

    @app.get("/view")
    async def view() -> str:
        return "view"

    @app.websocket("/socket")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await socket.send_bytes(await socket.receive_bytes())

    return app


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(make_echo_app(), view_paths=["/view"]) as server:
        wait_until_up(server)
        yield server


def wait_until_up(server: PageServer) -> None:
    for _ in range(200):
        try:
            ask(server, "/")
            return
        except ConnectionError:
            time.sleep(0.02)
    raise AssertionError("the server did not come up")


def ask(server: PageServer, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def open_socket(server: PageServer, *, origin: str | None = "", **headers: str) -> ClientConnection:
    named = Origin(server.root) if origin == "" else origin and Origin(origin)
    return connect(f"ws://127.0.0.1:{server.port}/socket", origin=named or None, additional_headers=headers)


def enter(server: PageServer) -> str:
    status, headers, _ = ask(server, f"/?token={server.keys.token}")
    assert (status, headers["location"]) == (307, "/")
    return headers["set-cookie"].split(";")[0]


def test_the_token_is_good_for_one_browser_and_the_cookie_for_every_reload(server: PageServer) -> None:
    address = server.address.removeprefix(server.root)
    cookie = enter(server)
    assert ask(server, "/", Cookie=cookie)[0] == 200
    assert ask(server, "/", Cookie=cookie)[0] == 200
    assert ask(server, address)[0] == 403
    assert ask(server, address, Cookie=cookie)[1]["location"] == "/"


@pytest.mark.parametrize("path", ["/", "/view", "/?token=wrong", "/?token=", "/view?key=", "/nothing"])
def test_without_a_secret_nothing_is_shown(server: PageServer, path: str) -> None:
    status, _, body = ask(server, path)
    assert status == 403
    assert b"open the address that perfkit printed" in body


def test_the_view_key_opens_views_and_nothing_else(server: PageServer) -> None:
    key = f"?key={server.keys.view}"
    assert ask(server, "/view" + key)[0] == 200
    assert ask(server, "/" + key)[0] == 403
    assert ask(server, "/change" + key, method="POST", Origin=server.root)[0] == 403


def test_another_sites_requests_are_refused_even_with_the_cookie(server: PageServer) -> None:
    cookie = enter(server)
    assert ask(server, "/change", method="POST", Cookie=cookie, Origin=server.root)[0] == 200
    assert ask(server, "/change", method="POST", Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert ask(server, "/change", method="POST", Cookie=cookie)[0] == 403
    assert ask(server, "/", Cookie=cookie, Origin="null")[0] == 403
    assert ask(server, "/", Cookie=cookie, Host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "//etc/passwd", "/..%2f..%2fetc/passwd"]
)
def test_no_path_leaves_the_files_that_were_named(server: PageServer, path: str) -> None:
    assert ask(server, path, Cookie=enter(server))[0] == 404


def test_a_socket_needs_the_cookie_and_this_pages_origin(server: PageServer) -> None:
    cookie = enter(server)
    with open_socket(server, Cookie=cookie) as socket:
        socket.send(b"hello")
        assert socket.recv() == b"hello"
    for origin, headers in ((server.root, {}), ("http://evil.example", {"Cookie": cookie}), (None, {"Cookie": cookie})):
        with pytest.raises(InvalidStatus), open_socket(server, origin=origin, **headers):
            pass


def test_answers_forbid_foreign_scripts_and_frames(server: PageServer) -> None:
    _, headers, _ = ask(server, "/", Cookie=enter(server))
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_it_ends_within_two_seconds_with_a_socket_open() -> None:
    with contextlib.ExitStack() as stack, PageServer(make_echo_app()) as server:
        wait_until_up(server)
        cookie = enter(server)
        stack.enter_context(open_socket(server, Cookie=cookie))
        started = time.perf_counter()
    assert time.perf_counter() - started < 2
    assert not any(thread.name == "perfkit-page" for thread in threading.enumerate())


def test_a_taken_port_is_told_in_one_line(server: PageServer) -> None:
    with pytest.raises(ServingError, match=rf"^port {server.port}: cannot be used .*give another one"):
        PageServer(make_app(), port=server.port)
