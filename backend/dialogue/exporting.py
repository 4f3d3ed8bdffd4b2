"""The job kind `export`: a person's own conversations as a zip, each as Markdown and as JSON, with a manifest."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from backend.access import Action, Actor
from backend.core.clock import now
from backend.core.database import transaction
from backend.dialogue import export_queries as queries
from backend.dialogue.archive import Archive, file_name
from backend.dialogue.models import MessageRole
from backend.jobs import JobContext, JobStatus, Kind, list_jobs, request_job

FILE = "conversations.zip"
PAGE = 50
"""Conversations, and messages of one, that are in memory at once."""
FORMAT = 1
"""Counts changes of the JSON files that their readers must know of."""


class ExportRequest(BaseModel):
    """Nothing to say: the job's section is exported, or all of the person's when it has none."""

    model_config = ConfigDict(extra="forbid")


class ExportResult(BaseModel):
    """What the zip holds; `size` in bytes."""

    conversations: int
    messages: int
    file: str
    size: int


async def start_export(actor: Actor, section_id: UUID) -> UUID:
    """Have the actor's conversations in a section exported; the job's id. One that is under way is enough."""
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        under_way = await list_jobs(actor, kind=EXPORT.name, status=status, section_id=section_id, limit=1)
        if under_way.jobs:
            return under_way.jobs[0].id
    return (await request_job(actor, EXPORT.name, {}, section_id=section_id)).job.id


async def export_conversations(context: JobContext, _request: ExportRequest) -> ExportResult:
    """Write the zip into the storage as it is made. Another attempt begins anew and replaces it."""
    export = _Export(context, await context.actor())
    made = await context.artifact_stream(FILE, export.zipped(), "application/zip")
    return ExportResult(conversations=len(export.listed), messages=export.messages, file=made.name, size=made.size)


EXPORT = Kind(
    "export", ExportRequest, ExportResult, export_conversations, Action.CONVERSATION_READ,
    requestable=True, limit=4, title="Export of conversations",
)  # fmt: skip


class _Export:
    def __init__(self, context: JobContext, actor: Actor) -> None:
        self._context = context
        self._actor = actor
        self._archive = Archive()
        self.listed: list[dict[str, Any]] = []
        self.messages = 0

    async def zipped(self) -> AsyncIterator[bytes]:
        """The zip: conversation after conversation, the oldest first, and the manifest last."""
        section_id = self._context.section_id
        async with transaction() as session:
            total = await queries.count_conversations(session, self._actor, section_id)
        last: UUID | None = None
        while True:
            async with transaction() as session:
                found = await queries.conversations_after(session, self._actor, section_id, last, PAGE)
            for each in found:
                async for piece in self._conversation(each):
                    yield piece
            done = len(self.listed)
            await self._context.progress(done / max(done, total, 1), f"{done} of {max(done, total)} conversations")
            if len(found) < PAGE:
                break
            last = found[-1].id
        async for piece in self._archive.add("manifest.json", now(), self._manifest()):
            yield piece
        yield self._archive.end()

    async def _conversation(self, each: queries.Exported) -> AsyncIterator[bytes]:
        path = f"{each.section}/{file_name(len(self.listed) + 1, each.title)}"
        before = self.messages
        async for piece in self._archive.add(f"{path}.json", each.updated_at, self._as_json(each)):
            yield piece
        async for piece in self._archive.add(f"{path}.md", each.updated_at, self._as_markdown(each)):
            yield piece
        files = [f"{path}.json", f"{path}.md"]
        self.listed.append(_described(each) | {"messages": self.messages - before, "files": files})

    async def _as_json(self, each: queries.Exported) -> AsyncIterator[str]:
        head = json.dumps({"format": FORMAT, **_described(each)}, ensure_ascii=False, indent=1)
        yield head.removesuffix("\n}") + ',\n "messages": ['
        separator = "\n"
        async for message in self._messages(each.id):
            self.messages += 1
            yield separator + json.dumps(asdict(message), ensure_ascii=False, default=str)
            separator = ",\n"
        yield "\n ]\n}\n"

    async def _as_markdown(self, each: queries.Exported) -> AsyncIterator[str]:
        yield f"# {' '.join(each.title.split())}\n"
        async for message in self._messages(each.id):
            who = "You" if message.role == MessageRole.USER else "Tutor"
            yield f"\n---\n\n**{who}**, {message.created_at:%Y-%m-%d %H:%M} UTC\n\n{message.content or message.error}\n"

    async def _messages(self, conversation_id: UUID) -> AsyncIterator[queries.ExportedMessage]:
        last: UUID | None = None
        while True:
            async with transaction() as session:
                found = await queries.messages_after(session, self._actor, conversation_id, last, PAGE)
            for message in found:
                yield message
            if len(found) < PAGE:
                return
            last = found[-1].id

    async def _manifest(self) -> AsyncIterator[str]:
        manifest = {
            "format": FORMAT,
            "exported_at": now().isoformat(),
            "person": {"name": self._actor.name, "email": self._actor.email},
            "conversations": self.listed,
        }
        yield json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"


def _described(each: queries.Exported) -> dict[str, Any]:
    return {
        "id": str(each.id),
        "title": each.title,
        "section": each.section,
        "lesson_key": str(each.lesson_key) if each.lesson_key else None,
        "created_at": each.created_at.isoformat(),
        "updated_at": each.updated_at.isoformat(),
    }
