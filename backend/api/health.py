"""Whether Stoa and what it needs are well, for load balancers, and metrics for Prometheus."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from backend.access import Action, require
from backend.api.identity import CurrentActor
from backend.core.database import ping_database
from backend.core.errors import StoaError
from backend.core.redis import ping_redis
from backend.core.settings import get_settings
from backend.core.telemetry import REGISTRY
from backend.genai import Feature, resolve
from backend.jobs import job_figures
from backend.storage import ping_storage

router = APIRouter(tags=["operations"])

PATIENCE = 3.0
"""Seconds a dependency has to answer."""


class DependencyHealth(BaseModel):
    """One thing that Stoa needs."""

    ok: bool
    ms: float
    detail: str = ""


class Health(BaseModel):
    """`ok`; `degraded` when answers still work, with less; `down` when they don't."""

    status: str
    dependencies: dict[str, DependencyHealth]


@router.get("/health", responses={503: {"model": Health}})
async def health(response: Response) -> Health:
    """Each dependency, checked now. 503 only when pages can't work: without Redis and files they do."""
    names = ("postgres", "redis", "storage", "language_model")
    probes = (ping_database, ping_redis, ping_storage, _language_model)
    checks = await asyncio.gather(*(_check(probe) for probe in probes))
    found = dict(zip(names, checks, strict=True))
    if not found["postgres"].ok:
        response.status_code = 503
        return Health(status="down", dependencies=found)
    return Health(status="ok" if all(each.ok for each in checks) else "degraded", dependencies=found)


async def _check(probe: Callable[[], Awaitable[str | None]]) -> DependencyHealth:
    begun = time.perf_counter()
    ok, detail = True, ""
    try:
        async with asyncio.timeout(PATIENCE):
            detail = await probe() or ""
    except (StoaError, TimeoutError) as error:
        ok, detail = False, getattr(error, "message", "no answer in time")
    return DependencyHealth(ok=ok, ms=round((time.perf_counter() - begun) * 1000, 1), detail=detail)


async def _language_model() -> str:
    """The model the tutor would ask; health checks don't spend tokens, so it isn't called."""
    chain = await resolve(Feature.STUDENT_DIALOGUE)
    return chain.models[0].name


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, actor: CurrentActor) -> Response:
    """Prometheus metrics, for administrators or with the metrics token."""
    token = get_settings().metrics_token
    given = request.headers.get("authorization", "")
    if token is None or not secrets.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode()):
        require(actor, Action.METRICS_READ)
    return Response(generate_latest(REGISTRY) + await job_figures(), media_type=CONTENT_TYPE_LATEST)
