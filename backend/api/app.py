"""The FastAPI application, and what runs as long as a web process does."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import fastapi_offline
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from backend.api import health, insights, jobs, sandbox, sessions, turns, usage
from backend.api.security import content_policy, script_hashes
from backend.core.database import dispose_engine
from backend.core.errors import StoaError, TooMany
from backend.core.logs import configure_logging
from backend.core.redis import close_redis
from backend.core.tracing import start_exporting, stop_exporting
from backend.dialogue import get_runner
from backend.genai import close_providers

log = structlog.get_logger(__name__)

DOCS_ASSETS = Path(fastapi_offline.__file__).parent / "static"
"""Swagger UI from a wheel: the usual page fetches it from a CDN."""


def create_api() -> FastAPI:
    """The API; everything it serves stands under `/api`."""
    api = FastAPI(
        title="Stoa", version="1", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        description="Sign in with `POST /api/v1/session`, then ask the tutor with `POST /api/v1/turns`.",
    )  # fmt: skip
    for part in (sessions, turns, jobs, usage, insights, sandbox, health):
        api.include_router(part.router, prefix="/api")
    api.add_api_route("/api/docs", _docs, include_in_schema=False)
    api.mount("/api/docs-assets", StaticFiles(directory=DOCS_ASSETS), name="docs-assets")
    api.add_exception_handler(StoaError, _on_error)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_http_error)
    api.add_exception_handler(Exception, _on_crash)
    return api


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Run turns while the web process serves; close every connection when it stops."""
    configure_logging()
    start_exporting()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not walk it again and again while answers stream
    try:
        async with get_runner().run():
            yield
    finally:
        await close_providers()
        await close_redis()
        await dispose_engine()
        await stop_exporting()


async def _docs() -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url="/api/openapi.json",
        title="Stoa API",
        swagger_js_url="/api/docs-assets/swagger-ui-bundle.js",
        swagger_css_url="/api/docs-assets/swagger-ui.css",
        swagger_favicon_url="/favicon.ico",
    )
    page.headers["Content-Security-Policy"] = content_policy(script_hashes(bytes(page.body)))
    return page


def _problem(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


async def _on_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StoaError)
    answer = _problem(error.status, error.code, error.message)
    if isinstance(error, TooMany) and error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [": ".join([*map(str, fault["loc"][1:]), fault["msg"]]) for fault in error.errors()]
    return _problem(422, "invalid", "; ".join(faults))


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, "http_error", str(error.detail))


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    log.error("request_crashed", path=request.url.path, exc_info=error)
    return _problem(500, StoaError.code, StoaError.message)
