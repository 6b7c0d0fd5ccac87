"""The application: which address answers with what."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from rupost_core.version import version
from rupost_web.headers import Application, SecurityHeaders
from rupost_web.health import DatabaseWatch, State
from rupost_web.pages import error_page, page

_LOOK = ["GET", "HEAD"]


def application(node: str, ask_database: Callable[[], object]) -> Application:
    """The panel of the node of that name. `ask_database` blocks, and raises a RupostError when it does not do."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    watch = DatabaseWatch(ask_database)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))

    @app.api_route("/health", methods=_LOOK)
    async def health() -> JSONResponse:
        database = await watch.state()
        well = database is State.OK
        said = {"status": "ok" if well else "failing", "node": node, "version": version(), "database": database.value}
        return JSONResponse(said, 200 if well else 503)

    @app.api_route("/", methods=_LOOK)
    async def root() -> RedirectResponse:
        return RedirectResponse("/sign-in", 302)

    @app.api_route("/sign-in", methods=_LOOK)
    async def sign_in(request: Request) -> HTMLResponse:
        database = await watch.state()
        return page(request, "sign_in.html", node=node, version=version(), database=database)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        answer = error_page(request, error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # The traceback goes to the log only (uvicorn writes it); the reader learns nothing of the inside.
        logging.error("%s %s failed", request.method, request.url.path)
        return error_page(request, 500)

    return SecurityHeaders(app)
