"""Usage as a file: what is in it, and that no cell is run by the spreadsheet that opens it."""

import csv
import io
from datetime import UTC, datetime
from uuid import uuid4

import httpx2
import pytest

from backend.access.models import Person
from tests.support.ledger import attempt_at, enter
from tests.support.school import School, change, found_school
from tests.support.web import browser

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARCH = {"from": "2026-03-01", "to": "2026-03-03"}


@pytest.fixture
async def school(services: None) -> School:
    return await found_school()


async def asked(school: School, **query: str) -> httpx2.Response:
    async with browser(school.cookie("administrator")) as page:
        return await page.get("/api/v1/usage.csv", params={**MARCH, **query})


async def lines(school: School, **query: str) -> list[dict[str, str]]:
    response = await asked(school, **query)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.text)))


async def test_each_day_is_a_line_and_empty_ones_are_zero(school: School) -> None:
    await enter([attempt_at(NOON, "0.00000012", input_tokens=11, output_tokens=3, tokens_estimated=True)])
    response = await asked(school)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == ('attachment; filename="stoa-usage-2026-03-01-2026-03-03.csv"')
    first, second, third = await lines(school)
    assert first == {
        "day": "2026-03-01",
        "requests": "1",
        "attempts": "1",
        "failed_attempts": "0",
        "input_tokens": "11",
        "output_tokens": "3",
        "cached_tokens": "0",
        "reasoning_tokens": "0",
        "attempts_with_estimated_tokens": "1",
        "cost_usd": "0.00000012",
        "unpriced_attempts": "0",
    }
    assert [second["day"], third["day"]] == ["2026-03-02", "2026-03-03"]
    assert (second["attempts"], second["cost_usd"]) == ("0", "0")


async def test_days_are_of_the_zone_that_is_named(school: School) -> None:
    await enter([attempt_at(NOON.replace(hour=23), "1")])
    assert [line["attempts"] for line in await lines(school)] == ["1", "0", "0"]
    assert [line["attempts"] for line in await lines(school, zone="Europe/Paris")] == ["0", "1", "0"]


async def test_unpriced_attempts_cost_nothing_that_is_known(school: School) -> None:
    model, mixed = uuid4(), uuid4()
    await enter(
        [
            attempt_at(NOON, None, model_id=model),
            attempt_at(NOON, None, model_id=mixed),
            attempt_at(NOON, "2.5", model_id=mixed),
        ]
    )
    found = {line["id"]: (line["cost_usd"], line["unpriced_attempts"]) for line in await lines(school, by="model")}
    assert found == {str(model): ("", "1"), str(mixed): ("2.50000000", "1")}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
async def test_a_name_that_is_a_formula_stays_text(school: School, start: str) -> None:
    student = school.members["student"].id
    name = f'{start}HYPERLINK("https://evil.example","Ada")'
    await change(Person, student, name=name, email=f"{start}1@example.org")
    await enter([attempt_at(NOON, "1", person_id=student)])
    (line,) = await lines(school, by="person")
    assert (line["person"], line["detail"]) == (f"'{name}", f"'{start}1@example.org")


async def test_filters_narrow_what_is_counted(school: School) -> None:
    student = school.members["student"].id
    await enter([attempt_at(NOON, "1", person_id=student), attempt_at(NOON, "2")])
    assert [line["cost_usd"] for line in await lines(school, by="feature", person=str(student))] == ["1.00000000"]
    assert [line["cost_usd"] for line in await lines(school, by="feature", person="none")] == ["2.00000000"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"from": "x"}, "from: that isn't a date."),
        ({"to": "2026-02-01"}, "to: the last day can't be before the first."),
        ({"zone": "Mars"}, "zone: there is no such time zone."),
        ({"by": "mood"}, "by:"),
        ({"model": "x"}, "model: there is nothing by that name."),
        ({"person": "x" * 99}, "person:"),
    ],
)
async def test_what_cant_be_counted_is_refused_by_its_rule(school: School, query: dict[str, str], says: str) -> None:
    response = await asked(school, **query)
    assert response.status_code == 422
    assert says in response.json()["error"]["message"]
