"""What stands before every handler: cookies, origins, sizes, paths, and where a request says it comes from."""

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from backend.api import cookie_in, local_path, token_in
from backend.api.identity import session_cookie, visitor_of
from backend.api.security import content_policy, refuse, script_hashes
from backend.core.events import Frame
from tests.support.services import environment

OURS = "http://localhost:3000"
THEIRS = "https://evil.example"


@pytest.mark.parametrize("path", ["/", "/account", "/s/a/l/b", "/s/a?x=1&y=2#z", "/s/ä", "/a//b", "/.well-known"])
def test_a_page_of_ours_is_a_place_to_go_on(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "target",
    [
        "", "login", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "/\r\nSet-Cookie: a=b", "/\0", "https://evil.example", "https:evil.example", "//[",
        "http://[", "javascript:alert(1)", "data:text/html,x", " //evil.example", "/\x7f", "/\u2028", "/a\\b",
        "/" + "x" * 2_000, "\ufeff//evil.example", "evil.example", "?next=//evil", "#//evil", "/\u200b/evil.example",
    ],
)  # fmt: skip
def test_everything_else_leads_home(target: str) -> None:
    assert local_path(target) == "/"


@given(st.text())
def test_where_to_go_on_never_leaves_this_site(target: str) -> None:
    path = local_path(target)
    assert path.startswith("/")
    assert path[1:2] not in {"/", "\\"}
    assert path.isprintable()


TOKEN = "stoa_session=tok-en_1"


@pytest.mark.parametrize(
    "header",
    [
        TOKEN, f"a=b; {TOKEN}", f"{TOKEN}; a=b", f'settings={{"theme": "dark", "x": [1]}}; {TOKEN}', f"bad; {TOKEN}",
        f"é=ü; {TOKEN}", f"=; ;; {TOKEN};", f"a[0]=1; {TOKEN}", f"{TOKEN}; expires=x; $Version=1", f'q="a;b"; {TOKEN}',
    ],
)  # fmt: skip
def test_the_session_is_found_among_whatever_other_programs_set(header: str) -> None:
    assert token_in(header) == "tok-en_1"


@pytest.mark.parametrize(
    "header", ["", ";", "=", "stoa_session", "xstoa_session=1", "stoa_session2=1", "\0", "a" * 99_999]
)
def test_garbage_holds_no_session(header: str) -> None:
    assert not token_in(header)


@given(st.text(st.characters(max_codepoint=255)))
def test_reading_a_cookie_header_never_fails(header: str) -> None:
    cookie_in(header, "stoa_session")


def test_over_https_the_cookie_is_bound_to_this_host() -> None:
    with environment(STOA_COOKIE_SECURE="true"):
        assert session_cookie() == "__Host-stoa_session"
        assert token_in(TOKEN) is None
        assert token_in("__Host-stoa_session=x") == "x"


def scope(method: str = "POST", **headers: str) -> dict[str, Any]:
    listed = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": "/api/v1/turns", "headers": listed}


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"origin": OURS}, True),
        ({"origin": "http://127.0.0.1:3000"}, True),
        ({"origin": OURS, "sec_fetch_site": "cross-site"}, True),  # the origin is the better witness
        ({"origin": THEIRS}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://localhost:3001"}, False),
        ({"origin": "https://localhost:3000"}, False),
        ({"origin": f"{OURS}.evil.example"}, False),
        ({"origin": THEIRS, "referer": f"{OURS}/login"}, False),
        ({"referer": f"{OURS}/login?a=b"}, True),
        ({"referer": f"{THEIRS}/?{OURS}"}, False),
        ({"referer": "http://localhost:3000@evil.example/"}, False),
        ({"referer": "http://["}, False),
        ({"referer": ""}, False),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "anything"}, False),
        ({}, True),  # no browser: no cookie rides on it unasked
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_a_changing_request_passes_only_from_our_own_pages(headers: dict[str, str], passes: bool, method: str) -> None:
    assert (refuse(scope(method, **headers)) is None) is passes


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_reading_request_passes_from_anywhere(method: str) -> None:
    assert refuse(scope(method, origin=THEIRS)) is None


