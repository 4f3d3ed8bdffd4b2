"""Reading an answer off the network, within its time limits."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing

import httpx2
import structlog

from backend.genai.errors import CompletionError, Fault, ProviderUnavailable
from backend.genai.providers.failures import SDKErrors, not_a_stream, translated
from backend.genai.providers.limits import TimeLimits
from backend.genai.providers.network import BROKEN
from backend.genai.providers.parser import AnswerParser
from backend.genai.providers.sse import EventTooLarge, ServerEvent, SSEDecoder
from backend.genai.schemas import ModelSpec, ProviderEvent

MAX_PREAMBLE = 1024 * 1024
"""Bytes of a body without events that are kept to say what came instead."""

DRAIN_SECONDS = 0.25
"""How long to wait for the end of the body after the end of the answer, so that the connection can be used again."""

log = structlog.get_logger(__name__)


async def answer(
    spec: ModelSpec,
    sdk: SDKErrors,
    opening: AbstractAsyncContextManager[httpx2.Response],
    parser: AnswerParser,
    time_limit: float | None = None,
) -> AsyncGenerator[ProviderEvent, None]:
    """Open the response and yield the events of its answer, as `Provider.stream` promises.

    All of it takes the model's `total_timeout` at most, or `time_limit` seconds where that is less.

    The SDKs' own streams aren't used: they die of one malformed event and cost several times as much per token.
    """
    limits = TimeLimits(spec, time_limit)
    try:
        async with AsyncExitStack() as stack:
            body = await _body(stack, opening, limits)
            events = await stack.enter_async_context(aclosing(_events(body, parser, limits)))
            async for event in events:
                yield event
            await _drain(body)
            return
    except (CompletionError, sdk.APIError, *BROKEN) as error:
        failure = translated(error, spec, sdk)
    finally:
        if parser.skipped:
            log.warning("malformed_events_skipped", model=spec.name, count=parser.skipped)
    if usage := parser.reported_usage():
        yield usage
    raise failure


async def _body(
    stack: AsyncExitStack, opening: AbstractAsyncContextManager[httpx2.Response], limits: TimeLimits
) -> AsyncIterator[bytes]:
    """The bytes to come, once the headers are there; leaving `stack` closes the connection."""
    try:
        async with asyncio.timeout_at(limits.wait()):
            response = await stack.enter_async_context(opening)
    except TimeoutError:
        raise limits.exceeded() from None
    limits.heard_noise()
    return await stack.enter_async_context(aclosing(response.aiter_bytes()))


async def _events(
    body: AsyncIterator[bytes], parser: AnswerParser, limits: TimeLimits
) -> AsyncGenerator[ProviderEvent, None]:
    decoder, preamble, any_event = SSEDecoder(), bytearray(), False
    while not parser.ended:
        chunk = await _next_chunk(body, parser, limits)
        events = _decoded(decoder, chunk)
        any_event = any_event or bool(events)
        if chunk and not any_event and len(preamble) < MAX_PREAMBLE:
            preamble += chunk
        failure = _read(parser, events, limits)
        for ready in parser.take():
            yield ready
        if failure:
            raise failure
        if chunk is None:
            break
    if not any_event:
        _read_whole(parser, bytes(preamble))
    for last in parser.close():
        yield last


async def _next_chunk(body: AsyncIterator[bytes], parser: AnswerParser, limits: TimeLimits) -> bytes | None:
    """The next bytes; None at the end of the body, or when what is missing no longer matters."""
    try:
        async with asyncio.timeout_at(limits.wait()):
            return await anext(body, None)
    except TimeoutError:
        failure = limits.exceeded()
    except BROKEN as error:
        failure = ProviderUnavailable.by(Fault.BROKEN, f"the connection broke in the middle of the answer: {error}")
    if parser.settled:
        return None
    raise failure


def _decoded(decoder: SSEDecoder, chunk: bytes | None) -> list[ServerEvent]:
    try:
        return decoder.flush() if chunk is None else decoder.feed(chunk)
    except EventTooLarge as error:
        raise ProviderUnavailable.by(Fault.UNFIT, str(error)) from None


def _read(parser: AnswerParser, events: list[ServerEvent], limits: TimeLimits) -> CompletionError | None:
    """Let the parser read `events`, up to the end of the answer or an error, which is returned."""
    tokens_before = parser.tokens
    try:
        for event in events:
            parser.read(event)
            if parser.ended:
                break
    except CompletionError as error:
        return error
    if parser.settled:
        limits.answer_is_whole()
    elif parser.tokens > tokens_before:
        limits.heard_token()
    else:
        limits.heard_noise()
    return None


def _read_whole(parser: AnswerParser, body: bytes) -> None:
    """Some servers ignore `stream` and send the whole answer as one JSON object."""
    parser.read(ServerEvent("", body.decode("utf-8", "replace")))
    if not parser.settled:
        raise not_a_stream(body)


async def _drain(body: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in body:
                pass
    except BROKEN:
        return
