"""Limits as administrators change them, and the budgets they are warned of."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from sqlmodel import col, select
from structlog.testing import capture_logs

from backend.access import AuditEntry
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.errors import Conflict, FieldErrors, Forbidden, NotFound, NotSignedIn
from backend.core.ids import new_id
from backend.courses.models import Section
from backend.genai import (
    BudgetState,
    budget_states,
    default_limits,
    list_limits,
    remove_limits,
    save_limits,
    section_limits,
)
from backend.genai.budgets import note_spending
from backend.genai.limits import limits_in
from backend.genai.models import CompletionRequest, Outcome, ServiceConfig, UsageLimits
from backend.wiring import seed_demo
from tests.support.genai import postgres_away
from tests.support.school import ROLES, School, found_school

SET = {"messages_per_minute": "10", "tokens_per_day_person": "200,000", "tokens_per_day_section": ""}


@pytest.fixture
async def school(database: str) -> AsyncIterator[School]:
    yield await found_school()


async def audited() -> list[tuple[str, str, object, object]]:
    async with transaction() as session:
        rows = await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
        return [(row.action, row.subject, row.before, row.after) for row in rows]


async def test_the_default_is_stored_changed_and_audited(school: School) -> None:
    admin = await school.actor("administrator")
    assert (await default_limits(admin)).version is None
    stored = await save_limits(admin, None, SET, None)
    wanted = {"messages_per_minute": 10, "tokens_per_day_person": 200_000, "tokens_per_day_section": None}
    assert (stored.values, stored.version) == (wanted, 1)
    assert await default_limits(admin) == stored
    again = await save_limits(admin, None, {**SET, "messages_per_minute": "12"}, 1)
    assert again.version == 2
    emptied = await save_limits(admin, None, {}, 2)
    assert (set(emptied.values.values()), emptied.version) == ({None}, 3)
    assert [entry[:2] for entry in await audited()] == [
        ("usage_limits.created", "default"),
        ("usage_limits.changed", "default"),
        ("usage_limits.changed", "default"),
    ]
    assert (await audited())[1][2:] == (wanted, {**wanted, "messages_per_minute": 12})


async def test_nothing_changed_is_neither_a_new_version_nor_in_the_audit_log(school: School) -> None:
    admin = await school.actor("administrator")
    await save_limits(admin, None, SET, None)
    assert (await save_limits(admin, None, SET, 1)).version == 1
    assert len(await audited()) == 1


async def test_a_sections_limits_come_and_go(school: School) -> None:
    admin = await school.actor("administrator")
    assert (await section_limits(admin, "baking-autumn")).version is None
    await save_limits(admin, None, SET, None)
    await save_limits(admin, school.here.id, {"messages_per_minute": "3"}, None)
    assert (await limits_in(school.here.id)).messages_per_minute == 3
    await remove_limits(admin, school.here.id, 1)
    assert (await limits_in(school.here.id)).messages_per_minute == 10
    assert await list_limits(admin) == []
    assert [entry[:2] for entry in await audited()][1:] == [
        ("usage_limits.created", "baking-autumn"),
        ("usage_limits.deleted", "baking-autumn"),
    ]


async def test_a_section_that_is_left_blank_has_none_of_its_own(school: School) -> None:
    admin = await school.actor("administrator")
    assert (await save_limits(admin, school.here.id, {"messages_per_minute": " "}, None)).version is None
    await save_limits(admin, school.here.id, SET, None)
    assert (await save_limits(admin, school.here.id, {}, 1)).version is None
    async with transaction() as session:
        assert (await session.exec(select(UsageLimits))).all() == []


async def test_the_list_holds_sections_with_limits_and_finds_others(school: School) -> None:
    admin = await school.actor("administrator")
    await save_limits(admin, school.elsewhere.id, SET, None)

    async def slugs(search: str = "") -> list[str]:
        return [view.section.slug for view in await list_limits(admin, search) if view.section]

    assert await slugs() == ["baking-spring"]
    assert await slugs("baking") == ["baking-autumn", "baking-spring"]
    assert await slugs("BAK autumn") == ["baking-autumn"]
    assert await slugs("%") == await slugs("nothing like it") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "whole number"),
        ("-5", "whole number"),
        ("2.5", "whole number"),
        ("ten", "whole number"),
        ("١٠", "whole number"),
        ("²", "whole number"),
        ("1e3", "whole number"),
        ("1001", "At most 1,000."),
        ("9" * 5000, "At most 1,000."),
    ],
)
async def test_a_wrong_value_is_told_at_its_field(school: School, text: str, said: str) -> None:
    admin = await school.actor("administrator")
    with pytest.raises(FieldErrors) as no:
        await save_limits(admin, None, {"messages_per_minute": text, "tokens_per_day_section": "3000000000"}, None)
    assert said in no.value.fields["messages_per_minute"]
    assert no.value.fields["tokens_per_day_section"] == "At most 2,000,000,000."
    assert (await default_limits(admin)).version is None


@pytest.mark.parametrize("text", ["200,000", "200 000", "200\u202f000", "200'000", "200_000", " 200000 ", "0200000"])
async def test_thousands_may_be_separated(school: School, text: str) -> None:
    stored = await save_limits(await school.actor("administrator"), None, {"tokens_per_day_person": text}, None)
    assert stored.values["tokens_per_day_person"] == 200_000


async def test_of_two_who_edit_at_once_the_second_is_told(school: School) -> None:
    admin = await school.actor("administrator")
    for place in (None, school.here.id):
        await save_limits(admin, place, SET, None)
        with pytest.raises(Conflict):
            await save_limits(admin, place, {"messages_per_minute": "1"}, None)
        await save_limits(admin, place, {"messages_per_minute": "2"}, 1)
        with pytest.raises(Conflict):
            await save_limits(admin, place, {"messages_per_minute": "3"}, 1)
    with pytest.raises(Conflict):
        await remove_limits(admin, school.here.id, 1)
    await remove_limits(admin, school.here.id, 2)
    with pytest.raises(Conflict):
        await save_limits(admin, school.here.id, SET, 2)
    assert (await default_limits(admin)).values["messages_per_minute"] == 2


async def test_a_section_that_is_not_there_is_not_found(school: School) -> None:
    admin = await school.actor("administrator")
    with pytest.raises(NotFound):
        await section_limits(admin, "nowhere")
    with pytest.raises(NotFound):
        await save_limits(admin, uuid4(), SET, None)


async def test_limits_go_with_their_section(school: School) -> None:
    await save_limits(await school.actor("administrator"), school.here.id, SET, None)
    async with transaction() as session:
        await session.delete(await session.get(Section, school.here.id))
    async with transaction() as session:
        assert (await session.exec(select(UsageLimits))).all() == []


async def test_nobody_else_reads_or_changes_limits_or_budgets(school: School) -> None:
    for role in set(ROLES) - {"administrator"}:
        actor = await school.actor(role)
        for attempt in (
            lambda who: default_limits(who),
            lambda who: section_limits(who, "baking-autumn"),
            lambda who: list_limits(who),
            lambda who: save_limits(who, None, SET, None),
            lambda who: save_limits(who, school.here.id, SET, None),
            lambda who: remove_limits(who, school.here.id, None),
            lambda who: budget_states(who),
        ):
            with pytest.raises((Forbidden, NotSignedIn)):
                await attempt(actor)
    assert await audited() == []


async def test_the_demo_has_gentle_limits_once(database: str) -> None:
    await seed_demo()
    async with transaction() as session:
        (row,) = (await session.exec(select(UsageLimits))).all()
        assert (row.section_id, row.messages_per_minute, row.tokens_per_day_person) == (None, 10, 200_000)
        row.messages_per_minute = None
    await seed_demo()
    async with transaction() as session:
        (row,) = (await session.exec(select(UsageLimits))).all()
    assert (row.messages_per_minute, row.version) == (None, 2)


# Budgets


async def make_config(name: str, budget: str | None) -> ServiceConfig:
    config = ServiceConfig(name=name, budget_usd=Decimal(budget) if budget else None)
    async with transaction() as session:
        session.add(config)
    return config


async def spend(config: ServiceConfig, usd: str | None, at: datetime | None = None) -> None:
    async with transaction() as session:
        session.add(
            CompletionRequest(
                created_at=at or now(), request_id=new_id(), attempt=1, feature="student_dialogue",
                config_id=config.id, provider="openai", requested_model="replay-1", reason="primary",
                outcome=Outcome.SUCCEEDED, cost_usd=Decimal(usd) if usd else None, unpriced=usd is None, duration_ms=1,
            )
        )  # fmt: skip


async def test_every_budget_says_how_it_stands_this_month(school: School) -> None:
    moment = datetime(2026, 5, 31, 23, 30, tzinfo=UTC)
    wanted = {"a": ("7.99", BudgetState.OK), "b": ("8.00", BudgetState.WARNING), "c": ("10.00", BudgetState.SPENT)}
    with time_machine.travel(moment, tick=False):
        for name, (usd, _) in wanted.items():
            config = await make_config(name, "10.00")
            await spend(config, usd)
            await spend(config, "50.00", at=datetime(2026, 4, 30, 23, 59, tzinfo=UTC))
            await spend(config, None)
        await make_config("d", "1.00")
        await spend(await make_config("no budget", None), "99.00")
        found = await budget_states(await school.actor("administrator"))
        assert {each.name: (str(each.spending.usd)[:5].strip("0"), each.spending.state) for each in found[:3]} == {
            name: (usd.strip("0"), state) for name, (usd, state) in wanted.items()
        }
        assert [(each.name, each.spending.state, each.spending.share) for each in found[3:]] == [
            ("d", BudgetState.OK, 0.0)
        ]
        assert found[1].spending.share == pytest.approx(0.8)
    with time_machine.travel(datetime(2026, 6, 1, tzinfo=UTC), tick=False):
        found = await budget_states(await school.actor("administrator"))
        assert {each.spending.state for each in found} == {BudgetState.OK}


async def test_80_percent_is_logged_once_a_month(school: School) -> None:
    config, other = await make_config("tutor", "10.00"), await make_config("grading", None)
    with time_machine.travel(datetime(2026, 5, 31, 12, tzinfo=UTC), tick=False), capture_logs() as logs:
        await spend(config, "7.90")
        await note_spending(config.id)
        assert logs == []
        await spend(config, "0.60")
        await spend(other, "100.00")
        for _ in range(3):
            await note_spending(config.id)
            await note_spending(other.id)
            await note_spending(uuid4())
        (entry,) = logs
        assert entry == {
            "event": "budget_warning", "log_level": "warning", "service_config": "tutor", "state": "warning",
            "spent_usd": 8.5, "budget_usd": 10.0, "share": 0.85,
        }  # fmt: skip
    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC), tick=False), capture_logs() as logs:
        await spend(config, "11")
        await note_spending(config.id)
        await note_spending(config.id)
        assert [(entry["event"], entry["state"]) for entry in logs] == [("budget_warning", "spent")]


async def test_an_answer_never_fails_for_the_warnings_sake(school: School, database: str) -> None:
    config = await make_config("tutor", "10.00")
    await spend(config, "9")
    with postgres_away(database):
        await note_spending(config.id)
    with capture_logs() as logs:
        await note_spending(config.id)
    assert [entry["event"] for entry in logs] == ["budget_warning"]