def test_further_origins_come_from_the_settings() -> None:
    with environment(STOA_ALLOWED_ORIGINS=f"{THEIRS}/, http://other:1"):
        assert refuse(scope(origin=THEIRS)) is None
        assert refuse(scope(origin="http://other:1")) is None
        assert refuse(scope(origin="http://other:2")) is not None


@pytest.mark.parametrize("length", ["1000001", "9" * 5_000, "-1", "1e3", " ", "²", "٣", "0x10", "1,000"])
def test_a_body_that_is_too_large_or_has_no_honest_length_is_refused(length: str) -> None:
    headers = [(b"content-length", length.encode("latin-1", "replace"))]
    assert refuse({**scope(origin=OURS), "headers": [(b"origin", OURS.encode()), *headers]}) is not None


@pytest.mark.parametrize("length", ["0", "1000000"])
def test_a_body_within_the_limit_passes(length: str) -> None:
    assert refuse(scope(origin=OURS, content_length=length)) is None


def visitor(client: str, hops: int, *forwarded: str) -> str:
    with environment(STOA_TRUSTED_PROXY_HOPS=str(hops)):
        headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
        return visitor_of(Request({"type": "http", "client": (client, 1), "headers": headers})).address


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, (), "10.0.0.1"),
        (0, ("1.1.1.1",), "10.0.0.1"),  # nobody's word counts
        (1, (), "10.0.0.1"),
        (1, ("1.1.1.1",), "1.1.1.1"),
        (1, ("6.6.6.6, 1.1.1.1",), "1.1.1.1"),  # what the client claimed stands to the left
        (1, ("6.6.6.6", "1.1.1.1"), "1.1.1.1"),  # in a line of its own, too
        (2, ("6.6.6.6, 1.1.1.1, 10.0.0.2",), "1.1.1.1"),
        (2, ("1.1.1.1",), "1.1.1.1"),
        (1, (" , ",), "10.0.0.1"),
    ],
)
def test_an_address_behind_proxies_is_what_the_trusted_ones_say(
    hops: int, forwarded: tuple[str, ...], address: str
) -> None:
    assert visitor("10.0.0.1", hops, *forwarded) == address


def test_a_claimed_address_and_user_agent_are_kept_short() -> None:
    headers = [(b"user-agent", b"x" * 5_000), (b"x-forwarded-for", b"y" * 5_000)]
    with environment(STOA_TRUSTED_PROXY_HOPS="1"):
        seen = visitor_of(Request({"type": "http", "client": None, "headers": headers}))
    assert (len(seen.address), len(seen.user_agent)) == (64, 300)


def source(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def test_the_hashes_are_those_of_inline_scripts_alone() -> None:
    page = (
        b'<script>one()</script><SCRIPT type="module" async>\ntwo()\n</SCRIPT><script src="/x.js"></script>'
        b'<script type="importmap">{}</script><!-- <script>three()</script> -->'
    )
    assert script_hashes(page) == {source(each) for each in ("one()", "\ntwo()\n", "{}", "three()")}
    assert script_hashes(b"<p>none</p>") == set()


def test_the_content_policy_runs_no_script_but_ours() -> None:
    directives = dict(part.split(" ", 1) for part in content_policy({source("one()")}).split("; "))
    assert directives["script-src"] == f"'self' '{source('one()')}'"
    assert directives["default-src"] == "'self'"
    assert directives["object-src"] == directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in "".join(value for name, value in directives.items() if name != "style-src")
    assert directives["connect-src"] == "'self' ws://localhost:3000 ws://127.0.0.1:3000"


def test_a_frame_is_encoded_as_the_standard_says() -> None:
    assert Frame("text", '{"text": "a"}', "1-0").encode() == 'id: 1-0\nevent: text\ndata: {"text": "a"}\n\n'
    assert Frame("end", "{}").encode() == "event: end\ndata: {}\n\n"
    assert Frame().encode() == ": alive\n\n"
