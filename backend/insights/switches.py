"""What a section's dashboard may show, as its instructors decide."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from backend.access import Action, Actor, AuditEntry, record
from backend.core.database import transaction
from backend.core.errors import Conflict, Invalid
from backend.insights import queries
from backend.insights.models import DashboardSwitches
from backend.insights.schemas import SectionSwitches, TranscriptSwitch
from backend.insights.sections import opened


async def read_switches(actor: Actor, section_id: UUID) -> SectionSwitches:
    """A section's switches."""
    async with transaction() as session:
        await opened(session, actor, section_id)
        return _view(await queries.switches_row(session, section_id))


async def save_switches(actor: Actor, section_id: UUID, switches: SectionSwitches) -> SectionSwitches:
    """Change a section's switches, on the record. Raises `Conflict` when somebody did since `switches` were read."""
    if switches.transcripts not in list(TranscriptSwitch):
        raise Invalid("transcripts: choose one of those that are offered.")
    try:
        async with transaction() as session:
            here = await opened(session, actor, section_id, action=Action.INSIGHTS_CONFIGURE)
            row = await queries.switches_row(session, section_id, lock=True)
            before = _view(row)
            if before.version != switches.version:
                raise Conflict
            row = row or DashboardSwitches(section_id=section_id)
            row.transcripts, row.recommendations = (
                TranscriptSwitch(switches.transcripts),
                bool(switches.recommendations),
            )
            session.add(row)
            await session.flush()
            after = _view(row)
            record(
                session,
                AuditEntry(
                    actor_id=actor.person_id,
                    action="insight_switches.changed",
                    subject=here.head.slug,
                    before=_entry(before),
                    after=_entry(after),
                ),
            )
    except IntegrityError as error:
        raise Conflict from error  # two made the first change at once
    return after


def _view(row: DashboardSwitches | None) -> SectionSwitches:
    if row is None:
        return SectionSwitches()
    return SectionSwitches(TranscriptSwitch(row.transcripts), row.recommendations, row.version)


def _entry(view: SectionSwitches) -> dict[str, object]:
    return {name: value for name, value in asdict(view).items() if name != "version"}
