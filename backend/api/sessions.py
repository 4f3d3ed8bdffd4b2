"""Signing in and out: a real form for browsers, JSON for programs."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from backend.access import Action, actor_for, require, sign_in, sign_out, sign_out_everywhere
from backend.api.identity import (
    TYPED_EMAIL_COOKIE,
    CurrentActor,
    clear_session,
    current_actor,
    session_cookie,
    set_session,
    visitor_of,
)
from backend.core.errors import StoaError
from backend.core.settings import get_settings
from backend.core.telemetry import SIGN_INS

router = APIRouter(tags=["sign-in"])

HOME = "/"
LONGEST_EMAIL = 254
LONGEST_PASSWORD = 1_000
"""The form's fields are cut there, not refused: whoever posts it looks at a page, not at JSON."""
LONGEST_PATH = 2_000


class Credentials(BaseModel):
    """What a person signs in with."""

    email: str = Field(max_length=LONGEST_EMAIL)
    password: str = Field(max_length=LONGEST_PASSWORD)


class SignedIn(BaseModel):
    """Who the session belongs to."""

    name: str
    email: str
    is_administrator: bool


def local_path(target: str) -> str:
    """`target` if it is a page of ours, else the home page: sign-in must not send people to other sites."""
    ours = target.startswith("/") and not target.startswith("//") and len(target) <= LONGEST_PATH
    return target if ours and "\\" not in target and target.isprintable() else HOME


@router.post("/sign-in", include_in_schema=False)
async def sign_in_form(
    request: Request,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = HOME,
) -> Response:
    """The sign-in page's form: sets the cookie and redirects, back to the page with the reason when it failed."""
    target = local_path(next)
    try:
        token = await _sign_in(request, email[:LONGEST_EMAIL], password[:LONGEST_PASSWORD])
    except StoaError as error:
        response = RedirectResponse(f"/login?problem={error.code}&next={quote(target)}", status_code=303)
        response.set_cookie(
            TYPED_EMAIL_COOKIE,
            quote(email[:LONGEST_EMAIL]),
            max_age=60,
            httponly=True,
            samesite="lax",
            secure=get_settings().secure_cookies,
        )
        return response
    response = RedirectResponse(target, status_code=303)
    response.delete_cookie(TYPED_EMAIL_COOKIE)
    set_session(response, token)
    return response


@router.post("/sign-out", include_in_schema=False)
async def sign_out_form(request: Request, everywhere: Annotated[bool, Form()] = False) -> Response:
    """The account page's and menu's forms: end this session, or all of the person's."""
    response = RedirectResponse("/login", status_code=303)
    clear_session(response)
    try:
        await _sign_out(request, everywhere=everywhere)
    except StoaError as error:
        return RedirectResponse(f"/login?problem={error.code}", status_code=303)
    return response


@router.post("/v1/session", status_code=201)
async def create_session(request: Request, response: Response, credentials: Credentials) -> SignedIn:
    """Sign in: sets the session cookie."""
    token = await _sign_in(request, credentials.email, credentials.password)
    set_session(response, token)
    actor = await actor_for(token)
    return SignedIn(name=actor.name, email=actor.email, is_administrator=actor.is_administrator)


@router.get("/v1/session")
async def read_session(actor: CurrentActor) -> SignedIn:
    """Who is signed in."""
    require(actor, Action.SECTION_LIST)
    return SignedIn(name=actor.name, email=actor.email, is_administrator=actor.is_administrator)


@router.delete("/v1/session", status_code=204)
async def delete_session(request: Request, everywhere: bool = False) -> Response:
    """Sign out; with `everywhere`, of every browser."""
    await _sign_out(request, everywhere=everywhere)
    response = Response(status_code=204)
    clear_session(response)
    return response


async def _sign_in(request: Request, email: str, password: str) -> str:
    try:
        token = await sign_in(email, password, visitor_of(request), replacing=request.cookies.get(session_cookie()))
    except StoaError as error:
        SIGN_INS.labels(error.code).inc()
        raise
    SIGN_INS.labels("succeeded").inc()
    return token


async def _sign_out(request: Request, *, everywhere: bool) -> None:
    token = request.cookies.get(session_cookie())
    actor = await current_actor(request)
    if everywhere and actor.signed_in:
        await sign_out_everywhere(actor)
    await sign_out(token)
