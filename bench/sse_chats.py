"""Concurrent chats: how late does a token reach the reader when N answers stream at 30 tokens/s?

    python -m bench.sse_chats [--chats 100 200 300] [--seconds 20]

Everything is real: replay provider (own process, each token carries the moment it was sent), `stoa web` (one process),
Postgres, Valkey, and one HTTP connection per reader in this process. Lag runs from provider's write to reader's parse.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from backend.core.database import dispose_engine
from backend.core.embedded.ports import free_port
from bench import stage

TOKENS_PER_SECOND = 30
WARM_UP = 3.0
"""Seconds left out at the beginning, while all turns start at once."""


@dataclass(slots=True)
class Reader:
    """One chat's reader."""

    lags: list[float] = field(default_factory=list)
    tokens: int = 0
    ended: bool = False


async def read(host: str, port: int, path: str, cookie: str, reader: Reader, since: float) -> None:
    """Follow one turn to its end."""
    stream, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    event = b""
    async for line in stream:
        if line.startswith(b"event: "):
            event = line[7:].strip()
        elif line.startswith(b"data: ") and event == b"text":
            now = time.time()
            for stamp in json.loads(line[6:])["text"].split():
                reader.tokens += 1
                if now > since:
                    reader.lags.append(now - float(stamp))
        elif line.startswith(b"data: ") and event == b"end":
            reader.ended = True
            break
    writer.close()


async def measure(address: str, chats: int, seconds: float) -> dict[str, float]:
    """Start `chats` turns and follow each."""
    parts = urlsplit(address)
    assert parts.hostname and parts.port
    async with httpx2.AsyncClient(base_url=address, timeout=60, limits=httpx2.Limits(max_connections=20)) as client:
        signed_in = {"email": "ada@example.org", "password": stage.PASSWORD}
        (await client.post("/api/v1/session", json=signed_in)).raise_for_status()
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        readers, tasks = [], []
        since = time.time() + WARM_UP + chats / 100

        async def chat() -> None:
            answer = await client.post("/api/v1/turns", json={"section": stage.SECTION, "text": "Go on."})
            answer.raise_for_status()
            readers.append(reader := Reader())
            tasks.append(
                asyncio.create_task(read(parts.hostname, parts.port, answer.json()["events"], cookie, reader, since))
            )

        await asyncio.gather(*(chat() for _ in range(chats)))
        await asyncio.wait(tasks, timeout=seconds * 3 + 30)
    lags = [lag for reader in readers for lag in reader.lags]
    return {
        "chats": chats,
        "ended": sum(reader.ended for reader in readers),
        "tokens": sum(reader.tokens for reader in readers),
        "p50_ms": stage.percentile(lags, 0.5) * 1000,
        "p95_ms": stage.percentile(lags, 0.95) * 1000,
        "p99_ms": stage.percentile(lags, 0.99) * 1000,
    }


async def _point_at(url: str) -> None:
    await stage.use_model(url)
    await dispose_engine()


def main() -> None:
    """Print one line per number of chats."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chats", type=int, nargs="+", default=[50, 100, 200, 300])
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    tokens = str(int(options.seconds * TOKENS_PER_SECOND))
    with (
        stage.services(),
        stage.replay("--stamped", "--tokens", tokens, "--tokens-per-second", str(TOKENS_PER_SECOND)) as url,
    ):
        asyncio.run(_point_at(url))
        port = free_port()
        for chats in options.chats:
            with stage.web(port) as web:
                before = web.cpu_seconds()
                result = asyncio.run(measure(web.address, chats, options.seconds))
                cpu = (web.cpu_seconds() - before) / max(result["tokens"], 1) * 1e6
            print(
                f"{result['chats']:4.0f} chats: {result['ended']:.0f} ended, {result['tokens']:.0f} tokens, lag "
                f"p50 {result['p50_ms']:.0f} ms, p95 {result['p95_ms']:.0f} ms, p99 {result['p99_ms']:.0f} ms; "
                f"web process {cpu:.0f} µs of processor per token",
                flush=True,
            )


if __name__ == "__main__":
    main()
