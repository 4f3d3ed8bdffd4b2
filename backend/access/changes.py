"""What the audit log says of a changed configuration."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access.models import AuditEntry
from backend.access.policy import Actor
from backend.access.queries import record


def note_change(
    session: AsyncSession,
    actor: Actor,
    kind: str,
    name: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    verb: str = "changed",
) -> None:
    """Write one line, unless nothing changed. None `before`: it was created; None `after`: it was deleted."""
    if before == after:
        return
    done = "created" if before is None else "deleted" if after is None else verb
    entry = AuditEntry(actor_id=actor.person_id, action=f"{kind}.{done}", subject=name, before=before, after=after)
    record(session, entry)
