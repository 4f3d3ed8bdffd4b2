"""Signing in, being recognised, signing out: with real hashes, real rows, and limits that hold without Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select

from backend.access import (
    PersonDisabled,
    Role,
    Theme,
    Visitor,
    WrongPassword,
    actor_for,
    choose_theme,
    end_session,
    enrol,
    ensure_person,
    list_sessions,
    passwords,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from backend.access.models import Person, Session
from backend.access.sessions import TOUCH_AFTER
from backend.core import windows
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.embedded.valkey import start_valkey
from backend.core.errors import Invalid, NotFound, NotSignedIn, TooMany
from backend.core.ids import new_id
from backend.core.redis import close_redis
from tests.support import school as school_of_the_test
from tests.support.school import PASSWORD, Member, School, change, found_school, make_member, open_session
from tests.support.services import environment

CHEAP = Argon2Hasher(time_cost=1, memory_cost=1_024, parallelism=1)
HOME = Visitor(address="192.0.2.1", user_agent="Firefox")


@pytest.fixture(autouse=True)
def _attempts_forgotten() -> None:
    windows._in_memory.cache_clear()


@pytest.fixture
async def ada(services: None) -> Member:
    return await make_member("Ada Lovelace")


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


async def session_rows(person: Member) -> list[Session]:
    async with transaction() as session:
        return list((await session.exec(select(Session).where(Session.person_id == person.id))).all())


async def fail(email: str, visitor: Visitor = HOME) -> None:
    with pytest.raises(WrongPassword):
        await sign_in(email, "wrong", visitor)


async def test_a_password_is_kept_as_argon2id(services: None) -> None:
    async with transaction() as session:
        person, made = await ensure_person(session, "ada@example.org", "Ada", PASSWORD)
        again, made_again = await ensure_person(session, "ADA@example.org", "Another", "another password")
    assert person.password_hash.startswith("$argon2id$")
    assert (made, made_again) == (True, False)
    assert again.id == person.id
    assert again.name == "Ada"


async def test_a_password_too_short_or_too_long_makes_nobody(database: str) -> None:
    for password in ("short", "x" * 1_001):
        with pytest.raises(Invalid, match="10 to 1,000"):
            async with transaction() as session:
                await ensure_person(session, "ada@example.org", "Ada", password)


async def test_an_email_address_fits_in_any_case(ada: Member) -> None:
    for email in (ada.email, "ADA.Lovelace@EXAMPLE.org", f"  {ada.email} "):
        assert (await actor_for(await sign_in(email, PASSWORD, HOME))).person_id == ada.id


async def test_wrong_password_and_unknown_address_get_the_same_words(services: None, cheap_hashes: None) -> None:
    ada = await make_member("Ada Lovelace")
    for email, password in (
        (ada.email, "wrong"),
        (ada.email, ""),
        (ada.email, PASSWORD.upper()),
        ("nobody@example.org", PASSWORD),
        ("", ""),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("%", PASSWORD),
    ):
        with pytest.raises(WrongPassword, match="don't match"):
            await sign_in(email, password, HOME)
    assert len(await session_rows(ada)) == 1


async def test_an_address_that_postgres_cant_hold_is_refused_in_words(ada: Member) -> None:
    with pytest.raises(Invalid, match="stored as text"):
        await sign_in("a\0b@example.org", "x", HOME)


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(ada: Member) -> None:
    async def took(email: str) -> float:
        begun = time.perf_counter()
        await fail(email)
        return time.perf_counter() - begun

    await took("nobody@example.org")
    known = min([await took(ada.email) for _ in range(2)])
    unknown = min([await took("nobody@example.org") for _ in range(2)])
    assert 1 / 4 < unknown / known < 4


async def test_a_disabled_person_is_told_so_only_with_the_right_password(services: None) -> None:
    person = await make_member("Ada Lovelace", disabled=True)
    await fail(person.email)
    with pytest.raises(PersonDisabled, match="administrator"):
        await sign_in(person.email, PASSWORD, HOME)


async def test_disabling_a_person_ends_what_they_can_do_at_once(ada: Member) -> None:
    assert (await ada.actor()).signed_in
    await change(Person, ada.id, disabled_at=now())
    assert not (await ada.actor()).signed_in


async def test_an_older_hash_is_renewed_at_sign_in(ada: Member) -> None:
    await change(Person, ada.id, password_hash=CHEAP.hash(PASSWORD))
    await sign_in(ada.email, PASSWORD, HOME)
    async with transaction() as session:
        kept = (await session.exec(select(Person).where(Person.id == ada.id))).one()
    assert "m=65536" in kept.password_hash
    await sign_in(ada.email, PASSWORD, HOME)


async def test_signing_in_ends_the_session_the_browser_held(ada: Member) -> None:
    token = await sign_in(ada.email, PASSWORD, HOME, replacing=ada.token)
    assert token != ada.token
    assert not (await actor_for(ada.token)).signed_in
    assert (await actor_for(token)).person_id == ada.id


async def test_only_a_hash_of_the_token_is_kept(ada: Member) -> None:
    token = await sign_in(ada.email, PASSWORD, HOME)
    assert all(token.encode() not in row.token_hash for row in await session_rows(ada))
    assert {len(row.token_hash) for row in await session_rows(ada)} == {32}


async def test_a_session_remembers_where_it_was_opened(ada: Member) -> None:
    await sign_out(ada.token)
    await sign_in(ada.email, PASSWORD, Visitor("2001:db8::1" * 20, "Firefox " * 200))
    (row,) = await session_rows(ada)
    assert (len(row.address), len(row.user_agent)) == (64, 300)


async def test_a_token_nobody_was_given_is_nobodys(ada: Member) -> None:
    for token in (None, "", "unknown", "x" * 100_000, "\ud83d", "a\0b", "' OR 1=1 --", ada.token[:-1], ada.token + "="):
        assert not (await actor_for(token)).signed_in


async def test_an_expired_session_is_nobodys_and_goes_at_the_next_sign_in(ada: Member) -> None:
    expired = await open_session(ada.id, expires_in=timedelta(seconds=-1))
    assert not (await actor_for(expired)).signed_in
    assert len(await session_rows(ada)) == 2
    token = await sign_in(ada.email, PASSWORD, HOME)
    assert len(await session_rows(ada)) == 2
    assert len(await list_sessions(await actor_for(token))) == 2


async def test_a_visit_prolongs_a_session_but_isnt_written_each_time(ada: Member) -> None:
    (row,) = await session_rows(ada)
    long_ago = now() - TOUCH_AFTER - timedelta(seconds=1)
    await change(Session, row.id, seen_at=long_ago, expires_at=now() + timedelta(minutes=1))
    await ada.actor()
    (touched,) = await session_rows(ada)
    assert touched.expires_at > now() + timedelta(days=13)
    assert touched.seen_at > long_ago
    await ada.actor()
    assert (await session_rows(ada))[0].seen_at == touched.seen_at


async def test_signing_out_ends_this_session_alone(ada: Member) -> None:
    other = await open_session(ada.id)
    await sign_out(ada.token)
    await sign_out(ada.token)
    await sign_out(None)
    assert not (await ada.actor()).signed_in
    assert (await actor_for(other)).signed_in


async def test_signing_out_everywhere_ends_all_of_ones_own_sessions(school: School) -> None:
    student = school.members["student"]
    other = await open_session(student.id)
    assert await sign_out_everywhere(await student.actor()) == 2
    assert not (await actor_for(other)).signed_in
    assert not (await student.actor()).signed_in
    assert (await school.actor("instructor")).signed_in


async def test_one_of_ones_own_sessions_can_be_ended(ada: Member) -> None:
    other = await open_session(ada.id)
    actor = await ada.actor()
    listed = await list_sessions(actor)
    assert [each.current for each in listed].count(True) == 1
    await end_session(actor, next(each.id for each in listed if not each.current))
    assert not (await actor_for(other)).signed_in
    assert (await ada.actor()).signed_in


async def test_anothers_session_isnt_found(school: School) -> None:
    theirs = (await session_rows(school.members["student"]))[0].id
    for role in ("administrator", "instructor", "student_elsewhere"):
        with pytest.raises(NotFound):
            await end_session(await school.actor(role), theirs)
    assert (await school.actor("student")).signed_in


async def test_without_a_session_there_is_no_account(services: None) -> None:
    nobody = await actor_for(None)
    for refused in (
        list_sessions(nobody),
        end_session(nobody, new_id()),
        sign_out_everywhere(nobody),
        choose_theme(nobody, "dark"),
    ):
        with pytest.raises(NotSignedIn):
            await refused


async def test_a_theme_is_remembered_and_a_wrong_one_refused(ada: Member) -> None:
    await choose_theme(await ada.actor(), Theme.DARK)
    assert (await ada.actor()).theme == "dark"
    for wrong in ("", "DARK", "'; DROP TABLE people", ["dark"], None):
        with pytest.raises(Invalid):
            await choose_theme(await ada.actor(), wrong)


async def test_roles_are_read_anew_for_every_request(school: School) -> None:
    student = school.members["student"]
    assert (await student.actor()).roles == {school.here.id: Role.STUDENT}
    async with transaction() as session:
        person = (await session.exec(select(Person).where(Person.id == student.id))).one()
        await enrol(session, person, school.here.id, Role.ASSISTANT)
        await enrol(session, person, school.elsewhere.id, Role.STUDENT)
    assert (await student.actor()).roles == {school.here.id: Role.ASSISTANT, school.elsewhere.id: Role.STUDENT}


# Limits


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it isn't the hash that is looked at."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((CHEAP,)))
    monkeypatch.setattr(passwords, "_nobodys_hash", lambda: CHEAP.hash("nobody"))
    monkeypatch.setattr(school_of_the_test, "_password_hash", lambda: CHEAP.hash(PASSWORD))


@pytest.fixture
async def strict(services: None, cheap_hashes: None) -> AsyncIterator[None]:
    with environment(STOA_SIGN_IN_ATTEMPTS="2", STOA_SIGN_IN_ATTEMPTS_PER_ADDRESS="4"):
        yield


async def test_too_many_tries_at_one_address_from_one_place_are_refused(strict: None, ada: Member) -> None:
    await fail(ada.email)
    await fail(ada.email.upper())
    with pytest.raises(TooMany, match="5 minutes"):
        await sign_in(ada.email, PASSWORD, HOME)
    assert await sign_in(ada.email, PASSWORD, Visitor("198.51.100.7"))  # its owner, elsewhere


async def test_a_right_password_starts_anew(strict: None, ada: Member) -> None:
    for _ in range(3):
        await fail(ada.email)
        await sign_in(ada.email, PASSWORD, HOME)


async def test_too_many_wrong_passwords_from_one_place_are_refused(strict: None, ada: Member) -> None:
    for number in range(4):
        await fail(f"guess{number}@example.org")
    with pytest.raises(TooMany):
        await sign_in(ada.email, PASSWORD, HOME)


async def test_right_passwords_from_one_place_are_not_counted(strict: None, ada: Member) -> None:
    for _ in range(6):  # a class behind one router
        await sign_in(ada.email, PASSWORD, HOME)


async def test_too_many_tries_at_one_address_from_everywhere_are_refused(strict: None, ada: Member) -> None:
    for number in range(20):
        await fail(ada.email, Visitor(f"198.51.100.{number}"))
    with pytest.raises(TooMany):
        await sign_in(ada.email, PASSWORD, HOME)


async def test_a_crowd_at_once_gets_no_more_tries_than_one_by_one(strict: None, ada: Member) -> None:
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(asyncio.wait_for(_outcome(ada.email), 30)) for _ in range(8)]
    outcomes = [each.result() for each in tries]
    assert outcomes.count(WrongPassword) == 2
    assert outcomes.count(TooMany) == 6


async def _outcome(email: str) -> type[BaseException] | None:
    try:
        await sign_in(email, "wrong", HOME)
    except (WrongPassword, TooMany) as error:
        return type(error)
    return None


async def test_limits_hold_in_memory_while_redis_is_away(database: str, tmp_path: Path, cheap_hashes: None) -> None:
    ada = await make_member("Ada Lovelace")
    server = start_valkey(tmp_path)
    try:
        with environment(REDIS_URL=server.url, STOA_SIGN_IN_ATTEMPTS="2"):
            await fail(ada.email)
            server.stop()
            await fail(ada.email)
            await fail(ada.email)
            with pytest.raises(TooMany):
                await sign_in(ada.email, PASSWORD, HOME)
            assert await sign_in(ada.email, PASSWORD, Visitor("198.51.100.7"))
            server.restart()
            assert await sign_in(ada.email, PASSWORD, HOME)
    finally:
        await close_redis()
        server.stop()


async def test_limits_hold_without_any_redis(database: str, cheap_hashes: None) -> None:
    ada = await make_member("Ada Lovelace")
    with environment(STOA_SIGN_IN_ATTEMPTS="1"):
        await fail(ada.email)
        with pytest.raises(TooMany):
            await sign_in(ada.email, PASSWORD, HOME)
