"""Limits where they bite: before a message is stored, exactly, for everybody's processes, by the section's clock."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlmodel import update
from structlog.testing import capture_logs

from backend.access import SYSTEM, Actor, Role
from backend.core import windows
from backend.core.database import transaction
from backend.core.embedded.valkey import start_valkey
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from backend.core.redis import close_redis
from backend.courses.models import Section
from backend.dialogue import ask, edit, list_conversations, regenerate
from backend.genai import allowance, refuse_over_limits, save_limits
from backend.genai.limits import AllowanceSpent, MessagesTooFast, count_message, forget_limits, limits_in
from backend.genai.models import Outcome, UsageLimits
from backend.genai.standing import Standing
from tests.support.limits import limit, use_tokens
from tests.support.replay import Replay
from tests.support.school import School, change, converse, found_school, make_member, messages_of
from tests.support.services import environment
from tests.support.tutoring import ended, tutoring

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _windows_forgotten() -> None:
    windows._in_memory.cache_clear()


@pytest.fixture
async def school(services: None) -> AsyncIterator[School]:
    async with Replay.openai("Knead it.") as replay, tutoring(replay, STOA_GENAI_CONFIG_CACHE="0"):
        yield await found_school()


async def send(actor: Actor, section: Section, times: int = 1) -> list[str]:
    """Ask in new conversations, one after the other; what each was refused with, or nothing."""
    refusals = []
    for _ in range(times):
        try:
            turn = await ask(actor, section.id, "Why salt?")
        except TooMany as error:
            refusals.append(error.message)
        else:
            await ended(turn.id)
            refusals.append("")
    return refusals


# Messages a minute


async def test_without_limits_everything_goes(school: School) -> None:
    student = await school.actor()
    await use_tokens(school.here.id, student.person_id, 10**9)
    assert await send(student, school.here, 12) == [""] * 12
    assert (await allowance(student, school.here.id)).notice.standing is Standing.PLENTY


async def test_the_message_over_the_limit_is_refused_with_the_time_to_wait(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=2)
    assert await send(student, school.here, 2) == ["", ""]
    with pytest.raises(
        MessagesTooFast, match=r"^You can send 2 messages a minute here\. Try again in \d+ second"
    ) as no:
        await ask(student, school.here.id, "And sugar?")
    assert no.value.retry_after is not None
    assert 50 <= no.value.retry_after <= 60
    assert (no.value.status, f"in {no.value.retry_after} seconds" in no.value.message) == (429, True)
    assert len(await list_conversations(student, school.here.id)) == 2


async def test_after_as_long_as_told_a_message_goes_through(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=2)
    begun = datetime.now(UTC)
    assert await send(student, school.here, 3) != ["", "", ""]
    with pytest.raises(MessagesTooFast) as no:
        await refuse_over_limits(student, school.here.id)
    assert no.value.retry_after is not None
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=no.value.retry_after), tick=True):
        await count_message(student, await refuse_over_limits(student, school.here.id))
    assert datetime.now(UTC) - begun < timedelta(seconds=50)


async def test_of_twenty_at_once_exactly_ten_get_through(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=10)
    results = await asyncio.gather(*(send(student, school.here) for _ in range(20)))
    assert sum(result == [""] for result in results) == 10
    assert len(await list_conversations(student, school.here.id)) == 10


async def test_editing_and_regenerating_count(school: School) -> None:
    student = school.members["student"]
    await limit(school.here.id, messages_per_minute=2)
    talk = await converse(student, school.here, "Why flour?", "Gluten.")
    question, answer = await messages_of(talk)
    actor = await student.actor()
    turn = await regenerate(actor, answer.id)
    await ended(turn.id)
    turn = await edit(actor, question.id, "Why rye?")
    await ended(turn.id)
    before = [(each.content, each.replaced_by) for each in await messages_of(talk)]
    *_, question, answer = await messages_of(talk)
    with pytest.raises(MessagesTooFast):
        await edit(actor, question.id, "Why oats?")
    with pytest.raises(MessagesTooFast):
        await regenerate(actor, answer.id)
    with pytest.raises(MessagesTooFast):
        await ask(actor, school.here.id, "And salt?", conversation_id=talk)
    assert [(each.content, each.replaced_by) for each in await messages_of(talk)] == before


async def test_what_is_refused_for_another_reason_is_not_counted(school: School) -> None:
    student, member = await school.actor(), school.members["student"]
    await limit(school.here.id, messages_per_minute=1)
    talk = await converse(member, school.here, "Why flour?", "Gluten.")
    with pytest.raises(Invalid):
        await ask(student, school.here.id, "  ")
    with pytest.raises(NotFound):
        await ask(student, school.here.id, "Hello?", conversation_id=uuid4())
    with pytest.raises(Conflict):
        await edit(student, (await messages_of(talk))[1].id, "Not mine")
    with pytest.raises(Forbidden):
        await ask(student, school.here.id, "Hello?", lesson_key=school.lessons["exam"])
    assert (await allowance(student, school.here.id)).messages_left == 1
    assert [bool(refusal) for refusal in await send(student, school.here, 2)] == [False, True]


async def test_one_of_two_that_ask_at_once_in_one_conversation_is_not_counted(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=3)
    talk = await converse(school.members["student"], school.here, "Why flour?", "Gluten.")
    asked = [ask(student, school.here.id, "And salt?", conversation_id=talk) for _ in range(3)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 2
    assert (await allowance(student, school.here.id)).messages_left == 2
    await ended(next(result.id for result in results if not isinstance(result, BaseException)))


async def test_refused_messages_do_not_prolong_the_wait(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=1)
    assert (await send(student, school.here, 4))[0] == ""
    assert 58 <= (await allowance(student, school.here.id)).next_message_in <= 60


async def test_everybody_has_their_own_minute_in_each_section(school: School) -> None:
    fellow = await (await make_member("Robin Park", school.here, Role.STUDENT)).actor()
    await limit(None, messages_per_minute=1)
    for actor, section in (
        (await school.actor(), school.here),
        (fellow, school.here),
        (await school.actor("student_elsewhere"), school.elsewhere),
    ):
        assert [bool(refusal) for refusal in await send(actor, section, 2)] == [False, True]


async def test_without_redis_each_process_counts_by_itself(database: str, tmp_path: Path) -> None:
    school = await found_school()
    student = await school.actor()
    valkey = start_valkey(tmp_path)
    await limit(school.here.id, messages_per_minute=2)
    with environment(REDIS_URL=valkey.url):
        try:
            await count_message(student, await refuse_over_limits(student, school.here.id))
            valkey.stop()
            with capture_logs() as logs:
                for _ in range(2):
                    await count_message(student, await refuse_over_limits(student, school.here.id))
                with pytest.raises(MessagesTooFast):
                    await refuse_over_limits(student, school.here.id)
                with pytest.raises(MessagesTooFast):
                    await count_message(student, await limits_in(school.here.id))
        finally:
            await close_redis()
    assert {entry["event"] for entry in logs} == {"windows_without_redis"}


COUNT = """
import asyncio, sys
from uuid import UUID, uuid4
from backend.access import Actor, Role
from backend.core.database import dispose_engine
from backend.core.errors import TooMany
from backend.core.redis import close_redis
from backend.genai.limits import count_message, limits_in

