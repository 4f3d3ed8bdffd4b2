"""What instructors see of people: questions, thumbs-down, signals, transcripts; and what nobody else sees."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend import insights
from backend.access import Actor
from backend.access.models import Role
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, StoaError
from backend.courses.models import Section
from backend.insights import SectionSwitches, SignalKind, TranscriptSwitch
from backend.insights.models import Visit
from tests.support.activity import Said, Talk, write
from tests.support.jobs import execute, fetch
from tests.support.school import ROLES, School, change, make_member

NOW = datetime.now(UTC)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


@pytest.fixture
async def talk(school: School) -> Talk:
    """What the student asked beside a lesson, and thought little of; the assistant's own try-outs beside it."""
    talks = [
        Talk(
            school.members["student"].id,
            (
                Said(ago(hours=3), text="Why 100% rye?"),
                Said(ago(hours=2), rating=-1, text="And salt?", reason="Too long"),
            ),
            school.lessons["flour"],
        ),
        Talk(school.members["assistant"].id, (Said(ago(hours=1), rating=-1, text="Trying it out"),)),
    ]
    await write(school.here, talks)
    return talks[0]


async def instructor(school: School) -> Actor:
    return await school.actor("instructor")


async def switch(school: School, **values: Any) -> None:
    actor = await instructor(school)
    version = (await insights.read_switches(actor, school.here.id)).version
    await insights.save_switches(actor, school.here.id, SectionSwitches(version=version, **values))


async def test_questions_stand_with_their_answers_under_pseudonyms(school: School, talk: Talk) -> None:
    page = await insights.read_questions(await instructor(school), school.here.id)
    assert [(each.question, each.answer, each.rating) for each in page.questions] == [
        ("And salt?", "Because of gluten.", -1),
        ("Why 100% rye?", "Because of gluten.", 0),
    ]
    assert {each.lesson_title for each in page.questions} == {"Flour"}
    assert page.total == 2 == (await insights.read_overview(await instructor(school), school.here.id)).totals.questions
    (pseudonym,) = {each.pseudonym for each in page.questions}
    assert pseudonym.startswith("Student ") and len(pseudonym) == 13
    again = await insights.read_questions(await school.actor("assistant"), school.here.id)
    assert {each.pseudonym for each in again.questions} == {pseudonym}


async def test_searching_is_literal(school: School, talk: Talk) -> None:
    expected = {"RYE": 1, "100%": 1, "%": 1, "_": 0, "\\": 0, "gluten": 0, "\0?": 2}
    for search, found in expected.items():
        page = await insights.read_questions(await instructor(school), school.here.id, search=search)
        assert (len(page.questions), page.total) == (found, found), search


async def test_pages_hold_everything_once(school: School) -> None:
    same = ago(hours=5)
    said = tuple(Said(same, text=f"Question {n}", rating=-1) for n in range(65))
    await write(school.here, [Talk(school.members["student"].id, said)])
    actor, seen, after = await instructor(school), [], ""
    complaints: list[UUID] = []
    while page := await insights.read_questions(actor, school.here.id, after=after):
        seen += [each.question for each in page.questions]
        if not (after := page.after):
            break
    assert sorted(seen) == sorted(each.text for each in said)
    while queue := await insights.read_complaints(actor, school.here.id, after=after):
        complaints += [each.message_id for each in queue.complaints]
        if not (after := queue.after):
            break
    assert len(set(complaints)) == len(complaints) == 65 == queue.total


async def test_a_thumbs_down_waits_until_somebody_saw_to_it(school: School, talk: Talk) -> None:
    actor, section = await school.actor("assistant"), school.here.id
    (waiting,) = (await insights.read_complaints(actor, section)).complaints
    assert (waiting.question, waiting.reason, waiting.resolved_by) == ("And salt?", "Too long", "")
    await insights.resolve_complaint(actor, section, waiting.message_id, resolved=True)
    await insights.resolve_complaint(await instructor(school), section, waiting.message_id, resolved=True)
    assert (await insights.read_complaints(actor, section)).total == 0
    (done,) = (await insights.read_complaints(actor, section, resolved=True)).complaints
    assert done.resolved_by == "Assistant" and done.resolved_at is not None
    await insights.resolve_complaint(actor, section, waiting.message_id, resolved=False)
    assert (await insights.read_complaints(actor, section)).total == 1
    with pytest.raises(NotFound):
        await insights.resolve_complaint(actor, section, uuid4(), resolved=True)
    elsewhere = await school.actor("instructor_elsewhere")
    with pytest.raises(NotFound):
        await insights.resolve_complaint(elsewhere, school.elsewhere.id, waiting.message_id, resolved=True)


