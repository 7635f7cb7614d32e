"""The labelling page's addresses: what each answers, and how a refusal becomes one line on the page.

    GET  /                the page            GET  /api/pack       all drawings and labels
    GET  /page/*          its files           GET  /api/digest     whether the pack is still the same
    GET  /art/SHA256      a drawing           POST /api/guess      {"files"} -> contours as the reader sees them
    POST /api/save        edits -> saved      POST /api/read       {"file", "points"} -> angle, expression
                                              POST /api/place      {"angle", "weights"} -> contours to start from

In: a `LabelDesk`. Out: an application for `serving.PageServer`.
"""

import json
from collections.abc import Callable
from importlib import resources

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from perfkit.errors import MediaError, PackError, PerfkitError, StalePackError
from perfkit.labelling.desk import LabelDesk
from perfkit.serving import add_files, make_app

MAX_BODY_BYTES = 16 << 20
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


def make_label_app(desk: LabelDesk) -> FastAPI:
    """Return the application of one desk."""
    app = make_app()
    page = resources.files("perfkit.labelling") / "page"
    add_files(app, {"/": page / "index.html"})
    add_files(app, {f"/page/{file.name}": file for file in page.iterdir() if file.name != "index.html"})

    @app.get("/api/pack")
    def show() -> Response:
        return JSONResponse(desk.show())

    @app.get("/api/digest")
    def read_digest() -> Response:
        return JSONResponse({"digest": desk.read_digest()})

    @app.get("/art/{sha256}")
    def read_picture(sha256: str) -> Response:
        return Response(desk.read_picture(sha256), media_type="image/png", headers=_FOR_EVER)

    @app.post("/api/guess")
    async def guess(request: Request) -> Response:
        return await _answer(request, ("files",), lambda table: desk.guess(_take_files(table["files"])))

    @app.post("/api/read")
    async def read_face(request: Request) -> Response:
        return await _answer(
            request, ("file", "points"), lambda table: desk.read_face(str(table["file"]), table["points"])
        )

    @app.post("/api/place")
    async def place_face(request: Request) -> Response:
        return await _answer(
            request, ("angle", "weights"), lambda table: desk.place_face(table["angle"], table["weights"])
        )

    @app.post("/api/save")
    async def save(request: Request) -> Response:
        return await _answer(request, ("digest",), desk.save)

    @app.exception_handler(PerfkitError)
    async def refuse(_request: Request, error: Exception) -> Response:
        return _refusal(error)

    return app


async def _answer(request: Request, needed: tuple[str, ...], act: Callable[[dict[str, object]], object]) -> Response:
    table = await _read_table(request)
    for name in needed:
        if name not in table:
            raise PackError(f"{request.url.path}: {name} is missing; reload the page")
    return JSONResponse(await run_in_threadpool(act, table))


async def _read_table(request: Request) -> dict[str, object]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise PackError(f"{request.url.path}: more than {MAX_BODY_BYTES >> 20} MiB; save fewer drawings at a time")
    try:
        table = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PackError(f"{request.url.path}: is not JSON; reload the page") from error
    if not isinstance(table, dict):
        raise PackError(f"{request.url.path}: expected a table; reload the page")
    return table


def _take_files(files: object) -> list[str]:
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise PackError("guess: expected a list of files; reload the page")
    return files


def _refusal(error: Exception) -> Response:
    """Return one line: 409 the pack has changed, 403 it may not be written, 400 anything else that can be mended."""
    status = 409 if isinstance(error, StalePackError) else 403 if isinstance(error, MediaError) else 400
    return JSONResponse({"line": " ".join(str(error).split())}, status_code=status)
