"""The form of one service config."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, TypedDict
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.services import BudgetItem, budget_item
from app.state.session import Session, acting
from backend.core.errors import Invalid, NotFound, StoaError
from backend.core.ids import parse_id
from backend.genai import (
    ServiceDraft,
    ServiceView,
    delete_service,
    list_model_choices,
    open_service,
    save_service,
)

FIELDS = ("id", "version", "name", "chain", "temperature", "max_output_tokens", "budget_usd")
NEW = "new"
BLANK = {**dict.fromkeys(FIELDS, ""), "chain": "[]"}
NOTHING_SPENT = BudgetItem(spent="0", budget="", state="unlimited", share=0, unpriced=0)


class ModelItem(TypedDict):
    """A model that the chain may hold."""

    name: str
    kind: str
    provider: str
    enabled: bool
    dev_only: bool


class UseItem(TypedDict):
    """A place that the config serves."""

    text: str
    href: str


class ServiceState(Session):
    """A service config: what is stored of it, and what was wrong with the last try to save."""

    title: str = ""
    subject: str = ""
    """The config's id, or `new`."""
    stored: str = ""
    values: dict[str, str] = BLANK
    errors: dict[str, str] = {}
    saving: bool = False
    models: list[ModelItem] = []
    uses: list[UseItem] = []
    spending: BudgetItem = NOTHING_SPENT
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        wanted = self._argument("service")
        if wanted != self.subject:
            self.reset()  # type: ignore[no-untyped-call]
        self.errors = {}
        try:
            await self._open(wanted)
        except StoaError as error:
            return self._refusal(error)
        self.loading, self.saving = False, False
        return None

    @rx.event
    async def save(self, values: dict[str, str]) -> AsyncIterator[Any]:
        """Store the form."""
        actor, texts = acting(), texts_of(values, FIELDS)
        target, version = parse_id(texts.get("id", "")), _version(texts.get("version", ""))
        self.saving = True
        yield
        try:
            view = await save_service(actor, _draft(texts), service_id=target, version=version)
        except StoaError as error:
            self.errors = errors_of(error)
            return
        finally:
            self.saving = False
        self._show(view)
        self.errors, self.stored = {}, uuid4().hex
        self._tell("Saved." if target else "Service config created.")
        if target is None:
            yield rx.redirect(f"/admin/services/{view.id}", replace=True)

    @rx.event
    async def reload(self) -> None:
        """Drop what was typed, and show the newest."""
        await self._open(self._argument("service"))
        self.errors, self.stored = {}, uuid4().hex

    @rx.event
    async def delete(self, service_id: str, version: str) -> Any:
        """Delete the config, as long as it is the one that the page shows."""
        target = parse_id(service_id)
        if target is None:
            raise NotFound
        try:
            await delete_service(acting(), target, _version(version))
        except StoaError as error:
            self.errors = errors_of(error)
            return None
        self._tell("Service config deleted.")
        self.stored = uuid4().hex
        return rx.redirect("/admin/services")

    async def _open(self, wanted: str) -> None:
        actor, target = acting(), parse_id(wanted)
        choices = await list_model_choices(actor)
        if target is None and wanted != NEW:
            raise NotFound("There is no such service config.")
        self.models = [
            ModelItem(name=x.name, kind=x.kind, provider=x.provider, enabled=x.enabled, dev_only=x.dev_only)
            for x in choices
        ]
        self.subject = wanted
        if target:
            self._show(await open_service(actor, target))

    def _show(self, view: ServiceView) -> None:
        self.title = view.name
        self.values = {
            "id": str(view.id),
            "version": str(view.version),
            "name": view.name,
            "chain": json.dumps([(place.role, place.model.name) for place in view.chain], ensure_ascii=False),
            "temperature": _text(view.temperature),
            "max_output_tokens": _text(view.max_output_tokens),
            "budget_usd": _text(view.budget_usd),
        }
        self.uses = [UseItem(text=str(use), href=f"/admin/features#{use.feature}") for use in view.uses]
        self.spending = budget_item(view.spending)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _version(text: object) -> int | None:
    return int(text) if isinstance(text, str) and re.fullmatch(r"[0-9]{1,9}", text) else None


def _draft(texts: dict[str, str]) -> ServiceDraft:
    typed = {name: texts.get(name, "") for name in ("name", "temperature", "max_output_tokens", "budget_usd")}
    return ServiceDraft(chain=_chain(texts.get("chain", "[]")), **typed)


def _chain(text: str) -> tuple[tuple[str, str], ...]:
    try:
        links = json.loads(text)
    except (ValueError, RecursionError):
        links = None
    if not isinstance(links, list) or not all(map(_is_link, links)):
        raise Invalid("A chain is a list of roles and names.")
    return tuple((role, name) for role, name in links)


def _is_link(link: object) -> bool:
    return isinstance(link, list) and len(link) == 2 and all(isinstance(each, str) for each in link)
