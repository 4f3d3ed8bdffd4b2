"""The HTTP API behind its guard: status codes, the shape of errors, headers, cookies, and streams over real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from backend.api import sessions
from backend.api.security import MAX_BODY, script_hashes
from backend.core import windows
from backend.core.embedded.valkey import start_valkey
from backend.core.redis import close_redis
from backend.courses.models import Section
from backend.dialogue.turns import TurnRunner
from tests.support.replay import Replay
from tests.support.replay_answers import openai_answer
from tests.support.school import PASSWORD, School, begin_turn, change, converse, found_school, make_member
from tests.support.services import environment
from tests.support.tutoring import ended, fold, register, tutoring, until
from tests.support.web import ORIGIN, EventSource, browser, closed, served

WORDS = [f"word{number} " for number in range(60)]
TEXT = "".join(WORDS)


@pytest.fixture
async def school(services: None) -> School:
    windows._in_memory.cache_clear()
    return await found_school()


@pytest.fixture
async def replay() -> AsyncIterator[Replay]:
    async with Replay.openai("Flour and water.") as server:
        yield server


@pytest.fixture
async def runner(school: School, replay: Replay) -> AsyncIterator[TurnRunner]:
    async with tutoring(replay) as running:
        yield running


def problem(response: httpx2.Response) -> tuple[int, str]:
    """Status and code of an error, whose shape is always the same."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return response.status_code, body["error"]["code"]


def cookie_of(response: httpx2.Response) -> dict[str, str]:
    """The session cookie that a response sets: its value and attributes."""
    (line,) = [each for each in response.headers.get_list("set-cookie") if "stoa_session" in each]
    name, *attributes = line.split("; ")
    return {"": name, **{part.partition("=")[0].lower(): part.partition("=")[2] for part in attributes}}


# Sign-in


async def test_the_form_signs_in_and_goes_on(school: School) -> None:
    email = school.members["student"].email
    async with browser() as page:
        response = await page.post("/api/sign-in", data={"email": email, "password": PASSWORD, "next": "/s/a?b=c&d=e"})
        assert (response.status_code, response.headers["location"]) == (303, "/s/a?b=c&d=e")
        cookie = cookie_of(response)
        assert {"httponly", "samesite", "path", "max-age"} <= set(cookie)
        assert (cookie["samesite"], cookie["path"], "secure" in cookie) == ("lax", "/", False)
    async with browser(cookie[""]) as page:
        assert (await page.get("/api/v1/session")).json() == {
            "name": "Student",
            "email": email,
            "is_administrator": False,
        }
        response = await page.post("/api/sign-out")
        assert (response.status_code, response.headers["location"]) == (303, "/login")
        assert cookie_of(response)["max-age"] == "0"
        assert problem(await page.get("/api/v1/session")) == (401, "not_signed_in")


async def test_a_failed_form_comes_back_with_the_reason_and_what_was_typed(school: School) -> None:
    async with browser() as page:
        response = await page.post(
            "/api/sign-in", data={"email": "É <b>@x;y", "password": "wrong", "next": "/s/a?b=c&d=e"}
        )
        assert response.headers["location"] == "/login?problem=wrong_password&next=/s/a%3Fb%3Dc%26d%3De"
        (typed,) = response.headers.get_list("set-cookie")
        assert typed.startswith("stoa_typed_email=%C3%89%20%3Cb%3E%40x%3By;")
        assert "Max-Age=60" in typed
        assert "HttpOnly" in typed


@pytest.mark.parametrize(
    "form",
    [
        {"email": "x" * 100_000, "password": "y" * 100_000, "next": "z" * 100_000},
        {"email": "a\0b", "password": "x"},
        {"email": "a\r\nSet-Cookie: stoa_session=planted", "password": "\r\n", "next": "/\r\nSet-Cookie: a=b"},
        {"next": "//evil.example"},
        {"next": "http://["},
        {},
    ],
    ids=["huge", "nul", "header injection", "another site", "no address", "empty"],
)
async def test_a_form_full_of_nonsense_comes_back_as_a_page(services: None, form: dict[str, str]) -> None:
    async with browser() as page:
        response = await page.post("/api/sign-in", data=form)
    assert response.status_code == 303
    assert re.fullmatch(r"/login\?problem=(wrong_password|invalid)&next=/", response.headers["location"])
    assert len(response.headers.get_list("set-cookie")) == 1
    assert all("planted" not in value.partition("=")[0] for _, value in response.headers.items())
    assert sum(len(value) for value in response.headers.values()) < 3_000


