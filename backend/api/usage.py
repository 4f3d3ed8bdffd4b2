"""Usage as a file for spreadsheets."""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query, Response

from backend.api.identity import CurrentActor
from backend.genai import Dimension, ExportRow, Figures, export_usage, period, zone_named

router = APIRouter(prefix="/v1", tags=["usage"])

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets; the apostrophe makes it text (OWASP, CSV injection)."""
FIGURES = (
    "requests",
    "attempts",
    "failed_attempts",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "attempts_with_estimated_tokens",
    "cost_usd",
    "unpriced_attempts",
)

Day = Annotated[str, Query(max_length=10)]
Key = Annotated[str | None, Query(max_length=36)]


@router.get("/usage.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def usage_csv(
    actor: CurrentActor,
    first: Annotated[Day, Query(alias="from", description="The first day, as 2026-03-01.")],
    last: Annotated[Day, Query(alias="to", description="The last day.")],
    by: Annotated[Dimension | None, Query(description="Tell its values apart, each on a row of its own.")] = None,
    zone: Annotated[str, Query(max_length=64, description="The time zone that the days are of.")] = "UTC",
    feature: Key = None,
    section: Key = None,
    model: Key = None,
    person: Key = None,
    config: Key = None,
) -> Response:
    """Requests, attempts, tokens and cost by day, for administrators. Filters take ids; `none` is what has none.

    Unpriced attempts are counted, and are no part of the cost, which is empty where there is no other attempt.
    """
    given = zip(Dimension, (feature, section, model, person, config), strict=True)
    rows = await export_usage(
        actor, period(first, last, zone_named(zone)), by, {each: key for each, key in given if key is not None}
    )
    name = f"stoa-usage-{first}-{last}{f'-by-{by.value}' if by else ''}.csv"
    return Response(
        written(rows, by),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def written(rows: list[ExportRow], by: Dimension | None) -> str:
    """The file's text: a heading, then a line for each row."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow(["day", *([by.value, "detail", "id"] if by else []), *FIGURES])
    for each in rows:
        about = [safe(each.row.name), safe(each.row.detail), each.row.key] if by else []
        lines.writerow([each.day.isoformat(), *about, *cells_of(each.row.figures)])
    return file.getvalue()


def safe(text: str) -> str:
    """`text` as a cell that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def cells_of(figures: Figures) -> list[object]:
    """Figures as the cells of a line, in the order of `FIGURES`; unpriced attempts alone have no cost."""
    known = figures.attempts > figures.unpriced or not figures.attempts
    return [
        figures.requests,
        figures.attempts,
        figures.failed,
        figures.input_tokens,
        figures.output_tokens,
        figures.cached_tokens,
        figures.reasoning_tokens,
        figures.estimated,
        f"{figures.cost_usd:f}" if known else "",
        figures.unpriced,
    ]
