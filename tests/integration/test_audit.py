"""The audit log as administrators read it: paged, searched, filtered, and never with a secret in it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.access import ANONYMOUS, Actor, AuditEntry, AuditLine, audit_kinds, read_audit
from backend.access.audit import AUDIT_PAGE, AuditChange
from backend.core.database import transaction
from backend.core.errors import Forbidden, Invalid, NotSignedIn
from tests.support.genai import store
from tests.support.school import ROLES, School, found_school

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def pia(school: School) -> Actor:
    return await school.actor("administrator")


async def note(*entries: AuditEntry) -> None:
    async with transaction() as session:
        session.add_all(entries)


def entry(minute: int, action: str, subject: str, actor_id: UUID | None = None, **sides: Any) -> AuditEntry:
    at = MORNING + timedelta(minutes=minute)
    return AuditEntry(created_at=at, actor_id=actor_id, action=action, subject=subject, **sides)


async def subjects(actor: Actor, **how: str) -> list[str]:
    return [line.subject for line in await read_audit(actor, **how)]


async def test_a_line_says_who_did_what_to_what(school: School, pia: Actor) -> None:
    await note(
        entry(0, "model.created", "Big", after={"name": "Big", "api_key": "set"}),
        entry(1, "model.changed", "Big", pia.person_id, before={"enabled": True}, after={"enabled": False}),
        entry(2, "model.deleted", "Big", uuid4(), before={"name": "Big"}),
    )
    deleted, changed, created = await read_audit(pia)
    assert (created.by_system, created.who, created.action, created.subject) == (True, "", "model.created", "Big")
    assert created.changes == (AuditChange("api_key", None, "set"), AuditChange("name", None, "Big"))
    assert [(line.made, line.deleted) for line in (created, changed, deleted)] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert (changed.by_system, changed.who, changed.at) == (False, "Administrator", MORNING + timedelta(minutes=1))
    assert changed.changes == (AuditChange("enabled", True, False),)
    assert (deleted.by_system, deleted.who, deleted.changes) == (False, "", (AuditChange("name", "Big", None),))


async def test_pages_meet_without_gaps_even_at_one_moment(pia: Actor) -> None:
    await note(*(entry(number // 40, "model.changed", str(number)) for number in range(2 * AUDIT_PAGE + 7)))
    found: list[AuditLine] = []
    while page := await read_audit(pia, after=found[-1].cursor if found else ""):
        assert len(page) <= AUDIT_PAGE
        found += page
    assert len(found) == len({line.id for line in found}) == 2 * AUDIT_PAGE + 7
    assert [(line.at, line.id) for line in found] == sorted(((line.at, line.id) for line in found), reverse=True)


async def test_search_finds_subjects_actions_and_people(school: School, pia: Actor) -> None:
    katya = school.members["instructor"]
    await note(
        entry(0, "model.created", "Claude 100%"),
        entry(1, "service_config.changed", "Tutor", pia.person_id),
        entry(2, "feature_config.changed", "student_dialogue@baking", katya.id),
        entry(3, "model.changed", "GPT", uuid4()),
    )
    assert await subjects(pia, search="cLAUDE") == ["Claude 100%"]
    assert await subjects(pia, search="100%") == ["Claude 100%"]
    assert await subjects(pia, search="service config ch") == ["Tutor"]
    assert await subjects(pia, search="service_config.changed") == ["Tutor"]
    assert await subjects(pia, search="Administrator") == ["Tutor"]
    assert await subjects(pia, search="instructor@example") == ["student_dialogue@baking"]
    assert await subjects(pia, search="the system") == ["Claude 100%"]
    assert await subjects(pia, search="%") == ["Claude 100%"]
    assert await subjects(pia, search="nothing like it") == []
    assert await subjects(pia, search=" \0GPT ") == ["GPT"]


async def test_kinds_are_those_that_occur_and_filter(pia: Actor) -> None:
    await note(entry(0, "model.created", "A"), entry(1, "model.changed", "B"), entry(2, "service_config.created", "C"))
    assert await audit_kinds(pia) == ["model", "service_config"]
    assert await subjects(pia, kind="model") == ["B", "A"]
    assert await subjects(pia, kind="model", search="a") == ["B", "A"]  # "changed"
    assert await subjects(pia, kind="service") == []


async def test_a_key_that_was_given_is_in_no_line(pia: Actor) -> None:
    for key in ("sk-first-secret", "sk-second-secret"):
        await store(models=[{"name": "Big", "provider": "openai", "model": "big-1", "api_key": key}])
    replaced, created = await read_audit(pia)
    assert [change for change in created.changes if change.field == "api_key"] == [AuditChange("api_key", None, "set")]
    assert replaced.changes == (AuditChange("api_key", "set", "replaced"),)
    assert "secret" not in repr((replaced, created))


@pytest.mark.parametrize(
    "cursor",
    ["x", "2026-03-02", "2026-03-02T08:00:00~54e10a30-8581-4be4-a754-6b65d42d2bbf", "2026-03-02T08:00:00+00:00~x"],
)
async def test_a_cursor_that_is_none_is_refused(pia: Actor, cursor: str) -> None:
    with pytest.raises(Invalid):
        await read_audit(pia, after=cursor)


@pytest.mark.parametrize("role", ROLES)
async def test_only_administrators_read_it(school: School, role: str) -> None:
    actor = await school.actor(role) if role != "anonymous" else ANONYMOUS
    if role == "administrator":
        assert (await read_audit(actor), await audit_kinds(actor)) == ([], [])
        return
    for reading in (read_audit, audit_kinds):
        with pytest.raises(NotSignedIn if role == "anonymous" else Forbidden):
            await reading(actor)