async def main():
    person, section = map(UUID, sys.argv[1:])
    actor, passed = Actor(person_id=person, roles={section: Role.STUDENT}), 0
    limits = await limits_in(section)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(30):
        try:
            await count_message(actor, limits)
            passed += 1
        except TooMany:
            pass
    print(passed, flush=True)
    await close_redis()
    await dispose_engine()

asyncio.run(main())
"""


async def test_two_processes_share_one_minute(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, messages_per_minute=20)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", COUNT, str(student.person_id), str(school.here.id),
            cwd=PROJECT, env=dict(os.environ), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    passed = []
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write(b"go\n")
    for process in processes:
        output, _ = await process.communicate()
        passed.append(int(output))
    assert sum(passed) == 20
    with pytest.raises(MessagesTooFast):
        await refuse_over_limits(student, school.here.id)


# Tokens a day


async def spent(actor: Actor, section_id: UUID) -> str:
    try:
        await refuse_over_limits(actor, section_id)
    except AllowanceSpent as error:
        return error.message
    return ""


async def test_a_day_is_used_up_with_the_last_token(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, tokens_per_day_person=1000)
    await use_tokens(school.here.id, student.person_id, 999)
    assert await send(student, school.here) == [""]  # takes it over: what an answer costs is known afterwards
    said = "You have used today's 1,000 tokens. They are back at midnight (UTC)."
    assert await send(student, school.here) == [said]
    with pytest.raises(AllowanceSpent) as no:
        await ask(student, school.here.id, "Please?")
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert no.value.retry_after is not None
    assert abs((midnight - datetime.now(UTC)).total_seconds() - no.value.retry_after) < 2


async def test_failed_attempts_count_what_they_cost(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, tokens_per_day_person=100)
    await use_tokens(school.here.id, student.person_id, 60, outcome=Outcome.FAILED)
    await use_tokens(school.here.id, student.person_id, 0, outcome=Outcome.FAILED)
    assert await spent(student, school.here.id) == ""
    await use_tokens(school.here.id, student.person_id, 40, outcome=Outcome.CANCELLED)
    assert "used today's 100 tokens" in await spent(student, school.here.id)


async def test_one_persons_tokens_are_not_anothers_nor_of_another_section(school: School) -> None:
    student, staff = await school.actor(), await school.actor("instructor")
    await limit(None, tokens_per_day_person=100)
    await use_tokens(school.here.id, staff.person_id, 100)
    await use_tokens(school.elsewhere.id, student.person_id, 100)
    await use_tokens(None, student.person_id, 100)
    assert await spent(student, school.here.id) == ""
    assert "You have used" in await spent(staff, school.here.id)


async def test_a_section_is_used_up_by_all_of_its_people_together(school: School) -> None:
    student = await school.actor()
    await limit(school.here.id, tokens_per_day_section=100)
    await use_tokens(school.here.id, (await school.actor("instructor")).person_id, 60)
    await use_tokens(school.here.id, None, 30)
    await use_tokens(school.elsewhere.id, None, 1000)
    found = await allowance(student, school.here.id)
    assert (found.tokens_used, found.section_tokens_used) == (0, 90)
    assert found.notice.text.startswith("This section has used 90\u00a0%")
    await use_tokens(school.here.id, student.person_id, 10)
    assert await send(student, school.here) == [
        "This section has used today's tokens. They are back at midnight (UTC)."
    ]
    assert await spent(await school.actor("student_elsewhere"), school.elsewhere.id) == ""


@pytest.mark.parametrize(
    ("timezone", "moment", "midnight"),
    [
        ("UTC", "2026-05-31T12:00", "2026-05-31T00:00"),
        ("Europe/London", "2026-05-31T12:00", "2026-05-30T23:00"),
        ("Asia/Tokyo", "2026-05-31T12:00", "2026-05-30T15:00"),
        ("America/New_York", "2026-05-31T12:00", "2026-05-31T04:00"),
        ("Europe/London", "2026-03-29T12:00", "2026-03-29T00:00"),
        ("Europe/London", "2026-10-25T23:30", "2026-10-24T23:00"),
    ],
)
async def test_tokens_are_back_at_the_sections_midnight(
    school: School, timezone: str, moment: str, midnight: str
) -> None:
    student = await school.actor()
    await change(Section, school.here.id, timezone=timezone)
    await limit(school.here.id, tokens_per_day_person=100)
    begun = datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    with time_machine.travel(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False):
        await use_tokens(school.here.id, student.person_id, 100, at=begun - timedelta(seconds=1))
        assert await spent(student, school.here.id) == ""
        await use_tokens(school.here.id, student.person_id, 100, at=begun)
        assert await spent(student, school.here.id)
        ends = (await allowance(student, school.here.id)).day_ends_in
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=ends - 1), tick=False):
            assert await spent(student, school.here.id)
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=ends), tick=False):
            assert await spent(student, school.here.id) == ""


# Which limits hold


async def test_a_section_inherits_field_by_field(school: School) -> None:
    await limit(None, messages_per_minute=10, tokens_per_day_person=1000)
    await limit(school.here.id, messages_per_minute=3, tokens_per_day_section=5000)
    here, elsewhere = await limits_in(school.here.id), await limits_in(school.elsewhere.id)
    assert (here.messages_per_minute, here.tokens_per_day_person, here.tokens_per_day_section) == (3, 1000, 5000)
    assert (elsewhere.messages_per_minute, elsewhere.tokens_per_day_person) == (10, 1000)
    assert elsewhere.tokens_per_day_section is None


async def test_limits_are_remembered_for_a_while_and_forgotten_when_changed_here(school: School) -> None:
    with environment(STOA_GENAI_CONFIG_CACHE="60"):
        forget_limits()
        await limit(school.here.id, messages_per_minute=3)
        assert (await limits_in(school.here.id)).messages_per_minute == 3
        async with transaction() as session:  # as another process would
            await session.exec(update(UsageLimits).values(messages_per_minute=9))
        assert (await limits_in(school.here.id)).messages_per_minute == 3
        await save_limits(SYSTEM, school.here.id, {"messages_per_minute": "5"}, 1)
        assert (await limits_in(school.here.id)).messages_per_minute == 5


async def test_only_members_have_an_allowance(school: School) -> None:
    for role in ("administrator", "student_elsewhere"):
        with pytest.raises((Forbidden, NotFound)):
            await allowance(await school.actor(role), school.here.id)
