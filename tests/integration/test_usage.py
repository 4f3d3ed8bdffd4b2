"""Usage and cost: every figure equals one that is worked out here, row by row, in another way."""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from backend.access import ANONYMOUS, Actor
from backend.core.errors import Forbidden, Invalid, NotSignedIn
from backend.genai.budgets import budget_states
from backend.genai.drift import read_drifts
from backend.genai.models import CompletionRequest
from backend.genai.periods import Period, period
from backend.genai.usage import Figures, Measure, UsageQuery, UsageReport, export_usage, read_usage
from backend.genai.usage_queries import NOBODY, Dimension
from tests.support.genai import store
from tests.support.ledger import attempt_at, enter
from tests.support.school import ROLES, School, found_school

PARIS, APIA, UTC_ZONE = ZoneInfo("Europe/Paris"), ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")
SPRING = period("2026-03-20", "2026-04-05", PARIS)
"""Clocks go forward on March 29."""


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def pia(school: School) -> Actor:
    return await school.actor("administrator")


def invented(school: School, number: int, seed: int) -> list[CompletionRequest]:
    """Attempts of all kinds around SPRING, some beyond its ends; requests of up to three attempts."""
    chance, rows = random.Random(seed), []
    models, configs = [uuid4() for _ in range(8)], [uuid4(), uuid4(), None]
    people = [school.members["student"].id, school.members["instructor"].id, uuid4(), None]
    while len(rows) < number:
        moment = datetime(2026, 3, 18, tzinfo=UTC) + timedelta(seconds=chance.randrange(20 * 86_400))
        shared = {
            "request_id": UUID(int=chance.getrandbits(128)),
            "feature": chance.choice(["student_dialogue", "grading_feedback", "course_outline"]),
            "section_id": chance.choice([school.here.id, school.elsewhere.id, None]),
            "person_id": chance.choice(people),
            "config_id": chance.choice(configs),
        }
        for number_of_attempt in range(1, chance.choice([1, 1, 1, 2, 3]) + 1):
            rows.append(
                attempt_at(
                    moment + timedelta(seconds=number_of_attempt),
                    chance.choice([None, "0", f"{chance.random():.8f}"]),
                    attempt=number_of_attempt,
                    outcome=chance.choice(["succeeded", "failed", "cancelled"]),
                    model_id=chance.choice(models),
                    input_tokens=chance.randrange(2_000),
                    output_tokens=chance.randrange(2_000),
                    cached_tokens=chance.randrange(100),
                    reasoning_tokens=chance.randrange(100),
                    tokens_estimated=chance.random() < 0.2,
                    **shared,
                )
            )
    return rows


def summed(rows: list[CompletionRequest]) -> Figures:
    """One figure after the other, from the rows themselves."""
    return Figures(
        requests=len({row.request_id for row in rows if row.attempt == 1}),
        attempts=len(rows),
        failed=len([row for row in rows if row.outcome == "failed"]),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        reasoning_tokens=sum(row.reasoning_tokens for row in rows),
        estimated=len([row for row in rows if row.tokens_estimated]),
        cost_usd=sum((row.cost_usd for row in rows if row.cost_usd is not None), Decimal(0)),
        unpriced=len([row for row in rows if row.cost_usd is None]),
    )


