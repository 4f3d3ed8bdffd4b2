"""What a person typed into the form of a model, by the same rules as the catalogue file."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from backend.core.errors import FieldErrors
from backend.core.rules import sentence_of
from backend.genai.catalogue import BOTH_PRICES, DIMENSIONS, ONE_KEY, ModelEntry
from backend.genai.defaults import DEFAULT_URLS, LOCAL_PORT_FIELD, PROVIDER_ALIASES
from backend.genai.models import RegisteredModel
from backend.genai.registered_models import SECRETS
from backend.genai.schemas import ModelKind

MODEL_FIELDS = tuple(name for name in ModelEntry.model_fields if name not in SECRETS)
"""What a form shows and sends back, each as a text; blank is the default."""
CHANGES = {f"{secret}_change" for secret in SECRETS}
"""What becomes of a stored secret: `keep`, `replace` by the one that is sent, or `clear`."""

TOGETHER = {
    ONE_KEY: ("api_key_env", "Give a key or a variable, not both."),
    DIMENSIONS: ("dimensions", "An embedding model needs its number of dimensions."),
    BOTH_PRICES: ("price_output", "Give both prices, of input and of output, or neither."),
}
"""The rules about several fields: where a form says them, and how."""
SECRET_NAMES = {"api_key": "key", "organization": "organization"}
DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int | None]
"""Scheme, host and port: to whom a key is sent."""


def entry_of(values: Mapping[str, str], held: RegisteredModel | None = None) -> ModelEntry:
    """A form's texts as an entry that sets every field, and those secrets that are replaced or cleared.

    `held` is what the form was filled with. Raises `FieldErrors` that says what is wrong at which field.
    """
    typed: dict[str, str | None] = {name: text for name in MODEL_FIELDS if (text := values.get(name, "").strip())}
    if typed.get("kind") != ModelKind.EMBEDDING:
        typed.pop("dimensions", None)  # a chat model's form doesn't show it
    faults: dict[str, str] = {}
    for secret in sorted(SECRETS):
        typed |= _secret(secret, values, held, faults)
    try:
        entry = ModelEntry.model_validate(typed)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise FieldErrors(dict(map(_told, found)) | faults) from None
    if faults := faults | _kept_in_vain(entry, typed, held):
        raise FieldErrors(faults)
    return entry.model_copy(update={name: getattr(entry, name) for name in MODEL_FIELDS})


def origin(provider: str, url: str | None) -> Origin | None:
    """Whom a model of `provider` is asked at; None for nobody, or an address that can't be read."""
    address = url or DEFAULT_URLS.get(PROVIDER_ALIASES.get(provider, provider))  # type: ignore[call-overload]
    try:
        parts = urlsplit((address or "").replace(LOCAL_PORT_FIELD, "1"))
        return (parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]) if parts.hostname else None
    except (ValueError, KeyError):
        return None


def _told(fault: Mapping[str, Any]) -> tuple[str, str]:
    """The field that a fault is shown at, and its sentence."""
    if fault["loc"]:
        return str(fault["loc"][0]), sentence_of(fault)
    return TOGETHER[str(fault["ctx"]["error"])]


def _secret(
    secret: str, values: Mapping[str, str], held: RegisteredModel | None, faults: dict[str, str]
) -> dict[str, str | None]:
    """What the entry says of a secret: nothing when it stays."""
    text, change = values.get(secret, "").strip(), values.get(f"{secret}_change", "keep")
    if text:
        return {secret: text}
    if change == "clear":
        return {secret: None}
    if change == "replace" and held and getattr(held, secret):
        faults[secret] = f"Enter the new {SECRET_NAMES[secret]}, or keep the stored one."
    return {}


def _kept_in_vain(entry: ModelEntry, typed: Mapping[str, str | None], held: RegisteredModel | None) -> dict[str, str]:
    """Why stored secrets that would stay can't: they would go to somebody else, or stand beside a variable."""
    kept = [secret for secret in sorted(SECRETS) if held and getattr(held, secret) and secret not in typed]
    if held is None or not kept:
        return {}
    if origin(entry.provider, entry.url_template) != origin(held.provider, held.url_template):
        return {
            secret: f"Enter the {SECRET_NAMES[secret]} again: it would be sent to another address." for secret in kept
        }
    if "api_key" in kept and entry.api_key_env:
        return {"api_key_env": "A key is stored: clear it to use the variable, or leave this empty."}
    return {}
