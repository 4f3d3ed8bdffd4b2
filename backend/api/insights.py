"""A section's cost as a file for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from backend.api.identity import CurrentActor
from backend.api.usage import FIGURES, cells_of, safe
from backend.insights import CostLine, export_cost, filters, open_section_head

router = APIRouter(prefix="/v1", tags=["insights"])

Day = Annotated[str, Query(max_length=10)]


@router.get("/sections/{section}/cost.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def section_cost_csv(
    actor: CurrentActor,
    section: str,
    first: Annotated[Day, Query(alias="from", description="The first day, as 2026-03-01.")],
    last: Annotated[Day, Query(alias="to", description="The last day.")],
) -> Response:
    """What a section cost by day, feature and model, for those who teach it. Days are of the section's time zone."""
    asked = filters(first, last)
    head = await open_section_head(actor, section)
    lines = await export_cost(actor, head.id, asked)
    return Response(
        written(lines),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{head.slug}-cost-{asked.first}-{asked.last}.csv"'},
    )


def written(rows: Sequence[CostLine]) -> str:
    """The file's text: a heading, then a line for each row."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow(["day", "feature", "model", *FIGURES])
    for each in rows:
        lines.writerow([each.day.isoformat(), safe(each.feature), safe(each.model), *cells_of(each.figures)])
    return file.getvalue()