def grouped(rows: list[CompletionRequest], key: Callable[[CompletionRequest], object]) -> dict[object, Figures]:
    found: dict[object, list[CompletionRequest]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return {each: summed(of_it) for each, of_it in found.items()}


def day_of(row: CompletionRequest, zone: ZoneInfo) -> date:
    """The day on the reader's calendar, by the clock on their wall."""
    return row.created_at.astimezone(zone).date()


def within(rows: list[CompletionRequest], chosen: Period) -> list[CompletionRequest]:
    return [row for row in rows if chosen.first <= day_of(row, chosen.zone) <= chosen.last]


ATTRIBUTES = {
    Dimension.FEATURE: "feature",
    Dimension.SECTION: "section_id",
    Dimension.MODEL: "model_id",
    Dimension.PERSON: "person_id",
    Dimension.CONFIG: "config_id",
}


def key_of(row: CompletionRequest, by: Dimension) -> str:
    value = getattr(row, ATTRIBUTES[by])
    return NOBODY if value is None else str(value)


@pytest.mark.parametrize("zone", [PARIS, APIA, UTC_ZONE, ZoneInfo("America/St_Johns")], ids=str)
@pytest.mark.parametrize("by", list(Dimension))
async def test_every_figure_is_the_sum_of_its_rows(school: School, pia: Actor, by: Dimension, zone: ZoneInfo) -> None:
    ledger = invented(school, 400, seed=7)
    await enter(ledger)
    chosen = Period(SPRING.first, SPRING.last, zone)
    rows = within(ledger, chosen)
    assert len(rows) < len(ledger)
    usage = await read_usage(pia, UsageQuery(chosen, by))
    assert usage.totals == summed(rows)
    assert {row.key: row.figures for row in usage.rows} == grouped(rows, lambda row: key_of(row, by))
    assert_series_add_up(usage, rows, chosen, by)


def assert_series_add_up(usage: UsageReport, rows: list[CompletionRequest], chosen: Period, by: Dimension) -> None:
    shown = {key for key, _ in usage.series if key}
    assert len(usage.series) == min(5, len(usage.rows))
    expected = grouped(
        rows, lambda row: (day_of(row, chosen.zone), key_of(row, by) if key_of(row, by) in shown else "")
    )
    assert [each.day for each in usage.days] == list(chosen.days)
    for each in usage.days:
        for (key, _), figures in zip(usage.series, each.parts, strict=True):
            assert figures == expected.get((each.day, key), Figures())


async def test_days_on_which_clocks_change_are_the_readers_own(pia: Actor) -> None:
    hours = [datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(minutes=30 + 60 * n) for n in range(-1, 24)]
    await enter([attempt_at(hour, "1") for hour in hours])
    usage = await read_usage(pia, UsageQuery(period("2026-03-28", "2026-03-30", PARIS)))
    assert [sum(part.attempts for part in each.parts) for each in usage.days] == [1, 23, 1]
    in_utc = await read_usage(pia, UsageQuery(period("2026-03-28", "2026-03-30", UTC_ZONE)))
    assert [sum(part.attempts for part in each.parts) for each in in_utc.days] == [2, 23, 0]


async def test_the_ends_of_a_day_are_in_it_and_no_more(pia: Actor) -> None:
    midnight = datetime(2026, 1, 1, tzinfo=PARIS)
    moments = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1, microseconds=-1)]
    await enter([attempt_at(moment, "1") for moment in (*moments, midnight + timedelta(days=1))])
    usage = await read_usage(pia, UsageQuery(period("2026-01-01", "2026-01-01", PARIS)))
    assert usage.totals.attempts == 2


async def test_an_empty_period_has_its_days_and_zeros(pia: Actor) -> None:
    usage = await read_usage(pia, UsageQuery(SPRING))
    assert (usage.totals, usage.rows, usage.series) == (Figures(), (), ())
    assert [(each.day, each.parts) for each in usage.days] == [(day, ()) for day in SPRING.days]


async def test_filters_and_a_picked_day_narrow_what_is_counted(school: School, pia: Actor) -> None:
    ledger = invented(school, 300, seed=11)
    await enter(ledger)
    student = str(school.members["student"].id)
    filters = {Dimension.PERSON: student, Dimension.FEATURE: "student_dialogue", Dimension.CONFIG: NOBODY}
    picked = date(2026, 3, 29)
    rows = [
        row
        for row in within(ledger, SPRING)
        if str(row.person_id) == student and row.feature == "student_dialogue" and row.config_id is None
    ]
    usage = await read_usage(pia, UsageQuery(SPRING, Dimension.MODEL, filters))
    assert usage.totals == summed(rows)
    of_the_day = await read_usage(pia, UsageQuery(SPRING, Dimension.MODEL, filters, picked=picked))
    assert of_the_day.days == usage.days
    assert of_the_day.totals == summed([row for row in rows if day_of(row, PARIS) == picked])