async def test_programs_sign_in_with_json(school: School) -> None:
    email = school.members["student"].email
    async with browser() as page:
        response = await page.post("/api/v1/session", json={"email": email, "password": PASSWORD})
        assert (response.status_code, response.json()["email"]) == (201, email)
        assert cookie_of(response)[""].startswith("stoa_session=")
        wrong = await page.post("/api/v1/session", json={"email": email, "password": "wrong"})
        assert problem(wrong) == (401, "wrong_password")
        unknown = await page.post("/api/v1/session", json={"email": "nobody@example.org", "password": "wrong"})
        assert unknown.json() == wrong.json()
        disabled = await make_member("Gone", disabled=True)
        gone = await page.post("/api/v1/session", json={"email": disabled.email, "password": PASSWORD})
        assert problem(gone) == (403, "person_disabled")


async def test_too_many_tries_are_refused_with_the_time_to_wait(school: School) -> None:
    with environment(STOA_SIGN_IN_ATTEMPTS="1"):
        async with browser() as page:
            tries = {"email": "x@example.org", "password": "wrong"}
            assert problem(await page.post("/api/v1/session", json=tries)) == (401, "wrong_password")
            refused = await page.post("/api/v1/session", json=tries)
            assert problem(refused) == (429, "too_many")
            assert "5 minutes" in refused.json()["error"]["message"]
            form = await page.post("/api/sign-in", data=tries)
            assert form.headers["location"].startswith("/login?problem=too_many")


async def test_a_session_planted_before_sign_in_is_worth_nothing_after_it(school: School) -> None:
    student = school.members["student"]
    async with browser(student.cookie) as page:
        response = await page.post("/api/sign-in", data={"email": student.email, "password": PASSWORD})
    assert cookie_of(response)[""] != student.cookie
    assert not (await student.actor()).signed_in


async def test_signing_out_everywhere_ends_other_browsers_too(school: School) -> None:
    student = school.members["student"]
    for sign_out in ("delete", "form"):
        async with browser() as page:
            response = await page.post("/api/v1/session", json={"email": student.email, "password": PASSWORD})
        here = cookie_of(response)[""]
        other = await school.actor() if sign_out == "delete" else None
        async with browser(here) as page:
            if sign_out == "delete":
                response = await page.delete("/api/v1/session", params={"everywhere": "true"})
                assert (response.status_code, cookie_of(response)["max-age"]) == (204, "0")
            else:
                await page.post("/api/sign-out", data={"everywhere": "true"})
            assert problem(await page.get("/api/v1/session"))[0] == 401
        assert other is None or not (await school.actor()).signed_in


async def test_signing_out_without_a_session_is_fine(services: None) -> None:
    async with browser("stoa_session=unknown") as page:
        assert (await page.delete("/api/v1/session")).status_code == 204
        assert (await page.post("/api/sign-out", data={"everywhere": "true"})).status_code == 303


async def test_over_https_cookies_are_secure_and_browsers_are_told_to_stay_there(school: School) -> None:
    with environment(STOA_COOKIE_SECURE="true", STOA_PUBLIC_URL="https://stoa.example.org"):
        async with browser() as page:
            page.headers["origin"] = "https://stoa.example.org"
            email = school.members["student"].email
            response = await page.post("/api/sign-in", data={"email": email, "password": PASSWORD})
            cookie = cookie_of(response)
            assert cookie[""].startswith("__Host-stoa_session=")
            assert "secure" in cookie
            assert "domain" not in cookie
            assert response.headers["strict-transport-security"] == "max-age=31536000"
            page.headers["cookie"] = cookie[""].removeprefix("__Host-")
            assert problem(await page.get("/api/v1/session"))[0] == 401


# Turns


