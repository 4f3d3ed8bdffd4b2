"""The pooled HTTP client of one model."""

import ssl
from functools import cache
from urllib.request import getproxies, proxy_bypass

import httpx2

from backend.genai.errors import AuthenticationFailed
from backend.genai.providers.network import Transport
from backend.genai.schemas import ModelSpec

IDLE_SECONDS = {"https": 30.0, "http": 4.0}
"""How long an idle connection is kept. A TLS handshake is worth avoiding; servers reached without TLS (llama.cpp,
uvicorn) hang up after 5 s, and a request must not meet them doing so."""

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})

PLACEHOLDER_KEY = "none"
"""Sent where a model has no key: the SDKs insist on one, local servers ignore it."""


def open_http_client(spec: ModelSpec, base_url: str) -> httpx2.AsyncClient:
    """A client for the server at `base_url`. Raises `AuthenticationFailed` for an address or key that can't be used.

    It follows no redirect, which would carry the key to another host. The proxies of the environment are used, except
    for this machine itself.
    """
    url = _checked_url(base_url)
    if not all(part.isascii() and part.isprintable() for part in (key_of(spec), spec.organization or "")):
        raise AuthenticationFailed(detail="the API key or organization holds characters that no header can carry")
    tls = _tls() if url.scheme == "https" else None
    idle = IDLE_SECONDS[url.scheme]
    timeout = httpx2.Timeout(None, connect=spec.connect_timeout)
    if _goes_through_proxy(url):
        limits = httpx2.Limits(max_connections=None, keepalive_expiry=idle)
        return httpx2.AsyncClient(verify=tls or True, timeout=timeout, limits=limits, follow_redirects=False)
    return httpx2.AsyncClient(transport=Transport(tls, idle), timeout=timeout, follow_redirects=False)


def key_of(spec: ModelSpec) -> str:
    """The key as it is sent: pasted keys come with spaces and line ends."""
    return (spec.api_key or "").strip() or PLACEHOLDER_KEY


def _checked_url(base_url: str) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise AuthenticationFailed(detail=f"the base URL can't be read: {error}") from None
    if url.scheme not in IDLE_SECONDS or not url.host:
        raise AuthenticationFailed(detail="the base URL has to be http://… or https://…")
    return url


def _goes_through_proxy(url: httpx2.URL) -> bool:
    proxies = getproxies()
    return bool({url.scheme, "all"} & set(proxies)) and not (url.host in THIS_MACHINE or proxy_bypass(url.host))


@cache
def _tls() -> ssl.SSLContext:
    """One for all models: loading the certificates takes 20 ms to 100 ms."""
    return httpx2.create_ssl_context()
