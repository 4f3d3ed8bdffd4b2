"""What a person typed into the form of a service config, by the same rules as the catalogue file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from backend.core.errors import FieldErrors
from backend.core.rules import sentence_of
from backend.genai.catalogue import ServiceConfigEntry
from backend.genai.models import ChainRole

LONGEST_CHAIN = 50
CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """A service config as it stands in a form: numbers as typed, the chain as (role, model name) in order."""

    name: str = ""
    chain: tuple[tuple[str, str], ...] = ()
    temperature: str = ""
    max_output_tokens: str = ""
    budget_usd: str = ""


def entry_of(draft: ServiceDraft) -> ServiceConfigEntry:
    """The draft as an entry of the catalogue file. Raises `FieldErrors`."""
    fault = chain_fault([role for role, _ in draft.chain])
    typed: dict[str, Any] = {
        "name": draft.name,
        "temperature": draft.temperature.strip() or None,
        "max_output_tokens": draft.max_output_tokens.strip() or None,
        "budget_usd": draft.budget_usd.strip() or None,
    }
    try:
        entry = ServiceConfigEntry.model_validate(typed | ({} if fault else _by_role(draft.chain)))
    except ValidationError as error:
        faults = {_field(each): sentence_of(each) for each in error.errors(include_url=False, include_input=False)}
        raise FieldErrors(faults | ({CHAIN: fault} if fault else {})) from None
    return entry


def chain_fault(roles: Sequence[str]) -> str:
    """Which rule the roles of a chain break, in a sentence; empty when none."""
    if not roles:
        return "Add at least one model: the primary."
    if len(roles) > LONGEST_CHAIN:
        return f"A chain has at most {LONGEST_CHAIN} models."
    if unknown := set(roles) - set(ChainRole):
        return f"“{min(unknown)}” is no role of a chain."
    if roles[0] != ChainRole.PRIMARY or roles.count(ChainRole.PRIMARY) > 1:
        return "The first model is the primary, and no other is."
    if ChainRole.SECONDARY in roles[2:]:
        return "There is one secondary at most, right after the primary."
    if ChainRole.BACKUP in roles[:-1]:
        return "There is one backup at most, and it comes last."
    return ""


def _by_role(chain: Sequence[tuple[str, str]]) -> dict[str, Any]:
    by_role = {role: name for role, name in chain if role != ChainRole.FALLBACK}
    return {f"{role}_model": name for role, name in by_role.items()} | {
        "fallbacks": [name for role, name in chain if role == ChainRole.FALLBACK]
    }


def _field(fault: Mapping[str, Any]) -> str:
    place = fault["loc"][0] if fault["loc"] else CHAIN
    return place if place in {"name", "temperature", "max_output_tokens", "budget_usd"} else CHAIN
