"""`/admin/models/{model}`: the form of one model, or of a new one."""

import reflex as rx

from app.components.dialogs import confirm
from app.components.fields import (
    arrived,
    check_field,
    checks,
    date_field,
    form,
    group,
    number_field,
    revealed,
    save_bar,
    secret_field,
    select_field,
    send_button,
    shown_when,
    text_field,
)
from app.components.page import opened, skeleton
from app.pages.admin import admin_page
from app.state.model_form import DEFAULT_URLS, NEW, PLACEHOLDERS, ModelFormState
from app.state.model_trial import Figure
from app.state.models import PROVIDERS, UseItem

KINDS = (("chat", "Chat: writes answers"), ("embedding", "Embedding: finds what is alike"))
SECONDS = "seconds"
DOLLARS = "$ per million tokens"
RATE = "0 to 1"


def model() -> rx.Component:
    """What is registered, tested and saved here."""
    content = rx.fragment(
        rx.el.p(rx.el.a("All models", href="/admin/models"), class_name="back"),
        rx.el.h1(rx.cond(ModelFormState.subject == NEW, "Register a model", ModelFormState.title)),
        rx.cond(ModelFormState.used_by.length() > 0, _used_by()),
        _form(),
    )
    address = "/admin/models/" + ModelFormState.subject
    loaded = opened(ModelFormState.loading, skeleton(), arrived(address, content, skeleton()))
    return admin_page("models", loaded)


def _used_by() -> rx.Component:
    return rx.el.p(
        "Used by ",
        rx.el.span(
            rx.foreach(ModelFormState.used_by, lambda use: rx.el.a(use.to(UseItem)["name"], href=use["href"])),
            class_name="config-links",
        ),
        class_name="meta",
    )


def _form() -> rx.Component:
    return form(
        _identity(),
        _address(),
        _limits(),
        _times(),
        _breaker(),
        _capabilities(),
        _prices(),
        _trial(),
        save_bar(
            send_button("Test model", ModelFormState.test, busy=ModelFormState.testing, busy_label="Testing…"),
            rx.cond(ModelFormState.subject != NEW, _delete()),
            cancel="/admin/models",
        ),
        values=ModelFormState.values,
        errors=ModelFormState.errors,
        busy=ModelFormState.saving,
        subject=ModelFormState.subject,
        stored=ModelFormState.stored,
        name="Model",
        on_save=ModelFormState.save,
        on_reload=ModelFormState.reload,
    )


def _delete() -> rx.Component:
    return confirm(
        "Delete",
        ModelFormState.delete(ModelFormState.subject),
        title="Delete this model?",
        text="“" + ModelFormState.title + "” and its key are gone for good. What it cost stays in the ledger.",
        yes="Delete for good",
    )


def _identity() -> rx.Component:
    return group(
        "Identity",
        text_field("name", "Name", required=True, hint="What people see. It can be changed at any time."),
        select_field(
            "provider",
            "Provider",
            tuple(PROVIDERS.items()),
            placeholder="Choose…",
            required=True,
            hint="OpenAI-compatible: also Azure, vLLM, llama.cpp, LM Studio and many others.",
        ),
        text_field(
            "model", "Pinned version", required=True, hint="Exactly what the provider is asked for. No “latest”."
        ),
        select_field("kind", "Kind", KINDS),
        shown_when("kind", ["embedding"], _number("dimensions", "Dimensions", required=True)),
        checks(
            check_field("enabled", "Enabled", hint="Chains pass over a model that isn’t."),
            check_field("dev_only", "Development only", hint="It never grades in production."),
        ),
    )


def _address() -> rx.Component:
    return group(
        "Address and key",
        *(shown_when("provider", [name], _url(default)) for name, default in DEFAULT_URLS.items()),
        shown_when("provider", ["", "null"], _url("")),
        secret_field("api_key", "API key", held=ModelFormState.key, hint="Stored encrypted, and never shown again."),
        text_field(
            "api_key_env",
            "Environment variable",
            placeholder="OPENAI_API_KEY",
            hint="Instead of a key: the variable that holds it. Its name ends in KEY or TOKEN.",
        ),
        secret_field(
            "organization",
            "Organization",
            held=ModelFormState.organization,
            hint="Only for accounts that belong to several.",
        ),
        hint="A key is sent to this address only: with another address, it has to be entered again.",
    )


