"""Who may come in: ASGI middleware in front of a local page.

In: every request and every WebSocket. Out: passed on, turned into a cookie, or refused with one line.

A page on loopback is open to every program of the machine and, by way of the browser, to every web site: a site may
send requests to 127.0.0.1, and may let its own name point there (DNS rebinding). So a request must name this host
(`Host`), come from this page (`Origin`, where the browser sends one), and know a secret.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
        "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_REFUSED_SOCKET = 4403


def _make_secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass(eq=False)
class Keys:
    """The secrets of one server.

    Attributes:
        token: Stands in the address that is printed; the first page that shows it gets the cookie, then it is void.
        session: What the cookie holds.
        view: Opens the paths that only show something, for programs that keep no cookie (OBS, a video player).
    """

    token: str | None = field(default_factory=_make_secret)
    session: str = field(default_factory=_make_secret)
    view: str = field(default_factory=_make_secret)


class Doorkeeper:
    """Lets in who knows a secret, from this host and this page.

    Args:
        app: What lies behind the door.
        keys: The secrets.
        hosts: "name:port" under which the server may be called.
        view_paths: Paths that `?key=` with the view key opens too.
    """

    def __init__(self, app: ASGIApp, *, keys: Keys, hosts: Iterable[str], view_paths: Iterable[str] = ()) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset(hosts)
        self._view_paths = frozenset(view_paths)
        self._cookie = f"perfkit-{next(iter(sorted(self._hosts))).rpartition(':')[2]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = self._judge(scope)
        if answer is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _REFUSED_SOCKET})
        else:
            await answer(scope, receive, _with_headers(send))

    def _judge(self, scope: Scope) -> Response | None:
        """Return what to answer instead of letting a request through; None lets it through."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("not this server's name\n", 421)
        origin = headers.get("origin")
        is_safe = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if origin is None and not is_safe:
            return PlainTextResponse("no origin\n", 403)
        if origin is not None and origin.partition("://")[2] not in self._hosts:
            return PlainTextResponse("another page's request\n", 403)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if _is_same(self._read_cookie(headers), self._keys.session):
            return RedirectResponse(scope["path"]) if "token" in query else None
        if scope["path"] in self._view_paths and _is_same(query.get("key", [""])[0], self._keys.view):
            return None
        if self._keys.token is not None and is_safe and _is_same(query.get("token", [""])[0], self._keys.token):
            self._keys.token = None
            answer = RedirectResponse(scope["path"])
            answer.set_cookie(self._cookie, self._keys.session, httponly=True, samesite="strict")
            return answer
        return PlainTextResponse("open the address that perfkit printed; it is good for one browser\n", 403)

    def _read_cookie(self, headers: Headers) -> str:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        return cookies[self._cookie].value if self._cookie in cookies else ""


def _is_same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in present)]
        await send(message)

    return send_with_headers