@pytest.mark.parametrize("measure", list(Measure))
async def test_the_largest_come_first(school: School, pia: Actor, measure: Measure) -> None:
    await enter(invented(school, 200, seed=3))
    usage = await read_usage(pia, UsageQuery(SPRING, Dimension.MODEL, measure=measure))
    sizes = [row.figures.of(measure) for row in usage.rows]
    assert sizes == sorted(sizes, reverse=True)
    assert [key for key, _ in usage.series] == [*(row.key for row in usage.rows[:4]), ""]
    assert usage.series[-1][1] == "4 others"


async def test_things_are_called_by_their_names(school: School, pia: Actor) -> None:
    await store(
        models=[{"name": "Big", "provider": "openai", "model": "big-1", "api_key": "sk-1"}],
        service_configs=[{"name": "Tutor", "primary_model": "Big", "budget_usd": 5}],
    )
    model, config = await ids_of("Big", "Tutor")
    student, moment = school.members["student"], datetime(2026, 3, 22, tzinfo=UTC)
    there = {"model_id": model, "config_id": config, "person_id": student.id, "section_id": school.here.id}
    gone = {"model_id": uuid4(), "config_id": uuid4(), "person_id": uuid4(), "section_id": uuid4()}
    await enter([attempt_at(moment, "3", **there), attempt_at(moment, "2", **gone), attempt_at(moment, "1")])
    named = {
        by: [(row.name, row.detail) for row in (await read_usage(pia, UsageQuery(SPRING, by))).rows] for by in Dimension
    }
    assert named == {
        Dimension.FEATURE: [("Tutor", "")],
        Dimension.SECTION: [("Autumn", "Baking"), ("A section that is gone", ""), ("Outside of sections", "")],
        Dimension.MODEL: [("Big", "big-1"), ("replay-1", "no longer registered"), ("No model", "")],
        Dimension.PERSON: [
            ("Student", "student@example.org"),
            ("A person who is gone", ""),
            ("Nobody in particular", ""),
        ],
        Dimension.CONFIG: [("Tutor", ""), ("A service config that is gone", ""), ("Asked by a model’s name", "")],
    }


async def ids_of(model: str, config: str) -> tuple[UUID, UUID]:
    from backend.core.database import transaction
    from backend.genai import queries

    async with transaction() as session:
        found, chain = await queries.model_by_name(session, model), await queries.config_by_name(session, config)
    assert found is not None
    assert chain is not None
    return found.id, chain.id


async def test_a_request_that_failed_over_is_one_request_and_two_attempts(pia: Actor) -> None:
    first, second, request = uuid4(), uuid4(), uuid4()
    moment = datetime(2026, 3, 22, tzinfo=UTC)
    await enter(
        [
            attempt_at(moment, "0", request_id=request, attempt=1, model_id=first, outcome="failed"),
            attempt_at(moment, "1", request_id=request, attempt=2, model_id=second),
        ]
    )
    usage = await read_usage(pia, UsageQuery(SPRING, Dimension.MODEL))
    assert (usage.totals.requests, usage.totals.attempts, usage.totals.failed) == (1, 2, 1)
    assert [(row.key, row.figures.requests, row.figures.attempts) for row in usage.rows] == [
        (str(second), 0, 1),
        (str(first), 1, 1),
    ]


@pytest.mark.parametrize(
    ("by", "key"),
    [(Dimension.FEATURE, "mind_reading"), (Dimension.MODEL, "x"), (Dimension.PERSON, ""), (Dimension.SECTION, "a\0b")],
)
async def test_a_filter_that_is_none_is_refused(pia: Actor, by: Dimension, key: str) -> None:
    with pytest.raises(Invalid):
        await read_usage(pia, UsageQuery(SPRING, filters={by: key}))
    with pytest.raises(Invalid):
        await export_usage(pia, SPRING, filters={by: key})