async def test_signals_are_reasons(school: School) -> None:
    many = tuple(Said(ago(days=2), rating=-1) for _ in range(3))
    loud = await make_member("Loud", school.here, Role.STUDENT)
    silent = await make_member("Silent", school.here, Role.STUDENT)
    await write(school.here, [Talk(loud.id, many), Talk(silent.id, (Said(ago(days=17)),))])
    await execute("UPDATE memberships SET created_at = created_at - interval '10 days'")
    found = (await insights.read_students(await instructor(school), school.here.id)).students
    signals = {each.name: [(signal.kind, signal.reason) for signal in each.signals] for each in found}
    assert signals == {
        "Loud": [(SignalKind.THUMBS_DOWN, "Gave 3 answers a thumbs-down in the last 14 days.")],
        "Silent": [(SignalKind.SILENT, "Hasn’t asked or submitted anything for 2 weeks.")],
        "Student": [],
    }
    assert [each.name for each in found] == ["Loud", "Silent", "Student"]
    assert [(each.questions, each.weeks_quiet) for each in found] == [(1, 0), (1, 2), (0, None)]
    await change(Section, school.here.id, ends_on=ago(days=1).date())
    ended = (await insights.read_students(await instructor(school), school.here.id)).students
    assert not any(signal.kind is SignalKind.SILENT for each in ended for signal in each.signals)


async def test_a_name_is_revealed_with_a_reason_for_a_day_and_on_the_record(school: School, talk: Talk) -> None:
    actor, section = await instructor(school), school.here.id
    (card,) = (await insights.read_transcripts(actor, section)).transcripts
    assert (card.conversation_id, card.questions, card.thumbs_down) == (talk.id, 2, 1)
    before = await insights.open_transcript(actor, section, talk.id)
    assert [line.content for line in before.lines][:2] == ["Why 100% rye?", "Because of gluten."]
    assert (before.name, before.email, before.may_reveal) == ("", "", True)
    assert "Student Student" not in repr(before) and "student@" not in repr(before)
    for nothing in ("", " \0 ", "x" * 301):
        with pytest.raises(Invalid, match="reason"):
            await insights.reveal_student(actor, section, talk.id, nothing)
    after = await insights.reveal_student(actor, section, talk.id, "She asked me for help.")
    assert (after.name, after.email) == ("Student", "student@example.org")
    assert (await insights.open_transcript(actor, section, talk.id)).name == "Student"
    assert (await insights.open_transcript(await school.actor("assistant"), section, talk.id)).name == ""
    ((entry,),) = await fetch("SELECT after FROM audit_log")
    assert entry == {"reason": "She asked me for help.", "student": "Student", "conversation": str(talk.id)}
    await execute("UPDATE insight_reveals SET created_at = created_at - interval '25 hours'")
    assert (await insights.open_transcript(actor, section, talk.id)).name == ""


async def test_one_students_transcripts_are_found_by_their_pseudonym(school: School, talk: Talk) -> None:
    other = await make_member("Other", school.here, Role.STUDENT)
    await write(school.here, [Talk(other.id, (Said(ago(hours=1)),))])
    actor = await instructor(school)
    mine, theirs = (await insights.read_transcripts(actor, school.here.id)).transcripts
    assert mine.pseudonym != theirs.pseudonym
    for typed in (theirs.pseudonym, f" {theirs.pseudonym.lower()}", theirs.pseudonym.removeprefix("Student ")):
        page = await insights.read_transcripts(actor, school.here.id, pseudonym=typed)
        assert [each.conversation_id for each in page.transcripts] == [talk.id]


