"""Limits of people and sections, set as an administrator would, and tokens that somebody used."""

from datetime import datetime
from uuid import UUID

from backend.access import SYSTEM
from backend.core.clock import now
from backend.core.database import transaction
from backend.core.ids import new_id
from backend.genai import limits_queries, save_limits
from backend.genai.models import CompletionRequest, Outcome


async def limit(section_id: UUID | None, **values: int) -> None:
    """Set a section's limits, or the default ones; fields that aren't named are blank."""
    async with transaction() as session:
        row = await limits_queries.limits_row(session, section_id)
    await save_limits(
        SYSTEM, section_id, {name: str(value) for name, value in values.items()}, row.version if row else None
    )


async def use_tokens(
    section_id: UUID | None,
    person_id: UUID | None,
    tokens: int,
    *,
    at: datetime | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
) -> None:
    """An attempt in the ledger: a tenth of `tokens` was the answer."""
    async with transaction() as session:
        session.add(
            CompletionRequest(
                created_at=at or now(),
                request_id=new_id(),
                attempt=1,
                feature="student_dialogue",
                section_id=section_id,
                person_id=person_id,
                provider="openai",
                requested_model="replay-1",
                reason="primary",
                outcome=outcome,
                input_tokens=tokens - tokens // 10,
                output_tokens=tokens // 10,
                unpriced=True,
                duration_ms=1,
            )
        )
