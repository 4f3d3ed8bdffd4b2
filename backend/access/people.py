"""Making people and giving them roles."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import queries
from backend.access.models import Person, Role
from backend.access.passwords import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH, hash_password
from backend.core.errors import Invalid


async def ensure_person(
    session: AsyncSession, email: str, name: str, password: str, *, is_administrator: bool = False
) -> tuple[Person, bool]:
    """The person with this e-mail address, made when missing, and whether they were. An existing one stays as it is.

    Raises `Invalid` for a password too short or too long.
    """
    if (person := await queries.person_by_email(session, email)) is not None:
        return person, False
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise Invalid(f"A password has {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH:,} characters.")
    person = Person(
        email=email, name=name, password_hash=await hash_password(password), is_administrator=is_administrator
    )
    session.add(person)
    await session.flush()
    return person, True


async def enrol(session: AsyncSession, person: Person, section_id: UUID, role: Role) -> None:
    """Make a person `role` in a section."""
    await queries.set_membership(session, person.id, section_id, role)