async def test_what_is_exported_adds_up_to_what_is_shown(school: School, pia: Actor) -> None:
    ledger = invented(school, 300, seed=5)
    await enter(ledger)
    rows = within(ledger, SPRING)
    exported = await export_usage(pia, SPRING, Dimension.PERSON)
    assert {(each.day, each.row.key): each.row.figures for each in exported} == grouped(
        rows, lambda row: (day_of(row, PARIS), key_of(row, Dimension.PERSON))
    )
    assert [each.day for each in exported] == sorted(each.day for each in exported)
    days = await export_usage(pia, SPRING, filters={Dimension.FEATURE: "course_outline"})
    outlines = grouped([row for row in rows if row.feature == "course_outline"], lambda row: day_of(row, PARIS))
    assert [(each.day, each.row.figures) for each in days] == [
        (day, outlines.get(day, Figures())) for day in SPRING.days
    ]


async def test_budgets_count_the_month_in_utc_as_routing_does(pia: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    chains = [("Spent", 2), ("Nearly", 2), ("Plenty", 2), ("Unused", 1), ("Unlimited", None)]
    await store(
        models=[{"name": "Big", "provider": "openai", "model": "big-1", "api_key": "sk-1"}],
        service_configs=[{"name": name, "primary_model": "Big", "budget_usd": budget} for name, budget in chains],
    )
    ids = {name: (await ids_of("Big", name))[1] for name, _ in chains}
    month = datetime(2026, 3, 1, tzinfo=UTC)
    monkeypatch.setattr("backend.genai.budgets.now", lambda: month + timedelta(days=30))
    await enter(
        [
            attempt_at(month - timedelta(seconds=1), "9", config_id=ids["Spent"]),
            attempt_at(month, "2", config_id=ids["Spent"]),
            attempt_at(month, "1.6", config_id=ids["Nearly"]),
            attempt_at(month, "1.59999999", config_id=ids["Plenty"]),
            attempt_at(month, None, config_id=ids["Plenty"]),
            attempt_at(month, "1", config_id=ids["Unlimited"]),
        ]
    )
    found = [
        (each.name, str(each.spending.usd), each.spending.state, each.spending.unpriced)
        for each in await budget_states(pia)
    ]
    assert found == [
        ("Nearly", "1.60000000", "warning", 0),
        ("Plenty", "1.59999999", "ok", 1),
        ("Spent", "2.00000000", "spent", 0),
        ("Unused", "0", "ok", 0),
    ]


async def test_models_that_answer_as_others_are_listed(pia: Actor) -> None:
    await store(
        models=[
            {"name": name, "provider": "openai", "model": f"{name.lower()}-1", "api_key": "sk-1"}
            for name in ("Steady", "Drifting")
        ],
        service_configs=[{"name": "Tutor", "primary_model": "Steady", "fallbacks": ["Drifting"]}],
    )
    (steady, _), (drifting, _) = await ids_of("Steady", "Tutor"), await ids_of("Drifting", "Tutor")
    begin, hour = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)

    def answered(number: int, model: UUID, asked: str, by: str | None) -> CompletionRequest:
        return attempt_at(begin + number * hour, model_id=model, requested_model=asked, reported_model=by)

    await enter(
        [
            answered(0, drifting, "drifting-0", "drifting-9"),  # pinned to another one then
            answered(1, drifting, "drifting-1", "drifting-1"),
            answered(2, drifting, "drifting-1", "drifting-2"),
            answered(3, steady, "steady-1", None),
            answered(4, drifting, "drifting-1", "drifting-2"),
            answered(5, drifting, "drifting-1", "drifting-3"),
            answered(6, uuid4(), "gone-1", "gone-2"),
        ]
    )
    found = [(each.name, each.pinned, each.answered, each.times, each.since) for each in await read_drifts(pia)]
    assert found == [
        ("Drifting", "drifting-1", "drifting-3", 1, begin + 5 * hour),
        ("Drifting", "drifting-1", "drifting-2", 2, begin + 2 * hour),
    ]


@pytest.mark.parametrize("role", ROLES)
async def test_only_administrators_see_what_is_used(school: School, role: str) -> None:
    actor = await school.actor(role) if role != "anonymous" else ANONYMOUS
    for reading in (
        lambda: read_usage(actor, UsageQuery(SPRING)),
        lambda: export_usage(actor, SPRING),
        lambda: budget_states(actor),
        lambda: read_drifts(actor),
    ):
        if role == "administrator":
            await reading()
        else:
            with pytest.raises(NotSignedIn if role == "anonymous" else Forbidden):
                await reading()
