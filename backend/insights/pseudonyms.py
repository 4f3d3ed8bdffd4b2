"""What students are called where names aren't shown. Codes are drawn at random, so that nothing leads from one back."""

import secrets
from uuid import UUID

from backend.core.database import transaction
from backend.insights import text_queries as queries

ALPHABET = "23456789BCDFGHJKMNPQRTVWXYZ"
"""Without what is mistaken for something else, and without vowels, so that no words come about."""
LENGTH = 5


async def ensure_pseudonyms(section_id: UUID) -> None:
    """Give every student of a section a pseudonym who has none. The rare code that is taken is drawn anew."""
    async with transaction() as session:
        while people := await queries.nameless(session, section_id):
            await queries.give_pseudonyms(session, section_id, people, [_draw() for _ in people])


def shown(code: str | None) -> str:
    """A code as it is shown; empty when there is none."""
    return f"Student {code}" if code else ""


def _draw() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
