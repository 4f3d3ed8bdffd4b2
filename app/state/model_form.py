"""The form of one model: what it is filled with, what is wrong in it, and what a test of it said."""

from typing import Any
from uuid import UUID, uuid4

import reflex as rx

from app.state.forms import errors_of, texts_of
from app.state.model_trial import NO_TRIAL, TrialItem, not_asked, said
from app.state.models import UseItem
from app.state.session import Session, acting
from backend.core.errors import Invalid, NotFound, StoaError
from backend.core.ids import parse_id
from backend.genai import DEFAULT_URLS as URLS
from backend.genai import (
    MODEL_FIELDS,
    ModelForm,
    blank_model,
    delete_model,
    model_defaults,
    read_model,
    save_model,
    test_model,
)

NEW = "new"
SECRETS = ("api_key", "organization")
NAMES = (*MODEL_FIELDS, "id", "version", *SECRETS, *(f"{name}_change" for name in SECRETS))
DEFAULT_URLS = {provider.value: url for provider, url in URLS.items()}
PLACEHOLDERS = model_defaults()
"""What a blank field means."""


class ModelFormState(Session):
    """The model that the page is about, or the one to be."""

    subject: str = ""
    title: str = ""
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    key: str = ""
    organization: str = ""
    used_by: list[UseItem] = []
    saving: bool = False
    testing: bool = False
    stored: str = ""
    trial: TrialItem = NO_TRIAL
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page. What is typed in it already stays."""
        self.problem = ""
        subject = self._argument("model")
        if subject != self.subject:
            self.reset()  # type: ignore[no-untyped-call]
        try:
            await self._fill(subject)
        except StoaError as error:
            return self._refusal(error)
        self.errors, self.trial = {}, NO_TRIAL
        self.saving = self.testing = self.loading = False
        return None

    @rx.event
    async def save(self, values: dict[str, str]) -> Any:
        """Register or change the model that the form is about."""
        texts = texts_of(values, NAMES)
        target = _target(texts.get("id"))
        self.saving, self.errors = True, {}
        yield
        try:
            form = await save_model(acting(), target, _version(texts), texts)
            self.stored = uuid4().hex
            self._tell("Saved.")
            if target is None:
                yield rx.redirect(f"/admin/models/{form.id}", replace=True)
            else:
                self._show(form)
        except StoaError as error:
            self.errors = errors_of(error)
        finally:
            self.saving = False

    @rx.event
    async def reload(self) -> None:
        """Show what is stored, and drop what was typed."""
        await self._fill(self.subject)
        self.errors, self.stored = {}, uuid4().hex

    @rx.event(background=True)
    async def test(self, values: dict[str, str]) -> None:
        """Ask the model one line, as the form stands. The page goes on meanwhile."""
        texts = texts_of(values, NAMES)
        target = _target(texts.get("id"))
        async with self:
            self.testing, self.errors, self.trial = True, {}, NO_TRIAL
        errors: dict[str, str] = {}
        trial = NO_TRIAL
        try:
            trial = said(await test_model(acting(), target, texts))
        except StoaError as error:
            errors, trial = errors_of(error), not_asked()
        finally:
            async with self:
                if self.subject == texts["id"]:
                    self.testing, self.errors, self.trial = False, errors, trial

    @rx.event
    async def delete(self, model_id: str) -> Any:
        """Delete the model, for good."""
        target = _target(model_id)
        if target is None:
            raise NotFound
        self.saving, self.errors = True, {}
        yield
        try:
            await delete_model(acting(), target)
            self.stored = uuid4().hex
            self._tell(f"Deleted “{self.title}”.")
            yield rx.redirect("/admin/models")
        except StoaError as error:
            self.errors = {"form": " ".join(errors_of(error).values())}
        finally:
            self.saving = False

    async def _fill(self, subject: str) -> None:
        """Show what is stored of a model, or the blank form."""
        target = _target(subject)
        self.subject = subject
        if target is None:
            self.values = blank_model(acting()) | {"id": NEW, "version": ""}
        else:
            self._show(await read_model(acting(), target))

    def _show(self, form: ModelForm) -> None:
        if self.subject != str(form.id):  # the person went on to another one
            return
        self.title = form.values["name"]
        self.values = form.values | {"id": str(form.id), "version": str(form.version)}
        self.key, self.organization = form.key, form.organization
        self.used_by = [UseItem(name=use.name, href=f"/admin/services/{use.id}") for use in form.used_by]


def _target(subject: str | None) -> UUID | None:
    """Which model is changed; None for a new one. Raises `NotFound` for what can't be one."""
    if subject == NEW:
        return None
    target = parse_id(subject) if isinstance(subject, str) else None
    if target is None:
        raise NotFound
    return target


def _version(texts: dict[str, str]) -> int | None:
    text = texts.get("version", "")
    if text and not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise Invalid
    return int(text) if text else None
