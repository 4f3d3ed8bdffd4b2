"""Who calls: the session cookie, read and set."""

from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.requests import cookie_parser

from backend.access import Actor, Visitor, actor_for
from backend.core.settings import get_settings

COOKIE_AGE = 400 * 86_400
"""Seconds; the longest that browsers keep a cookie. When a session ends is up to its row, which visits prolong."""
TYPED_EMAIL_COOKIE = "stoa_typed_email"
"""Keeps the typed e-mail address over the redirect after a failed sign-in, for a minute."""


def session_cookie() -> str:
    """The cookie's name; over HTTPS the prefix makes browsers refuse one set by a subdomain or without Secure."""
    return "__Host-stoa_session" if get_settings().secure_cookies else "stoa_session"


def token_in(cookie_header: str) -> str | None:
    """The session token in a Cookie header."""
    return cookie_in(cookie_header, session_cookie())


def cookie_in(cookie_header: str, name: str) -> str | None:
    """One cookie's value, whatever garbage stands around it; None when it isn't there."""
    return cookie_parser(cookie_header).get(name)


def set_session(response: Response, token: str) -> None:
    """Give the browser its session."""
    settings = get_settings()
    response.set_cookie(
        session_cookie(),
        token,
        max_age=COOKIE_AGE,
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
        path="/",
    )


def clear_session(response: Response) -> None:
    """Take the browser's session away."""
    settings = get_settings()
    response.delete_cookie(session_cookie(), path="/", httponly=True, samesite="lax", secure=settings.secure_cookies)


async def current_actor(request: Request) -> Actor:
    """The person behind the request's cookie, or nobody."""
    return await actor_for(request.cookies.get(session_cookie()))


def visitor_of(request: Request) -> Visitor:
    """Where a request comes from; proxies' words count only as far as the settings trust them."""
    hops = get_settings().trusted_proxy_hops
    address = request.client.host if request.client else ""
    claims = ",".join(request.headers.getlist("x-forwarded-for"))
    forwarded = [part.strip() for part in claims.split(",") if part.strip()]
    if hops and forwarded:
        address = forwarded[-min(hops, len(forwarded))]
    return Visitor(address=address[:64], user_agent=request.headers.get("user-agent", "")[:300])


CurrentActor = Annotated[Actor, Depends(current_actor)]