async def test_a_section_can_forbid_names_and_transcripts(school: School, talk: Talk) -> None:
    actor, section = await instructor(school), school.here.id
    await insights.reveal_student(actor, section, talk.id, "A reason")
    await switch(school, transcripts=TranscriptSwitch.PSEUDONYMOUS)
    shown = await insights.open_transcript(actor, section, talk.id)
    assert (shown.name, shown.may_reveal) == ("", False)
    with pytest.raises(Forbidden):
        await insights.reveal_student(actor, section, talk.id, "A reason")
    await switch(school, transcripts=TranscriptSwitch.OFF)
    with pytest.raises(Forbidden):
        await insights.open_transcript(actor, section, talk.id)
    with pytest.raises(Forbidden):
        await insights.read_transcripts(actor, section)
    assert {each.pseudonym for each in (await insights.read_questions(actor, section)).questions} == {""}
    assert [row.action for row in await fetch("SELECT action FROM audit_log ORDER BY created_at")] == [
        "transcript.revealed",
        "insight_switches.changed",
        "insight_switches.changed",
    ]
    with pytest.raises(Conflict):
        await insights.save_switches(actor, section, SectionSwitches())


async def test_what_is_new_is_what_came_after_the_last_visit(school: School) -> None:
    actor, section = await instructor(school), school.here.id
    assert (await insights.read_overview(actor, section)).changes.since is None
    await insights.note_visit(actor, section)
    assert (await insights.read_overview(actor, section)).changes.since is None
    await write(school.here, [Talk(school.members["student"].id, tuple(Said(ago(hours=n)) for n in (50, 30, 1)))])
    ((visit_id,),) = await fetch("SELECT id FROM insight_visits")
    await change(Visit, visit_id, visited_at=ago(hours=40))
    changes = (await insights.read_overview(actor, section)).changes
    assert (changes.since, changes.activity.questions, changes.activity.conversations) == (ago(hours=40), 2, 0)
    await insights.note_visit(actor, section)
    same = (await insights.read_overview(actor, section)).changes
    assert (same.since, same.activity.questions) == (ago(hours=40), 2)


CALLS: dict[str, tuple[set[str], Callable[[Actor, School, Talk], Awaitable[object]]]] = {
    "head": ({"assistant", "instructor", "administrator"}, lambda a, s, _: insights.open_section_head(a, s.here.slug)),
    "overview": ({"assistant", "instructor", "administrator"}, lambda a, s, _: insights.read_overview(a, s.here.id)),
    "visit": ({"assistant", "instructor", "administrator"}, lambda a, s, _: insights.note_visit(a, s.here.id)),
    "cost": ({"assistant", "instructor", "administrator"}, lambda a, s, _: insights.read_cost(a, s.here.id)),
    "switches": ({"assistant", "instructor", "administrator"}, lambda a, s, _: insights.read_switches(a, s.here.id)),
    "recommendation": (
        {"assistant", "instructor", "administrator"},
        lambda a, s, _: insights.read_recommendation(a, s.here.id),
    ),
    "questions": ({"assistant", "instructor"}, lambda a, s, _: insights.read_questions(a, s.here.id)),
    "complaints": ({"assistant", "instructor"}, lambda a, s, _: insights.read_complaints(a, s.here.id)),
    "students": ({"assistant", "instructor"}, lambda a, s, _: insights.read_students(a, s.here.id)),
    "transcripts": ({"assistant", "instructor"}, lambda a, s, _: insights.read_transcripts(a, s.here.id)),
    "transcript": ({"assistant", "instructor"}, lambda a, s, t: insights.open_transcript(a, s.here.id, t.id)),
    "reveal": ({"instructor"}, lambda a, s, t: insights.reveal_student(a, s.here.id, t.id, "A reason")),
    "ask": ({"instructor"}, lambda a, s, _: insights.ask_recommendation(a, s.here.id)),
    "save": ({"instructor"}, lambda a, s, _: insights.save_switches(a, s.here.id, SectionSwitches())),
}


async def test_everything_is_for_exactly_those_who_may(school: School, talk: Talk) -> None:
    for name, (allowed, call) in CALLS.items():
        for role in ROLES:
            try:
                await call(await school.actor(role), school, talk)
                refusal: type[StoaError] | None = None
            except StoaError as error:
                refusal = type(error)
            unknown = NotSignedIn if role == "anonymous" else NotFound if role.endswith("elsewhere") else Forbidden
            assert refusal is (None if role in allowed else unknown), f"{name} as {role}: {refusal}"


async def test_a_conversation_of_another_section_isnt_found_here(school: School, talk: Talk) -> None:
    with pytest.raises(NotFound):
        await insights.open_transcript(await school.actor("instructor_elsewhere"), school.elsewhere.id, talk.id)
    with pytest.raises(NotFound):
        await insights.open_section_head(await instructor(school), "no-such-section")