async def test_a_question_is_taken_and_its_answer_told_over_events(school: School, runner: TurnRunner) -> None:
    async with browser(school.cookie("student")) as page:
        response = await page.post(
            "/api/v1/turns", json={"section": "baking-autumn", "text": "Why?", "lesson": "flour"}
        )
        assert response.status_code == 202
        turn = response.json()
        assert turn["events"] == f"/api/v1/turns/{turn['id']}/events"
        events = await page.get(turn["events"])
        assert (events.status_code, events.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (events.headers["cache-control"], events.headers["x-accel-buffering"]) == ("no-store", "no")
        assert events.text.startswith("retry: 1000\n\n")
        assert events.text.rstrip().endswith('data: {"status": "finished"}')
        (last_id,) = re.findall(r"^id: (\S+)\nevent: end", events.text, re.MULTILINE)
        again = await page.get(turn["events"], headers={"last-event-id": last_id})
        assert (again.status_code, again.content) == (204, b"")
        talk = (await page.get(f"/api/v1/conversations/{turn['conversation']}")).json()
        assert [(message["role"], message["content"]) for message in talk["messages"]] == [
            ("user", "Why?"),
            ("assistant", "Flour and water."),
        ]
        assert (talk["title"], talk["has_earlier"], talk["messages"][1]["model"]) == ("Why?", False, "replay")
        stop = await page.post(f"/api/v1/turns/{turn['id']}/stop")
        assert (stop.status_code, stop.json()) == (202, {"status": "stopping"})


async def test_what_isnt_a_question_is_refused_in_the_same_shape(school: School, runner: TurnRunner) -> None:
    talk = await converse(school.members["student"], school.here, "?")
    await begin_turn(talk)
    here: dict[str, Any] = {"section": "baking-autumn", "text": "Why?"}
    refusals: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({**here, "text": ""}, (422, "invalid")),
        ({**here, "text": "x" * 100_000}, (422, "invalid")),
        ({**here, "text": "x" * 300_000}, (422, "invalid")),
        ({**here, "text": "a\0b"}, (422, "invalid")),
        ({**here, "text": 7}, (422, "invalid")),
        ({"text": "Why?"}, (422, "invalid")),
        ({**here, "section": "nowhere"}, (404, "not_found")),
        ({**here, "section": "a\0b"}, (404, "not_found")),
        ({**here, "section": "baking-spring"}, (404, "not_found")),
        ({**here, "lesson": "nothing"}, (404, "not_found")),
        ({**here, "lesson": "exam"}, (403, "forbidden")),
        ({**here, "conversation": str(uuid4())}, (404, "not_found")),
        ({**here, "conversation": "x"}, (422, "invalid")),
        ({**here, "conversation": str(talk)}, (409, "conflict")),
    ]
    async with browser(school.cookie("student")) as page:
        for body, expected in refusals:
            assert problem(await page.post("/api/v1/turns", json=body)) == expected, str(body)[:80]
        await change(Section, school.here.id, assistant_enabled=False)
        off = await page.post("/api/v1/turns", json=here)
        assert problem(off) == (403, "forbidden")
        assert "switched off" in off.json()["error"]["message"]


async def test_ids_that_are_none_or_anothers_are_refused(school: School, runner: TurnRunner) -> None:
    talk = await converse(school.members["student"], school.here, "?")
    turn = (await begin_turn(talk)).id
    async with browser(school.cookie("instructor")) as page:
        for method, path in (
            ("GET", f"/api/v1/turns/{turn}/events"),
            ("POST", f"/api/v1/turns/{turn}/stop"),
            ("GET", f"/api/v1/conversations/{talk}"),
            ("GET", f"/api/v1/conversations/{uuid4()}"),
        ):
            assert problem(await page.request(method, path)) == (404, "not_found")
        for method, path in (
            ("GET", "/api/v1/turns/x/events"),
            ("POST", "/api/v1/turns/%00/stop"),
            ("GET", "/api/v1/conversations/' OR 1=1"),
        ):
            assert problem(await page.request(method, path)) == (422, "invalid")
    async with browser(school.cookie("student")) as page:
        path = f"/api/v1/turns/{turn}/events"
        for last_id in ("x", "0" * 30, "-1"):
            assert problem(await page.get(path, headers={"last-event-id": last_id})) == (422, "invalid")
        too_long = await page.get(path, headers={"last-event-id": "1" * 41})
        assert "x-forwarded" not in too_long.text
        assert problem(too_long) == (422, "invalid")


