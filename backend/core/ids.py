"""Identifiers: UUID version 7, so that primary keys sort by the time they were made (RFC 9562)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new time-ordered id; strictly increasing within one process."""
    return UUID(int=uuid7().int)


def parse_id(text: str) -> UUID | None:
    """The id written in `text`, or None: what a browser sends is only ever a string."""
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
