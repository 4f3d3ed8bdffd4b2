"""The record of runs in the sandbox, as a file."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from backend.api.identity import CurrentActor
from backend.sandbox import Verdict, export_runs

router = APIRouter(prefix="/v1", tags=["sandbox"])


@router.get(
    "/sandbox/runs.jsonl",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def sandbox_runs(
    actor: CurrentActor,
    search: Annotated[str, Query(max_length=200, description="A person, a submission or an image.")] = "",
    verdict: Annotated[Verdict | None, Query(description="How the run ended.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Runs from then on; ISO 8601.")] = None,
) -> StreamingResponse:
    """Every recorded run, the latest first, one JSON object a line, for administrators."""
    lines = export_runs(actor, search=search, verdict=verdict or "", since=since)
    return StreamingResponse(
        lines,
        media_type="application/x-ndjson",
        headers={"content-disposition": 'attachment; filename="stoa-sandbox-runs.jsonl"'},
    )