async def test_a_body_that_is_no_json_is_refused_without_quoting_it(school: School) -> None:
    async with browser(school.cookie("student")) as page:
        for body in (b"{", b"\xff\xfe", b"[]", b"null", b'{"section": "secret-typed"', b"{" * 50_000):
            response = await page.post("/api/v1/turns", content=body, headers={"content-type": "application/json"})
            assert problem(response)[0] in {400, 422}
            assert "secret-typed" not in response.text


# What every answer carries


async def test_every_answer_carries_the_security_headers(school: School) -> None:
    async with browser(school.cookie("student")) as page:
        answers = [
            await page.get("/api/v1/session"),
            await page.get("/api/nothing"),
            await page.get("/api/docs"),
            await page.get("/api/docs-assets/swagger-ui.css"),
            await page.post("/api/v1/turns", json={}),
            await page.post("/api/sign-out", headers={"origin": "https://evil.example"}),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert not re.search(r"unsafe|\*|https?:|data:|blob:", policy["script-src"])
        assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
    assert answers[0].headers["cache-control"] == "no-store"


async def test_unknown_paths_and_methods_answer_in_the_same_shape(services: None) -> None:
    async with browser() as page:
        assert problem(await page.get("/api/v1/nothing"))[0] == 404
        assert problem(await page.put("/api/v1/session"))[0] == 405
        assert problem(await page.get("/api/sign-in"))[0] == 405
        assert problem(await page.get("/api/docs-assets/../../../pyproject.toml"))[0] == 404
        assert problem(await page.get("/api/docs-assets/%2e%2e/%2e%2e/__init__.py"))[0] == 404


async def test_a_crash_answers_with_a_sentence_and_no_detail(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError("postgres://stoa:hunter2@db/stoa")

    monkeypatch.setattr(sessions, "sign_in", crash)
    async with browser() as page:
        response = await page.post("/api/v1/session", json={"email": "a", "password": "b"})
        assert problem(response) == (500, "error")
        assert "hunter2" not in response.text
        assert "RuntimeError" not in response.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/sign-in"),
        ("POST", "/api/sign-out"),
        ("POST", "/api/v1/session"),
        ("DELETE", "/api/v1/session"),
        ("POST", "/api/v1/turns"),
        ("POST", f"/api/v1/turns/{UUID(int=7)}/stop"),
    ],
)
async def test_a_request_from_another_site_is_refused_before_anything_happens(
    school: School, method: str, path: str
) -> None:
    async with browser(school.cookie("student")) as page:
        for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
            response = await page.request(method, path, headers={"origin": origin})
            assert problem(response) == (403, "wrong_origin")
            assert "set-cookie" not in response.headers
    assert (await school.actor()).signed_in


async def test_a_body_too_large_is_refused_declared_or_not(school: School) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 50_000 + 2):
            yield b"x" * 50_000

    async with browser(school.cookie("student")) as page:
        assert problem(await page.post("/api/v1/turns", content=b"x" * (MAX_BODY + 1))) == (413, "too_large")
        for path in ("/api/v1/turns", "/api/sign-in"):
            kind = "application/json" if path.endswith("turns") else "application/x-www-form-urlencoded"
            response = await page.post(path, content=endless(), headers={"content-type": kind})
            assert problem(response)[0] in {400, 413}


async def test_the_documentation_works_without_the_internet(services: None) -> None:
    async with browser() as page:
        docs = await page.get("/api/docs")
        assert docs.status_code == 200
        addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", docs.text)
        assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
        for address in addresses:
            if address.startswith("/api/"):
                assert (await page.get(address)).status_code == 200
        hashes = script_hashes(docs.content)
        assert hashes
        assert all(f"'{each}'" in docs.headers["content-security-policy"] for each in hashes)
        described = (await page.get("/api/openapi.json")).json()
        assert described["info"]["title"] == "Stoa"
        assert "/api/v1/turns/{turn_id}/events" in described["paths"]
        assert "http" not in "".join(addresses)


# Health and metrics


