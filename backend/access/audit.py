"""Reading the audit log: who changed what, and what it was before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.access import queries
from backend.access.models import AuditEntry
from backend.access.policy import Action, Actor, require
from backend.core.database import transaction
from backend.core.paging import cursor_at, parse_cursor

AUDIT_PAGE = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class AuditChange:
    """One field that changed. None: it had, or has, no value. Of secrets only "set" and "replaced" are known."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the log. `action` is "kind.verb", as in "service_config.changed"."""

    id: UUID
    at: datetime
    who: str
    """Their name; empty when nobody by that id is there any more."""
    by_system: bool
    action: str
    subject: str
    changes: tuple[AuditChange, ...]
    made: bool
    """The subject wasn't there before."""
    deleted: bool
    """It isn't there any more."""

    @property
    def cursor(self) -> str:
        """Where the next page begins after this line."""
        return cursor_at(self.at, self.id)


async def read_audit(actor: Actor, *, search: str = "", kind: str = "", after: str = "") -> list[AuditLine]:
    """One page of the log, the latest first, after the line with cursor `after`.

    `search` looks in subjects, actions and people; `kind` is the part of an action before its dot. Raises `Invalid`
    for a cursor that is none.
    """
    require(actor, Action.AUDIT_READ)
    search = search.replace("\0", "").strip()[:LONGEST_SEARCH]
    async with transaction() as session:
        rows = await queries.audit_entries(session, search, kind, parse_cursor(after), AUDIT_PAGE)
    return [_line(entry, name) for entry, name in rows]


async def audit_kinds(actor: Actor) -> list[str]:
    """What the log has changes of: the parts of actions before their dot."""
    require(actor, Action.AUDIT_READ)
    async with transaction() as session:
        return list(await queries.audit_kinds(session))


def _line(entry: AuditEntry, name: str | None) -> AuditLine:
    return AuditLine(
        id=entry.id,
        at=entry.created_at,
        who=name or "",
        by_system=entry.actor_id is None,
        action=entry.action,
        subject=entry.subject,
        changes=differences(entry.before or {}, entry.after or {}),
        made=not entry.before,
        deleted=not entry.after,
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[AuditChange, ...]:
    """The fields whose values differ, by name; a missing one is None."""
    return tuple(
        AuditChange(field, before.get(field), after.get(field))
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    )
