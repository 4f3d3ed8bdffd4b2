"""Everything sealed, sealed anew under the present `SECRET_KEY`."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Action, Actor, AuditEntry, record, require
from backend.core.crypto import decrypt, encrypt, is_current
from backend.core.database import transaction
from backend.core.errors import Conflict, Unavailable
from backend.genai import queries
from backend.genai.models import RegisteredModel
from backend.genai.registered_models import SECRETS


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets there are, and how many of them were sealed anew."""

    total: int
    changed: int


async def reseal_secrets(actor: Actor) -> Resealed:
    """Seal every stored secret under the present key: all in one transaction, on the record, and only where needed.

    Raises `Conflict`, and changes nothing, when a secret can't be read under any key that is set.
    """
    require(actor, Action.GENAI_CONFIGURE)
    async with transaction() as session:
        models = await queries.lock_models_with_secrets(session)
        if unreadable := [model.name for model in models if not _is_readable(model)]:
            raise Conflict(
                f"Neither SECRET_KEY nor STOA_OLD_SECRET_KEYS reads the secrets of {', '.join(unreadable)}. Put the "
                "key they were saved under into STOA_OLD_SECRET_KEYS, or give the models new keys. Nothing was changed."
            )
        changed = sum([await _reseal(session, model) for model in models])
        if changed:
            after = {"secrets": changed}
            entry = AuditEntry(actor_id=actor.person_id, action="secret_key.rotated", subject="SECRET_KEY", after=after)
            record(session, entry)
    return Resealed(sum(len(_sealed(model)) for model in models), changed)


def _sealed(model: RegisteredModel) -> dict[str, bytes]:
    values = {column: getattr(model, column) for column in sorted(SECRETS)}
    return {column: value for column, value in values.items() if value is not None}


def _is_readable(model: RegisteredModel) -> bool:
    try:
        for value in _sealed(model).values():
            decrypt(value)
    except Unavailable:
        return False
    return True


async def _reseal(session: AsyncSession, model: RegisteredModel) -> int:
    """How many of the model's secrets needed it. The row's version stays: for people nothing changed."""
    anew = {column: encrypt(decrypt(value)) for column, value in _sealed(model).items() if not is_current(value)}
    if anew:
        await queries.set_secrets(session, model.id, anew)
    return len(anew)
