"""The audit log: who changed what."""

import json
from typing import Any, TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend.access import AUDIT_PAGE, AuditLine, audit_kinds, read_audit
from backend.core.errors import StoaError

INLINE = 4
"""Changed fields that a line shows at once; more than these are unfolded by whoever wants them."""

VERBS = {
    "taken_out": "took out of service",
    "put_back": "put back into service",
    "seeded": "set up anew",
}
JOBS = "jobs"
"""Changes of which the subject is a phrase: "3 jobs", "the io lane"."""
NO_VALUE = "nothing"


class ChangeItem(TypedDict):
    """A field before and after, in words; empty on the side where the subject wasn't there."""

    field: str
    before: str
    after: str


class LineItem(TypedDict):
    """A line of the log."""

    id: str
    at: str
    who: str
    did: str
    subject: str
    changes: list[ChangeItem]
    folded: str
    """What the line says instead of its changes until they are unfolded; empty when it shows them."""
    cursor: str


class KindItem(TypedDict):
    """What changes can be of, for the filter."""

    value: str
    label: str


class AuditState(Session):
    """The log, searched, filtered and paged."""

    lines: list[LineItem] = []
    kinds: list[KindItem] = []
    search: str = ""
    kind: str = ""
    has_more: bool = False
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem, self.search, self.kind = "", "", ""
        try:
            kinds = await audit_kinds(acting())
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.kinds = [KindItem(value=kind, label=in_words(kind).capitalize()) for kind in kinds]
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show only lines in which `text` occurs."""
        self.search = text[:200] if isinstance(text, str) else ""
        await self._refresh()

    @rx.event
    async def choose_kind(self, kind: str) -> None:
        """Show only changes of this kind; of all when empty."""
        self.kind = kind[:200] if isinstance(kind, str) else ""
        await self._refresh()

    @rx.event
    async def show_older(self) -> None:
        """The next page of the log."""
        if self.lines:
            older = await self._page(after=self.lines[-1]["cursor"])
            self.lines = [*self.lines, *older]
            self.has_more = len(older) == AUDIT_PAGE

    async def _refresh(self) -> None:
        self.lines = await self._page()
        self.has_more = len(self.lines) == AUDIT_PAGE

    async def _page(self, after: str = "") -> list[LineItem]:
        return [_item(line) for line in await read_audit(acting(), search=self.search, kind=self.kind, after=after)]


def _item(line: AuditLine) -> LineItem:
    changes = [
        ChangeItem(
            field=in_words(change.field).capitalize(),
            before="" if line.made else said(change.before),
            after="" if line.deleted else said(change.after),
        )
        for change in line.changes
    ]
    return LineItem(
        id=str(line.id),
        at=line.at.isoformat(),
        who="The system" if line.by_system else line.who or "A person who is gone",
        did=deed(line.action),
        subject=line.subject,
        changes=changes,
        folded=f"{len(changes)} fields" if len(changes) > INLINE else "",
        cursor=line.cursor,
    )


def deed(action: str) -> str:
    """`service_config.changed` as a person says it: changed the service config. Of several jobs the subject tells."""
    kind, _, verb = action.rpartition(".")
    done = VERBS.get(verb, in_words(verb))
    return f"{done} the {in_words(kind)}" if kind and kind != JOBS else done


def said(value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None or value in ("", [], {}):
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(each) for each in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def in_words(name: str) -> str:
    """`max_output_tokens` as max output tokens."""
    return name.replace("_", " ")
