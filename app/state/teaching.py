"""The home page of those who teach: their sections in two figures, and what waits for them."""

from datetime import timedelta
from typing import TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend import insights
from backend.access import Actor
from backend.core.errors import Unavailable
from backend.courses import SectionCard, list_sections

MOST = 12
"""Sections that are looked into: nobody teaches more at once, and each costs some queries."""
WEEK = 7


class TaughtItem(TypedDict):
    """A section that the person teaches in.

    Two figures: how many students were active in the last seven days, which says whether the section lives, and how
    many answers students found unhelpful that nobody has seen to, which says whether there is something to do.
    """

    slug: str
    title: str
    course: str
    students: int
    active: int
    waiting: int


class TeachingState(Session):
    """Beside `HomeState`, which is everybody's."""

    taught: list[TaughtItem] = []
    waiting: int = 0

    @rx.event
    async def load(self) -> None:
        """Fill the part of the page; where a figure can't be had, the page does without it."""
        actor = acting()
        try:
            cards = [card for card in await list_sections(actor) if card.role in {"instructor", "assistant"}]
            self.taught = [await _taught(actor, card) for card in cards[:MOST]]
        except Unavailable:
            self.taught = []
        self.waiting = sum(each["waiting"] for each in self.taught)


async def _taught(actor: Actor, card: SectionCard) -> TaughtItem:
    head = await insights.open_section_head(actor, card.slug)
    week = insights.Filters(head.today - timedelta(days=WEEK - 1), head.today)
    overview = await insights.read_overview(actor, card.id, week)
    queue = await insights.read_complaints(actor, card.id)
    return TaughtItem(
        slug=card.slug,
        title=card.title,
        course=card.course_title,
        students=head.students,
        active=overview.totals.active,
        waiting=queue.total,
    )
