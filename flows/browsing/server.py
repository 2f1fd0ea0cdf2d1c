"""The server of the page: an application over one workspace, on this machine alone, until it is stopped."""

import secrets
import socket
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path
from threading import Timer
from typing import Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from flows.browsing.correction_writer import CorrectionWriter
from flows.browsing.derived_files import DerivedFiles
from flows.browsing.guard import HOST, Guard
from flows.browsing.routes import catalogue_routes, correction_routes, file_routes
from storage.errors import UserError
from storage.published.follower import CatalogueFollower
from storage.published.queries import require_known_schema
from storage.workspace import Workspace

_PAGE: Final = Path(str(resources.files("flows") / "browsing" / "page"))
_VIEWS: Final = ("/", "/review", "/health", "/track/{track_id}")
_LAST_ANSWERS_S: Final = 1


def serve_page(workspace: Workspace, port: int, tell: Callable[[str], None], opened: bool) -> None:
    """Serve the page until Ctrl-C or SIGTERM; `tell` is given its address, which a browser opens if `opened`.

    Port 0 is one that is free. Raises UserError if the port is taken or the catalogue cannot be read.
    """
    require_known_schema(workspace)
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(f"port {port} cannot be used: {error.strerror}; name another with --port") from error
    with listening:
        port, token = int(listening.getsockname()[1]), secrets.token_urlsafe(24)
        address = f"http://{HOST}:{port}/?token={token}"
        tell(address)
        if opened:
            Timer(0.5, webbrowser.open, [address]).start()
        settings = uvicorn.Config(
            page_application(workspace, token, port),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listening])


def page_application(workspace: Workspace, token: str, port: int) -> ASGIApp:
    """The application behind its guard."""
    catalogue, derived = CatalogueFollower(workspace), DerivedFiles()
    corrections = CorrectionWriter(workspace, catalogue)

    @asynccontextmanager
    async def open_until_the_end(_: FastAPI) -> AsyncIterator[None]:
        corrections.open()
        yield
        corrections.close()
        catalogue.close()
        derived.close()

    application = FastAPI(title="rolecall", openapi_url=None, lifespan=open_until_the_end)
    application.include_router(catalogue_routes(catalogue, corrections))
    application.include_router(correction_routes(catalogue, corrections))
    application.include_router(file_routes(catalogue, derived))
    application.mount("/page", StaticFiles(directory=_PAGE), name="page")

    def index() -> FileResponse:
        return FileResponse(_PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    for view in _VIEWS:
        application.add_api_route(view, index, methods=["GET"])

    @application.exception_handler(UserError)
    async def explained(_: Request, error: UserError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=503)

    return Guard(application, token, port)
