"""What instructors set for their section: the tutor obeys it, others may not, and of two at once the second is told."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import col, select

from backend.access import AuditEntry, Role
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, NotFound, TooMany
from backend.courses import open_lesson, read_switches, save_switches
from backend.dialogue import (
    ask,
    preview_prompt,
    read_prompt,
    read_prompt_version,
    reset_prompt,
    restore_prompt,
    save_prompt,
)
from backend.genai import Feature, save_limits, save_student_limits, serving, student_limits
from tests.support.replay import Replay
from tests.support.school import School, found_school, make_member
from tests.support.tutoring import ended, tutoring

HERE = "baking-autumn"
OWN = "Only questions about {course}.\n{lesson_part}"


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def replay(school: School) -> AsyncIterator[Replay]:
    async with Replay.openai("Knead it.") as server, tutoring(server):
        yield server


async def audited(action: str) -> list[AuditEntry]:
    async with transaction() as session:
        found = await session.exec(
            select(AuditEntry).where(AuditEntry.action == action).order_by(col(AuditEntry.created_at))
        )
        return list(found.all())


async def told(school: School, replay: Replay) -> str:
    """What the model was told first, when a student asked beside a lesson."""
    student = await make_member("Somebody", school.here, Role.STUDENT)
    turn = await ask(await student.actor(), school.here.id, "Why?", lesson_key=school.lessons["flour"])
    await ended(turn.id)
    return str(replay.requests[-1].json["messages"][0]["content"])


async def test_the_tutor_obeys_every_switch(school: School, replay: Replay) -> None:
    teacher, student = await school.actor("instructor"), await school.actor()
    flour, exam = (school.lessons[name] for name in ("flour", "exam"))
    with pytest.raises(Forbidden, match="graded"):
        await ask(student, school.here.id, "Help", lesson_key=exam)
    given = {f"lesson-{flour}": "off", f"lesson-{exam}": "on", "run_python_enabled": "false"}
    view = await save_switches(teacher, HERE, given, 1)
    assert view.version == 2
    assert view.flags == {"assistant_enabled": True, "run_python_enabled": False}
    with pytest.raises(Forbidden, match="for this lesson"):
        await ask(student, school.here.id, "Help", lesson_key=flour)
    await ended((await ask(student, school.here.id, "Help", lesson_key=exam)).id)
    elsewhere = await open_lesson(await school.actor("student_elsewhere"), "baking-spring", "flour")
    assert (elsewhere.tutor_off, elsewhere.section.run_python_enabled) == ("", True)
    await save_switches(teacher, HERE, {f"lesson-{flour}": "", "assistant_enabled": "false"}, 2)
    with pytest.raises(Forbidden, match="switched off in this section"):
        await ask(student, school.here.id, "Help", lesson_key=exam)
    quiet = {"run_python_enabled": False, "tutor in “Bake a loaf”": "on"}
    assert [entry.after for entry in await audited("section_settings.changed")] == [
        {"assistant_enabled": True, "tutor in “Flour”": "off", **quiet},
        {"assistant_enabled": False, **quiet},
    ]


async def test_of_two_who_switch_at_once_the_second_is_told(school: School) -> None:
    teacher = await school.actor("instructor")
    await save_switches(teacher, HERE, {"assistant_enabled": "false"}, 1)
    with pytest.raises(Conflict, match="Somebody else"):
        await save_switches(teacher, HERE, {"assistant_enabled": "true"}, 1)
    with pytest.raises(FieldErrors) as refused:
        lesson = f"lesson-{school.lessons['yeast']}"
        await save_switches(teacher, HERE, {"assistant_enabled": "maybe", lesson: "sometimes"}, 2)
    assert set(refused.value.fields) == {"assistant_enabled", lesson}
    assert (await read_switches(teacher, HERE)).version == 2


async def test_the_tutor_is_told_the_newest_version_of_the_prompt(school: School, replay: Replay) -> None:
    teacher = await school.actor("instructor")
    first = await read_prompt(teacher, HERE)
    assert (first.number, first.is_default, first.versions) == (0, True, ())
    saved = await save_prompt(teacher, HERE, OWN + "\r\n", 0)
    assert (saved.number, saved.text, saved.versions[0].who) == (1, OWN, "Instructor")
    preview = await preview_prompt(teacher, HERE, OWN, school.lessons["flour"])
    assert preview.warning == ""
    assert await told(school, replay) == preview.text
    assert preview.text.startswith("Only questions about Baking.")
    assert "make gluten" in preview.text
    with pytest.raises(Conflict, match="Somebody else"):
        await save_prompt(teacher, HERE, "Mine", 0)
    reset = await reset_prompt(teacher, HERE, 1)
    assert (reset.number, reset.is_default) == (2, True)
    restored = await restore_prompt(teacher, HERE, 1, 2)
    assert (restored.text, [each.is_default for each in restored.versions]) == (OWN, [False, True, False])
    assert await read_prompt_version(teacher, HERE, 2) == first.text
    assert len(await audited("prompt_template.changed")) == 3
    again = await save_prompt(teacher, HERE, OWN, 3)
    assert again.number == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(" \n", "can't be empty"), ("x" * 6_001, "At most 6,000"), ("{course} {student} {answer}", "{student}, {answer}")],
)
async def test_a_prompt_that_cant_be_filled_is_refused_at_its_field(school: School, text: str, sentence: str) -> None:
    teacher = await school.actor("instructor")
    for refused in (save_prompt(teacher, HERE, text, 0), preview_prompt(teacher, HERE, text, school.lessons["flour"])):
        with pytest.raises(FieldErrors) as told:
            await refused
        assert sentence in told.value.fields["text"]
    assert (await read_prompt(teacher, HERE)).number == 0


async def test_a_preview_says_that_the_lesson_is_missing(school: School) -> None:
    preview = await preview_prompt(await school.actor("assistant"), HERE, "Hi { x }", school.lessons["flour"])
    assert (preview.text, preview.lesson) == ("Hi { x }", "Flour")
    assert "{lesson_part}" in preview.warning


async def test_instructors_limit_their_students_within_what_is_allowed(school: School, replay: Replay) -> None:
    teacher, admin, student = (
        await school.actor("instructor"),
        await school.actor("administrator"),
        await school.actor(),
    )
    await save_limits(admin, None, {"messages_per_minute": "5", "tokens_per_day_section": "9000"}, None)
    view = await student_limits(teacher, HERE)
    assert view.allowed == {"messages_per_minute": 5, "tokens_per_day_person": None, "tokens_per_day_section": 9000}
    with pytest.raises(FieldErrors, match="At most 5"):
        await save_student_limits(teacher, HERE, {"messages_per_minute": "6"}, None)
    saved = await save_student_limits(teacher, HERE, {"messages_per_minute": "1", "tokens_per_day_section": "1"}, None)
    assert (saved.version, saved.values) == (1, {"messages_per_minute": 1, "tokens_per_day_person": None})
    await ended((await ask(student, school.here.id, "One")).id)
    with pytest.raises(TooMany, match="1 message a minute"):
        await ask(student, school.here.id, "Two")
    with pytest.raises(Conflict, match="Somebody else"):
        await save_student_limits(teacher, HERE, {"messages_per_minute": "3"}, None)
    assert (await audited("student_limits.changed"))[-1].subject == HERE


async def test_who_may_see_and_who_may_change(school: School, replay: Replay) -> None:
    async def tries(role: str) -> tuple[type[Exception] | None, type[Exception] | None]:
        actor = await school.actor(role)
        reads = (read_switches, read_prompt, student_limits)
        seen = [await raised(read(actor, HERE)) for read in reads] + [
            await raised(serving(actor, HERE, Feature.STUDENT_DIALOGUE)),
            await raised(preview_prompt(actor, HERE, OWN, school.lessons["flour"])),
        ]
        changed = [
            await raised(save_switches(actor, HERE, {}, 1)),
            await raised(save_prompt(actor, HERE, "{course}", 0)),
            await raised(save_student_limits(actor, HERE, {}, None)),
        ]
        assert len(set(seen)) == len(set(changed)) == 1
        return seen[0], changed[0]

    assert await tries("student") == (Forbidden, Forbidden)
    assert await tries("instructor_elsewhere") == (NotFound, NotFound)
    assert await tries("assistant") == (None, Forbidden)
    assert await tries("instructor") == (None, None)


async def raised(call: object) -> type[Exception] | None:
    try:
        await call  # type: ignore[misc]
    except Exception as error:
        return type(error)
    return None
