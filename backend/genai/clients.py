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
from backend.genai.shared import close_shared

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Open:
    spec: ModelSpec
    provider: Provider


_open: dict[str, _Open] = {}
_closing: dict[asyncio.Task[None], _Open] = {}
"""What was replaced, until its last answers must be over."""


async def provider_for(spec: ModelSpec) -> Provider:
    """The open provider of `spec`. A changed model gets a new one; the old one closes when its answers must be over.

    Raises `ProviderUnavailable` when the local model doesn't start, `AuthenticationFailed` for an address or key that
    can't be used.
    """
    spec = await _resolved(spec)
    if (held := _open.get(spec.name)) and held.spec == spec:
        return held.provider
    provider = await asyncio.to_thread(open_provider, spec)  # the first one of a kind imports its SDK
    held = _open.get(spec.name)
    if held and held.spec == spec:  # another answer was faster
        await provider.aclose()
        return held.provider
    _open[spec.name] = _Open(spec, provider)
    if held:
        _close_later(held)
    return provider


async def open_apart(spec: ModelSpec) -> Provider:
    """A provider of `spec` that nobody shares: the caller closes it. Raises what `provider_for` does."""
    return await asyncio.to_thread(open_provider, await _resolved(spec))


async def close_providers() -> None:
    """Close every client and forget what is shared with other processes, at shutdown."""
    await close_shared()
    for task in _closing:
        task.cancel()
    held = [*_open.values(), *_closing.values()]
    _open.clear()
    _closing.clear()
    await asyncio.gather(*(each.provider.aclose() for each in held), return_exceptions=True)


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
    _closing[task] = held
    task.add_done_callback(lambda done: _closing.pop(done, None))
