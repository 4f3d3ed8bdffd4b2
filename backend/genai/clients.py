"""One open provider, and so one pooled HTTP client, per registered model."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from backend.core.embedded.local_model import ensure_local_model
from backend.core.errors import StoaError
from backend.genai.defaults import LOCAL_PORT_FIELD
from backend.genai.providers import Provider, open_provider
from backend.genai.routing import unreachable
from backend.genai.schemas import ModelSpec

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Open:
    spec: ModelSpec
    provider: Provider


_open: dict[str, _Open] = {}
_closing: set[asyncio.Task[None]] = set()


async def provider_for(spec: ModelSpec) -> Provider:
    """The open provider of `spec`. A changed model gets a new one; the old one closes when its answers must be over.

    Raises `ProviderUnavailable` when the local model doesn't start.
    """
    spec = await _resolved(spec)
    held = _open.get(spec.name)
    if held is not None and held.spec == spec:
        return held.provider
    if held is not None:
        _close_later(held)
    _open[spec.name] = _Open(spec, open_provider(spec))
    return _open[spec.name].provider


async def close_providers() -> None:
    """Close every client, at shutdown."""
    for task in _closing:
        task.cancel()
    held = list(_open.values())
    _open.clear()
    for each in held:
        await each.provider.aclose()


async def _resolved(spec: ModelSpec) -> ModelSpec:
    """`spec` with the local model's port filled in, which starts it."""
    if spec.base_url is None or LOCAL_PORT_FIELD not in spec.base_url:
        return spec
    try:
        port = await ensure_local_model()
    except (StoaError, OSError) as error:
        log.warning("local_model_failed", error=str(error))
        raise unreachable(spec, str(error)) from error
    return replace(spec, base_url=spec.base_url.replace(LOCAL_PORT_FIELD, str(port)))


def _close_later(held: _Open) -> None:
    async def close() -> None:
        await asyncio.sleep(held.spec.total_timeout)
        await held.provider.aclose()

    task = asyncio.create_task(close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
