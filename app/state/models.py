"""The administrators' list of models, and what those of one provider may take together."""

from dataclasses import replace
from typing import Any, TypedDict, cast
from uuid import uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.session import Session, acting
from backend.core.errors import Conflict, Invalid, NotFound, StoaError
from backend.core.ids import parse_id
from backend.genai import (
    LimitsForm,
    ModelFilter,
    ModelRow,
    list_models,
    list_provider_limits,
    save_provider_limits,
    set_model_enabled,
)

PAGE = 50
"""Models shown at first, and more each time."""
LONGEST_SEARCH = 200
PROVIDERS = {"openai": "OpenAI-compatible", "anthropic": "Anthropic", "ollama": "Ollama", "null": "No model"}
"""What people call the providers."""
LIMITS = ("provider", "version", "max_concurrent", "requests_per_minute", "tokens_per_minute")


class UseItem(TypedDict):
    """A service config that uses a model."""

    name: str
    href: str


class ModelItem(TypedDict):
    """A model in the list."""

    id: str
    href: str
    name: str
    kind: str
    provider: str
    pinned: str
    key: str
    enabled: bool
    dev_only: bool
    version: int
    used_by: list[UseItem]


class LimitsItem(TypedDict):
    """The form of a provider's limits."""

    provider: str
    label: str
    values: dict[str, str]
    errors: dict[str, str]
    saving: bool
    stored: str


class ModelsState(Session):
    """Every model, or those that were searched for."""

    models: list[ModelItem] = []
    limits: list[LimitsItem] = []
    has_more: bool = False
    search: str = ""
    provider: str = ""
    condition: str = ""
    order: str = "name"
    loading: bool = True
    _shown: int = PAGE

    @rx.var
    def filtered(self) -> bool:
        """Whether some models may be hidden by what was searched for."""
        return bool(self.search or self.provider or self.condition)

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        try:
            await self._refresh()
            await self._read_limits()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show the models whose name or version holds `text`."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._refresh()

    @rx.event
    async def choose_provider(self, provider: str) -> None:
        """Show the models of one provider, or of all."""
        await self._choose(provider=str(provider))

    @rx.event
    async def choose_condition(self, condition: str) -> None:
        """Show the models in one condition, or in any."""
        await self._choose(state=str(condition))

    @rx.event
    async def choose_order(self, order: str) -> None:
        """Show them in another order."""
        await self._choose(order=str(order))

    @rx.event
    async def show_more(self) -> None:
        """Show the next ones too."""
        self._shown += PAGE
        await self._refresh()

    @rx.event
    async def switch(self, model_id: str, version: int, enabled: bool) -> None:
        """Put a model into use or out of it."""
        target = parse_id(model_id)
        if target is None or not isinstance(version, int):
            raise NotFound
        try:
            await set_model_enabled(acting(), target, version, enabled is True)
        except (Conflict, NotFound) as error:
            self._tell(error.message, "bad")
        await self._refresh()

    @rx.event
    async def save_limits(self, values: dict[str, str]) -> Any:
        """Change what the models of a provider may take together."""
        texts = texts_of(values, LIMITS)
        place = await self._place(texts.get("provider", ""))
        self._change(place, {"saving": True, "errors": {}})
        yield
        changes: dict[str, Any] = {"saving": False}
        try:
            changes |= _taken(await _save(texts))
            self._tell("Saved.")
        except StoaError as error:
            changes["errors"] = errors_of(error)
        finally:
            self._change(place, changes)

    @rx.event
    async def reload_limits(self, provider: str) -> None:
        """Show the newest limits of a provider, and drop what was typed."""
        place = await self._place(str(provider))
        self._change(place, _taken((await list_provider_limits(acting()))[place]))

    async def _place(self, provider: str) -> int:
        if not self.limits:
            await self._read_limits()
        found = [place for place, item in enumerate(self.limits) if item["provider"] == provider]
        if not found:
            raise NotFound
        return found[0]

    async def _read_limits(self) -> None:
        self.limits = [_limits(each) for each in await list_provider_limits(acting())]

    def _change(self, place: int, changes: dict[str, Any]) -> None:
        self.limits[place] = cast(LimitsItem, {**self.limits[place], **changes})

    async def _choose(self, **chosen: str) -> None:
        wanted = replace(self._wanted(), **chosen)
        await self._list(wanted)
        self.provider, self.condition, self.order = wanted.provider, wanted.state, wanted.order

    async def _refresh(self) -> None:
        await self._list(self._wanted())

    def _wanted(self) -> ModelFilter:
        return ModelFilter(self.search, self.provider, self.condition, self.order)

    async def _list(self, wanted: ModelFilter) -> None:
        found, self.has_more = await list_models(acting(), wanted, self._shown)
        self.models = [_item(model) for model in found]


async def _save(texts: dict[str, str]) -> LimitsForm:
    version = texts.get("version", "")
    if not (version.isdecimal() and len(version) < 10):
        raise Invalid
    return await save_provider_limits(acting(), texts["provider"], int(version), texts)


def _limits(form: LimitsForm) -> LimitsItem:
    provider = form.provider.value
    return LimitsItem(
        provider=provider, label=PROVIDERS[provider], values=_values(form), errors={}, saving=False, stored=""
    )


def _taken(form: LimitsForm) -> dict[str, Any]:
    """What changes in a form whose texts are now what is stored."""
    return {"values": _values(form), "errors": {}, "stored": uuid4().hex}


def _values(form: LimitsForm) -> dict[str, str]:
    return form.values | {"provider": form.provider.value, "version": str(form.version)}


def _item(model: ModelRow) -> ModelItem:
    return ModelItem(
        id=str(model.id),
        href=f"/admin/models/{model.id}",
        name=model.name,
        kind=model.kind,
        provider=PROVIDERS[model.provider],
        pinned=model.model,
        key=model.key,
        enabled=model.enabled,
        dev_only=model.dev_only,
        version=model.version,
        used_by=[UseItem(name=use.name, href=f"/admin/services/{use.id}") for use in model.used_by],
    )
