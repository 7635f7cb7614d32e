"""The page of a live show, its pictures for other programs, its downloads: routes, and nothing else.

In: a LiveShow. Out: a FastAPI application. `/output` and what belongs to it only show; they open with the view key.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from urllib.parse import quote

from fastapi import FastAPI, Response, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from perfkit.inference.live.connection import PageConnection
from perfkit.inference.live.drawing import Shown
from perfkit.inference.live.show import LiveShow
from perfkit.serving import add_files, make_app

OUTPUT, OUTPUT_SOCKET, MJPEG = "/output", "/output-socket", "/stream.mjpeg"
VIEW_PATHS = (OUTPUT, "/output.js", OUTPUT_SOCKET, MJPEG)
_FILES = {
    "/": "index.html",
    "/live.css": "live.css",
    "/live.js": "live.js",
    "/camera.js": "camera.js",
    "/controls.js": "controls.js",
    "/messages.js": "messages.js",
    "/microphone.js": "microphone.js",
    "/microphone-worklet.js": "microphone-worklet.js",
    "/output.js": "output.js",
    "/webrtc.js": "webrtc.js",
    "/webrtc-stamps.js": "webrtc-stamps.js",
}
_PAGE = files("perfkit.inference.live") / "page"
_BOUNDARY = "perfkit"
_IDLE_SECONDS = 1.0


def make_live_app(show: LiveShow) -> FastAPI:
    """Return the application of one show."""
    app = make_app()
    add_files(app, {path: _PAGE / name for path, name in _FILES.items()})
    _add_page_socket(app, show)
    _add_outputs(app, show)
    _add_downloads(app, show)
    return app


def _add_page_socket(app: FastAPI, show: LiveShow) -> None:
    playing: list[PageConnection] = []

    @app.websocket("/socket")
    async def play(socket: WebSocket) -> None:
        """Serve the newest page; the one before is told and let go."""
        await socket.accept()
        connection = PageConnection(show, socket)
        before, playing[:] = list(playing), [connection]
        for other in before:
            await other.end("another tab plays now")
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await connection.serve()
        if connection in playing:
            playing.remove(connection)


def _add_outputs(app: FastAPI, show: LiveShow) -> None:
    page = (_PAGE / "output.html").read_text("utf-8")

    @app.get(OUTPUT)
    async def output(key: str = "") -> HTMLResponse:
        """The character alone; its script is asked for with the key that opened the page."""
        return HTMLResponse(page.replace("KEY", quote(key, safe="")))

    @app.websocket(OUTPUT_SOCKET)
    async def send_pictures(socket: WebSocket) -> None:
        """Send transparent pictures as PNG, as fast as they are taken."""
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            async for shown in _iterate_shown(show):
                await socket.send_bytes(await asyncio.to_thread(getattr, shown, "png"))
                await socket.receive_text()

    @app.get(MJPEG)
    async def stream() -> StreamingResponse:
        return StreamingResponse(_iterate_parts(show), media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}")


def _add_downloads(app: FastAPI, show: LiveShow) -> None:
    @app.get("/still.png")
    async def still() -> Response:
        """The character of this moment, transparent."""
        shown = show.last_shown
        if shown is None:
            return Response("no picture yet\n", 404)
        name = {"content-disposition": 'attachment; filename="perfkit-still.png"'}
        return Response(shown.png, media_type="image/png", headers=name)

    @app.get("/recordings/{name}")
    async def download(name: str) -> Response:
        path = show.recordings.get(name)
        if path is None or not path.is_file():
            return Response("no such recording\n", 404)
        return FileResponse(path, filename=path.name)


async def _iterate_shown(show: LiveShow) -> AsyncIterator[Shown]:
    """Yield the newest picture whenever there is one that was not yielded before."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    newest: list[Shown] = [] if show.last_shown is None else [show.last_shown]

    def see(shown: Shown) -> None:
        newest[:] = [shown]
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(news.set)

    leave = show.watch(shown=see)
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _IDLE_SECONDS)
            news.clear()
            if newest:
                yield newest[0]
    finally:
        leave()


async def _iterate_parts(show: LiveShow) -> AsyncIterator[bytes]:
    async for shown in _iterate_shown(show):
        jpeg = await asyncio.to_thread(getattr, shown, "jpeg")
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        yield head.encode() + jpeg + b"\r\n"
