"""Rows of the ledger, written as completions would have."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from backend.core.database import transaction
from backend.genai.models import CompletionRequest, Outcome


def attempt_at(moment: datetime, cost: str | None = "0", **fields: Any) -> CompletionRequest:
    """An attempt that ended at `moment`; `cost` in USD, None when no price is known."""
    known: dict[str, Any] = {
        "request_id": uuid4(),
        "attempt": 1,
        "feature": "student_dialogue",
        "provider": "openai",
        "requested_model": "replay-1",
        "reason": "primary",
        "outcome": Outcome.SUCCEEDED,
        "duration_ms": 100.0,
        "cost_usd": None if cost is None else Decimal(cost),
        "unpriced": cost is None,
    }
    return CompletionRequest(created_at=moment, **{**known, **fields})


async def enter(rows: Sequence[CompletionRequest]) -> None:
    """Write rows into the ledger."""
    async with transaction() as session:
        session.add_all(rows)
