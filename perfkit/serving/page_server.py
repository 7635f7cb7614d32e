"""A server on loopback for one page, run beside the caller.

In: an application, a port (0 = any that is free). Out: its address; it ends within two seconds of being told to.
"""

import asyncio
import contextlib
import mimetypes
import socket
import threading
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from types import TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI, Response

from perfkit.errors import ServingError
from perfkit.serving.doorkeeper import Doorkeeper, Keys

HOST = "127.0.0.1"
MAX_MESSAGE_BYTES = 2 << 20
"""Of one WebSocket message: a camera picture of a megapixel as JPEG stays far below."""
MAX_CONNECTIONS = 64
_END_SECONDS = 1


def make_app() -> FastAPI:
    """Return an application without the documentation pages, which would load scripts from elsewhere."""
    return FastAPI(openapi_url=None, docs_url=None, redoc_url=None)


def add_files(app: FastAPI, files: Mapping[str, Traversable]) -> None:
    """Serve single files, read now: no request can name any other.

    Args:
        app: The application.
        files: Path of the address -> file.
    """
    for path, file in files.items():
        media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        app.add_api_route(path, _make_answer(file.read_bytes(), media_type), methods=["GET"])


def _make_answer(content: bytes, media_type: str):  # type: ignore[no-untyped-def]
    async def answer() -> Response:
        return Response(content, media_type=media_type)

    return answer


class PageServer:
    """One page's server. Its socket is bound at once, so that the address is known before it runs.

        with PageServer(app) as server:        # runs in a thread of its own
            open_browser(server.address)

    Args:
        app: What to serve.
        port: 0 = any free one.
        view_paths: Paths that the view key opens without the cookie.

    Raises:
        ServingError: The port is taken or may not be used.
    """

    def __init__(self, app: FastAPI, *, port: int = 0, view_paths: Iterable[str] = ()) -> None:
        self.keys = Keys()
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        hosts = [f"{HOST}:{self.port}", f"localhost:{self.port}"]
        guarded = Doorkeeper(app, keys=self.keys, hosts=hosts, view_paths=view_paths)
        config = uvicorn.Config(
            guarded,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_max_queue=4,
            ws_per_message_deflate=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=_END_SECONDS,
            timeout_keep_alive=5,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="perfkit-page", daemon=True)

    @property
    def root(self) -> str:
        """The server's address without a secret."""
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        """The address to open in a browser; good for one."""
        return f"{self.root}/?token={self.keys.token}"

    def view_address(self, path: str) -> str:
        """Return the address of a path that only shows something, for a program without cookies."""
        return f"{self.root}{path}?key={self.keys.view}"

    def wait(self) -> None:
        """Wait until the server ends; Ctrl-C breaks the wait."""
        while self._thread.is_alive():
            self._thread.join(_END_SECONDS)  # without a time, Windows hears no Ctrl-C

    def stop(self) -> None:
        """Tell the server to end; may be called from any thread."""
        self._server.should_exit = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.closing(self._socket), asyncio.Runner() as runner:
            runner.run(self._server.serve([self._socket]))


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServingError(
            f"port {port}: cannot be used ({error}); give another one, or 0 for any that is free"
        ) from error
    listener.listen(128)
    return listener