async def test_health_says_how_each_dependency_is(
    database: str, object_storage: str, tmp_path: Path, replay: Replay
) -> None:
    server = start_valkey(tmp_path)
    try:
        with environment(REDIS_URL=server.url):
            async with browser() as page:
                await register(replay)
                healthy = await page.get("/api/health")
                assert (healthy.status_code, healthy.json()["status"]) == (200, "ok")
                assert healthy.json()["dependencies"]["language_model"]["detail"] == "replay"
                server.stop()
                degraded = await page.get("/api/health")
                assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
                dependencies = degraded.json()["dependencies"]
                assert {name for name, found in dependencies.items() if not found["ok"]} == {"redis"}
                assert server.password not in degraded.text
                with closed(database):
                    down = await page.get("/api/health")
                    assert (down.status_code, down.json()["status"]) == (503, "down")
                    assert not down.json()["dependencies"]["postgres"]["ok"]
                    assert "@" not in down.text
                    asked = await page.get("/api/v1/session", headers={"cookie": "stoa_session=x"})
                    assert problem(asked) == (503, "unavailable")
                    form = await page.post("/api/sign-in", data={"email": "x", "password": "y"})
                    assert form.headers["location"] == "/login?problem=unavailable&next=/"
                assert (await page.get("/api/health")).json()["status"] == "degraded"
            await close_redis()
    finally:
        server.stop()


async def test_without_a_model_health_is_degraded(services: None) -> None:
    async with browser() as page:
        health = (await page.get("/api/health")).json()
    assert (health["status"], health["dependencies"]["language_model"]["ok"]) == ("degraded", False)


async def test_metrics_are_for_administrators_and_the_token(school: School) -> None:
    async with browser(school.cookie("administrator")) as page:
        metrics = await page.get("/api/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "stoa_turns_active" in metrics.text
    async with browser(school.cookie("instructor")) as page:
        assert problem(await page.get("/api/metrics")) == (403, "forbidden")
    token = "metrics-token-of-this-test"
    async with browser() as page:
        bearer = {"authorization": f"Bearer {token}"}
        assert problem(await page.get("/api/metrics", headers=bearer)) == (401, "not_signed_in")
        with environment(STOA_METRICS_TOKEN=token):
            assert (await page.get("/api/metrics", headers=bearer)).status_code == 200
            for wrong in (f"Bearer {token}x", token, f"bearer {token}", "Bearer ", "Bearer é", ""):
                answer = await page.get("/api/metrics", headers={"authorization": wrong.encode("latin-1")})
                assert problem(answer)[0] == 401


# Streams over real sockets


async def test_an_answer_arrives_while_it_is_written_and_survives_lost_connections(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(WORDS).pace(60))
    async with served() as port:
        turn = await begin(school, port)
        source = EventSource(port, turn["events"], school.cookie("student"))
        text, connections, name = "", 0, ""
        while name != "end":
            connections += 1
            heard = 0
            async for frame in (stream := source.frames()):
                text, name, heard = fold([frame], text), frame.name, heard + 1
                if heard == 5:
                    break
            await stream.aclose()
        assert text == TEXT
        assert connections > 3
        assert "content-type: text/event-stream" in source.head.lower()
        await until(lambda: not runner.hub._followers, 10)


async def test_a_reader_who_leaves_is_noticed_and_another_reads_on(
    school: School, runner: TurnRunner, replay: Replay
) -> None:
    replay.play(openai_answer(WORDS).hang(after=3))
    async with served() as port:
        turn = await begin(school, port)
        leaving = EventSource(port, turn["events"], school.cookie("student")).frames()
        await anext(leaving)
        await until(lambda: runner.hub._followers)
        await leaving.aclose()
        await until(lambda: not runner.hub._followers, 10)
        staying = EventSource(port, turn["events"], school.cookie("student"))
        reading = asyncio.create_task(_all(staying))
        await until(lambda: staying.comments > 0, 10)
        async with httpx2.AsyncClient(headers={"cookie": school.cookie("student")}) as client:
            stop = await client.post(f"http://localhost:{port}/api/v1/turns/{turn['id']}/stop")
            assert stop.status_code == 202
        assert fold(await asyncio.wait_for(reading, 10)) == "word0 word1 word2 "
        assert await ended(turn["id"]) == "stopped"


async def begin(school: School, port: int) -> dict[str, str]:
    async with httpx2.AsyncClient(headers={"cookie": school.cookie("student")}) as client:
        asked = await client.post(
            f"http://localhost:{port}/api/v1/turns", json={"section": "baking-autumn", "text": "Why?"}
        )
    assert asked.status_code == 202
    turn: dict[str, str] = asked.json()
    return turn


async def _all(source: EventSource) -> list[Any]:
    return [frame async for frame in source.frames()]
