"""Where a page of a list that is ordered by time goes on: cursors for keyset paging."""

from datetime import datetime
from uuid import UUID

from backend.core.errors import Invalid
from backend.core.ids import parse_id


def cursor_at(moment: datetime, row_id: UUID) -> str:
    """The place of a row in its list."""
    return f"{moment.isoformat()}~{row_id}"


def parse_cursor(cursor: str) -> tuple[datetime, UUID] | None:
    """The place that `cursor_at` named; None for the beginning. Raises `Invalid` for anything else."""
    if not cursor:
        return None
    moment, _, row_id = cursor.partition("~")
    parsed = parse_id(row_id)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if parsed is None or at is None or at.tzinfo is None:
        raise Invalid("That isn't a place in the list.")
    return at, parsed
