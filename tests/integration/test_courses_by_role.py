"""Reading courses: who sees which sections, and what a lesson says about its tutor."""

from datetime import date

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import update

from backend.access import SYSTEM, passwords
from backend.core.database import transaction
from backend.core.errors import NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.courses import list_sections, open_lesson, open_lesson_by_key, open_section, open_section_by_id
from backend.courses.models import Lesson, Section
from backend.courses.reading import TUTOR_OFF_GRADED, TUTOR_OFF_LESSON, TUTOR_OFF_SECTION
from backend.wiring import seed_demo
from tests.support.school import School, change, found_school

HERE, ELSEWHERE = "baking-autumn", "baking-spring"


@pytest.fixture
async def school(database: str) -> School:
    return await found_school()


async def test_everybody_sees_the_sections_they_are_in(school: School) -> None:
    seen = {
        "student": {HERE: "student"},
        "assistant": {HERE: "assistant"},
        "instructor": {HERE: "instructor"},
        "student_elsewhere": {ELSEWHERE: "student"},
        "administrator": {HERE: "administrator", ELSEWHERE: "administrator"},
    }
    for role, sections in seen.items():
        cards = await list_sections(await school.actor(role))
        assert {card.slug: card.role for card in cards} == sections
        assert {card.lessons for card in cards} == {3}


async def test_a_member_opens_the_section_and_its_lessons(school: School) -> None:
    for role in ("student", "assistant", "instructor", "administrator"):
        actor = await school.actor(role)
        view = await open_section(actor, HERE)
        assert [module.title for module in view.modules] == ["Dough", "Oven"]
        assert [lesson.slug for lesson in view.lessons] == ["flour", "yeast", "exam"]
        assert await open_section_by_id(actor, view.id) == view
        lesson = await open_lesson(actor, HERE, "yeast")
        assert [link.slug for link in (lesson.previous, lesson.following) if link] == ["flour", "exam"]
        assert lesson.module_title == "Dough"
        assert await open_lesson_by_key(actor, view.id, lesson.key) == lesson


async def test_a_lesson_is_read_block_by_block(school: School) -> None:
    lesson = await open_lesson(await school.actor(), HERE, "flour")
    read = [(block.kind, block.markdown) for block in lesson.blocks]
    assert read == [("markdown", "## Gluten\n\nFlour and water make gluten."), ("markdown", "## Ash\n\nT55 is white.")]
    assert lesson.previous is None


async def test_somebody_elsewhere_finds_nothing(school: School) -> None:
    for role in ("student_elsewhere", "instructor_elsewhere"):
        actor = await school.actor(role)
        for refused in (
            open_section(actor, HERE),
            open_section_by_id(actor, school.here.id),
            open_lesson(actor, HERE, "flour"),
            open_lesson_by_key(actor, school.here.id, school.lessons["flour"]),
        ):
            with pytest.raises(NotFound):
                await refused


async def test_nobody_is_asked_to_sign_in_whatever_they_name(school: School) -> None:
    nobody = await school.actor("anonymous")
    for slug in (HERE, "nowhere", "", "\0", "\ud83d"):
        for refused in (open_section(nobody, slug), open_lesson(nobody, slug, slug), list_sections(nobody)):
            with pytest.raises(NotSignedIn):
                await refused


async def test_a_section_or_lesson_that_isnt_there_isnt_found(school: School) -> None:
    actor = await school.actor()
    for slug in ("nowhere", "", "BAKING-AUTUMN", "baking%", "x" * 10_000, "' OR 1=1 --", "\0", "\ud83d"):
        for refused in (
            open_section(actor, slug),
            open_lesson(actor, HERE, slug),
            open_section_by_id(actor, new_id()),
            open_lesson_by_key(actor, school.here.id, new_id()),
        ):
            with pytest.raises(NotFound):
                await refused


async def test_a_lesson_says_why_its_tutor_is_off(school: School) -> None:
    switches = (
        (True, "auto", "flour", ""),
        (True, "auto", "exam", TUTOR_OFF_GRADED),
        (True, "on", "exam", ""),
        (True, "off", "flour", TUTOR_OFF_LESSON),
        (False, "on", "flour", TUTOR_OFF_SECTION),
        (False, "auto", "exam", TUTOR_OFF_SECTION),
    )
    for section_on, lesson_switch, lesson, reason in switches:
        await change(Section, school.here.id, assistant_enabled=section_on)
        async with transaction() as session:
            await session.exec(update(Lesson).where(Lesson.slug == lesson).values(assistant=lesson_switch))
        assert (await open_lesson(await school.actor(), HERE, lesson)).tutor_off == reason


async def test_dates_are_told_as_dates(school: School) -> None:
    await change(Section, school.here.id, starts_on=date(2026, 9, 1))
    view = await open_section(SYSTEM, HERE)
    assert (view.starts_on, view.ends_on) == ("2026-09-01", "")


async def test_the_demo_is_seeded_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1_024, parallelism=1),))
    monkeypatch.setattr(passwords, "_hasher", cheap)
    made = await seed_demo()
    assert {person.role for person in made} == {"student", "assistant", "instructor", "administrator"}
    assert len(made) == 20
    assert await seed_demo() == []
    cards = await list_sections(SYSTEM)
    assert len(cards) == 4
    assert len({card.course_title for card in cards}) == 2
    assert min(card.lessons for card in cards) >= 6