def _url(default: str) -> rx.Component:
    hint = f"Blank: {default}" if default else ""
    return text_field("url_template", "Base URL", placeholder=default, hint=hint, wide=True)


def _limits() -> rx.Component:
    return group(
        "Limits",
        number_field("max_concurrent", "Answers at once", placeholder="no limit"),
        number_field("requests_per_minute", "Requests per minute", placeholder="no limit"),
        number_field("tokens_per_minute", "Tokens per minute", placeholder="no limit"),
        hint="A full model passes its questions on to the next of the chain.",
    )


def _times() -> rx.Component:
    return group(
        "Time limits",
        _number("connect_timeout", "To connect", unit=SECONDS),
        _number("first_token_timeout", "To the first token", unit=SECONDS),
        _number("stall_timeout", "Between tokens", unit=SECONDS),
        _number("total_timeout", "For a whole answer", unit=SECONDS),
    )


def _breaker() -> rx.Component:
    return group(
        "Breaker",
        _number("breaker_min_samples", "Fewest answers to judge by"),
        _number("breaker_window", "Looks back over", unit=SECONDS),
        _number("breaker_error_rate", "Opens at this share of errors", unit=RATE),
        _number("breaker_rate_limit_rate", "… of refusals for rate", unit=RATE),
        _number("breaker_first_token_p95", "… or when first tokens (p95) take", unit=SECONDS, placeholder="any time"),
        _number("breaker_cooldown", "Rests for", unit=SECONDS),
        hint="A model that fails too often rests, and others answer, until it proves itself again.",
    )


def _capabilities() -> rx.Component:
    return group(
        "Capabilities",
        _number("context_window", "Context window", unit="tokens", placeholder="unknown"),
        _number("max_output_tokens", "Longest answer", unit="tokens", placeholder="the provider’s default"),
        checks(
            check_field("supports_tools", "Calls tools"),
            check_field("supports_json_schema", "Writes JSON by a schema"),
            check_field("supports_assistant_prefill", "Goes on with a begun answer"),
        ),
    )


def _prices() -> rx.Component:
    return group(
        "Prices",
        _number("price_input", "Input", unit=DOLLARS),
        _number("price_output", "Output", unit=DOLLARS),
        _number("price_cached", "Cached input", unit=DOLLARS, placeholder="as input"),
        date_field("price_effective_from", "In effect from", hint="Blank: always."),
        hint="Blank: the price list that comes with Stoa. A model it doesn’t know is shown as unpriced.",
    )


def _number(name: str, label: str, **props: str | bool) -> rx.Component:
    """A number whose placeholder is what a blank means."""
    return number_field(name, label, **{"placeholder": PLACEHOLDERS.get(name, ""), **props})


def _trial() -> rx.Component:
    trial = ModelFormState.trial
    return revealed(
        rx.cond(
            trial["nonce"] != "",
            rx.el.section(
                rx.el.h2(trial["title"]),
                rx.cond(trial["answer"] != "", rx.el.blockquote(trial["answer"])),
                rx.cond(trial["detail"] != "", rx.el.p(trial["detail"])),
                rx.cond(trial["drift"] != "", rx.el.p(trial["drift"], class_name="drift")),
                rx.el.dl(rx.foreach(trial["figures"].to(list[Figure]), _figure)),
                class_name="card trial " + trial["tone"].to(str),
                aria_label="Result of the test",
            ),
        ),
        nonce=trial["nonce"],
    )


def _figure(figure: rx.Var[Figure]) -> rx.Component:
    return rx.el.div(rx.el.dt(figure["label"]), rx.el.dd(figure["text"]))
