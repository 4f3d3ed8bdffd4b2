"""The page of usage and cost, as a tab is told of it."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from app.state.usage import UsageState
from backend.core.clock import now
from tests.support.genai import store
from tests.support.ledger import attempt_at, enter
from tests.support.school import School, found_school
from tests.support.tab import Tab, Told, running_app

PATH = "/admin/usage"
ZONE = ZoneInfo("Pacific/Auckland")


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


@pytest.fixture
async def tab(school: School) -> AsyncIterator[Tab]:
    async with running_app():
        tab = Tab()
        await tab.connect(school.cookie("administrator"))
        yield tab


async def does(tab: Tab, event: str, **payload: Any) -> Told:
    return await tab.send(f"{UsageState.get_full_name()}.{event}", **payload)


async def opened(tab: Tab) -> None:
    await tab.load(PATH)
    await does(tab, "in_zone", zone=ZONE.key)


async def shown(tab: Tab) -> dict[str, Any]:
    """What the page shows, by the names of its vars."""
    state = next(held for name, held in (await tab.state()).items() if name.endswith("usage_state"))
    return {name.removesuffix("_rx_state_"): value for name, value in state.items()}


def today() -> date:
    return now().astimezone(ZONE).date()


async def test_it_waits_for_the_readers_time_zone_and_counts_days_by_it(tab: Tab) -> None:
    late = datetime.combine(today(), datetime.min.time(), ZONE) - timedelta(minutes=1)
    await enter([attempt_at(late, "1"), attempt_at(late + timedelta(minutes=2), "2")])
    told = await tab.load(PATH)
    assert told["usage_state.loading"] is True
    await does(tab, "in_zone", zone=ZONE.key)
    page = await shown(tab)
    assert (page["loading"], page["zone"], page["last"]) == (False, "Pacific/Auckland", today().isoformat())
    assert page["first"] == (today() - timedelta(days=29)).isoformat()
    assert [each["values"] for each in page["days"]][-2:] == [[1.0], [2.0]]
    assert [each["values"] for each in page["days"]][:-2] == [[0.0]] * 28


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", 7, None, ["UTC"]])
async def test_a_zone_that_is_none_becomes_utc(tab: Tab, zone: Any) -> None:
    await tab.load(PATH)
    await does(tab, "in_zone", zone=zone)
    assert (await shown(tab))["zone"] == "UTC"


@pytest.mark.parametrize(("preset", "days"), [("7", 7), ("30", 30), ("90", 90), ("month", None)])
async def test_periods_end_today(tab: Tab, preset: str, days: int | None) -> None:
    await opened(tab)
    await does(tab, "choose_range", preset=preset)
    page = await shown(tab)
    assert [page["days"][0]["day"], page["days"][-1]["day"]] == [page["first"], page["last"]]
    assert page["last"] == today().isoformat()
    assert len(page["days"]) == (days or today().day)


async def test_other_days_are_checked_at_their_fields(tab: Tab) -> None:
    await opened(tab)
    await does(tab, "choose_range", preset="custom")
    await does(tab, "choose_days", form={"from": "2026-03-05", "to": "2026-03-01"})
    page = await shown(tab)
    assert page["range_problem"] == {"to": "The last day can't be before the first."}
    assert page["last"] == today().isoformat()
    await does(tab, "choose_days", form={"from": "yesterday", "to": "2026-03-01"})
    assert (await shown(tab))["range_problem"] == {"from": "That isn't a date."}
    await does(tab, "choose_days", form={"from": "2026-03-01", "to": "2026-03-05"})
    page = await shown(tab)
    assert (page["range_problem"], len(page["days"]), page["days"][0]["day"]) == ({}, 5, "2026-03-01")


async def test_unpriced_is_said_and_never_zero(tab: Tab) -> None:
    priced, unpriced, mixed = uuid4(), uuid4(), uuid4()
    rows = [(priced, "0"), (unpriced, None), (mixed, None), (mixed, "3")]
    await enter([attempt_at(now(), cost, model_id=model) for model, cost in rows])
    await opened(tab)
    await does(tab, "choose_by", by="model")
    page = await shown(tab)
    assert {row["key"]: (row["cost"], row["unpriced"]) for row in page["rows"]} == {
        str(priced): (0.0, 0),
        str(unpriced): (None, 1),
        str(mixed): (3.0, 1),
    }
    assert (page["totals"]["cost"], page["totals"]["unpriced"], page["days"][-1]["unpriced"]) == (3.0, 2, 2)
    await does(tab, "choose_by", by="feature")
    await does(tab, "show_unpriced")
    page = await shown(tab)
    assert (page["by"], page["sort"], page["rows"][-1]["key"]) == ("model", "unpriced", str(priced))


async def test_pressing_a_row_or_a_day_counts_only_it_until_pressed_again(tab: Tab) -> None:
    yesterday = now() - timedelta(days=1)
    await enter(
        [
            attempt_at(now(), "1"),
            attempt_at(now(), "2", feature="grading_feedback"),
            attempt_at(yesterday, "4", feature="grading_feedback"),
        ]
    )
    await opened(tab)
    await does(tab, "pick", key="grading_feedback")
    page = await shown(tab)
    assert [(row["key"], row["chosen"]) for row in page["rows"]] == [("grading_feedback", True)]
    assert (page["totals"]["cost"], page["filters"][0]["label"]) == (6.0, "Feature: Grading")
    await does(tab, "pick_day", day=page["last"])
    page = await shown(tab)
    assert (page["totals"]["cost"], [each["by"] for each in page["filters"]]) == (2.0, ["feature", "day"])
    assert [each["values"] for each in page["days"]][-2:] == [[4.0], [2.0]]
    await does(tab, "pick", key="grading_feedback")
    assert (await shown(tab))["totals"]["cost"] == 3.0
    await does(tab, "pick_day", day=page["last"])
    page = await shown(tab)
    assert (page["totals"]["cost"], page["filters"]) == (7.0, [])


async def test_filters_are_taken_away_and_other_days_forget_the_picked_one(tab: Tab) -> None:
    await enter([attempt_at(now(), "1"), attempt_at(now(), "2", feature="grading_feedback")])
    await opened(tab)
    await does(tab, "pick", key="grading_feedback")
    await does(tab, "pick_day", day=(await shown(tab))["last"])
    await does(tab, "choose_range", preset="7")
    page = await shown(tab)
    assert (page["picked"], [each["by"] for each in page["filters"]]) == ("", ["feature"])
    await does(tab, "drop", by="feature")
    page = await shown(tab)
    assert (page["totals"]["cost"], page["filters"]) == (3.0, [])


async def test_the_file_has_what_the_page_shows(tab: Tab) -> None:
    await enter([attempt_at(now(), "1")])
    await opened(tab)
    await does(tab, "pick", key="student_dialogue")
    await does(tab, "choose_by", by="person")
    page = await shown(tab)
    address = urlsplit(page["csv"])
    assert address.path == "/api/v1/usage.csv"
    assert parse_qs(address.query) == {
        "from": [page["first"]],
        "to": [page["last"]],
        "zone": ["Pacific/Auckland"],
        "by": ["person"],
        "feature": ["student_dialogue"],
    }
    await does(tab, "pick_day", day=page["last"])
    query = parse_qs(urlsplit((await shown(tab))["csv"]).query)
    assert (query["from"], query["to"]) == ([page["last"]], [page["last"]])


async def test_a_long_list_is_searched_sorted_and_shown_in_parts(tab: Tab) -> None:
    await enter([attempt_at(now(), f"{n}", model_id=uuid4(), requested_model=f"model-{n:02}") for n in range(60)])
    await opened(tab)
    await does(tab, "choose_by", by="model")
    page = await shown(tab)
    assert ([row["name"] for row in page["rows"]][:2], len(page["rows"]), page["found"]) == (
        ["model-59", "model-58"],
        25,
        60,
    )
    await does(tab, "show_more")
    assert len((await shown(tab))["rows"]) == 50
    await does(tab, "sort_by", column="name")
    assert (await shown(tab))["rows"][0]["name"] == "model-00"
    await does(tab, "sort_by", column="name")
    assert (await shown(tab))["rows"][0]["name"] == "model-59"
    await does(tab, "search_for", text="MODEL-3")
    page = await shown(tab)
    assert ({row["name"][:7] for row in page["rows"]}, page["found"]) == ({"model-3"}, 10)
    assert [row["series"] for row in page["rows"]] == [4] * 10  # they are among the others


async def test_budgets_and_drift_are_there(tab: Tab) -> None:
    await store(
        models=[{"name": "Big", "provider": "openai", "model": "big-1", "api_key": "sk-1"}],
        service_configs=[{"name": "Tutor", "primary_model": "Big", "budget_usd": 10}],
    )
    await tab.load(PATH)
    page = await shown(tab)
    assert [(each["name"], each["spent"], each["share"], each["state"]) for each in page["budgets"]] == [
        ("Tutor", 0.0, 0.0, "ok")
    ]
    assert page["drifts"] == []


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("choose_range", {"preset": "99"}),
        ("choose_range", {"preset": ["7"]}),
        ("choose_by", {"by": "mood"}),
        ("choose_by", {"by": ["feature"]}),
        ("choose_measure", {"measure": None}),
        ("pick", {"key": "mind_reading"}),
        ("pick_day", {"day": "1999-01-01"}),
        ("pick_day", {"day": ["2026-01-01"]}),
        ("sort_by", {"column": "password"}),
        ("sort_by", {"column": {}}),
    ],
)
async def test_what_no_page_sends_is_refused_and_changes_nothing(tab: Tab, event: str, payload: dict[str, Any]) -> None:
    await opened(tab)
    before = await shown(tab)
    assert (await does(tab, event, **payload)).refusal.startswith("There is no such")
    assert await shown(tab) == before
