"""`/admin/models`: every registered model, and what those of one provider may take together."""

import reflex as rx

from app.components.fields import form, group, number_field, save_bar, switch
from app.components.page import opened, skeleton
from app.components.tables import list_table
from app.pages.admin import admin_page
from app.state.models import PROVIDERS, LimitsItem, ModelItem, ModelsState, UseItem

CONDITIONS = (
    ("", "Any state"),
    ("enabled", "Enabled"),
    ("disabled", "Disabled"),
    ("used", "In use"),
    ("unused", "Unused"),
    ("dev_only", "Development only"),
)
ORDERS = (("name", "By name"), ("provider", "By provider"), ("newest", "Newest first"))


def models() -> rx.Component:
    """The list, and the limits per provider."""
    return admin_page(
        "models",
        opened(
            ModelsState.loading,
            skeleton(),
            rx.fragment(
                rx.el.div(
                    rx.el.h1("Models"),
                    rx.el.a("Register a model", href="/admin/models/new", class_name="btn primary"),
                    class_name="admin-head",
                ),
                rx.el.p(
                    "A model is one version of one provider’s. Chains of them, made under ",
                    rx.el.a("Service configs", href="/admin/services"),
                    ", answer people.",
                    class_name="meta admin-lead",
                ),
                _filters(),
                rx.cond(ModelsState.models.length() > 0, _table(), _empty()),
                rx.cond(
                    ModelsState.has_more,
                    rx.el.button("Show more", on_click=ModelsState.show_more, class_name="btn", type="button"),
                ),
                _limits(),
            ),
        ),
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Search models", class_name="hidden"),
            rx.el.input(
                type="search",
                placeholder="Search by name or version",
                default_value=ModelsState.search,
                on_change=ModelsState.search_for.debounce(250),
            ),
            class_name="grow",
        ),
        _choice(
            "Provider", ModelsState.provider, ModelsState.choose_provider, (("", "Any provider"), *PROVIDERS.items())
        ),
        _choice("State", ModelsState.condition, ModelsState.choose_condition, CONDITIONS),
        _choice("Order", ModelsState.order, ModelsState.choose_order, ORDERS),
        class_name="list-tools",
    )


def _choice(
    label: str, value: rx.Var[str], on_change: rx.event.EventHandler, options: tuple[tuple[str, str], ...]
) -> rx.Component:
    return rx.el.label(
        rx.el.span(label, class_name="hidden"),
        rx.el.select(*(rx.el.option(text, value=option) for option, text in options), value=value, on_change=on_change),
    )


def _table() -> rx.Component:
    columns = ("Name", "Provider", "Pinned version", "Used by", "Key", "Enabled")
    return list_table("Models", columns, ModelsState.models, _row, "models-table")


def _row(item: rx.Var[ModelItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            rx.el.div(
                rx.el.a(item["name"], href=item["href"]),
                rx.cond(item["dev_only"], rx.el.span("development only", class_name="pill warn")),
                rx.cond(item["kind"] == "embedding", rx.el.span("embedding", class_name="pill")),
                class_name="named",
            ),
            scope="row",
        ),
        rx.el.td(rx.el.span(item["provider"], class_name="pill")),
        rx.el.td(rx.el.code(item["pinned"])),
        rx.el.td(
            rx.cond(
                item["used_by"].to(list[UseItem]).length() > 0,
                rx.el.ul(rx.foreach(item["used_by"].to(list[UseItem]), _use), class_name="config-links"),
                rx.el.span("nothing yet", class_name="meta"),
            )
        ),
        rx.el.td(rx.cond(item["key"] != "", item["key"], "none"), class_name="meta"),
        rx.el.td(
            switch(
                "Enabled: " + item["name"].to(str),
                item["enabled"].to(bool),
                ModelsState.switch(item["id"], item["version"], ~item["enabled"].to(bool)),
            )
        ),
    )


def _use(use: rx.Var[UseItem]) -> rx.Component:
    return rx.el.li(rx.el.a(use["name"], href=use["href"]))


def _empty() -> rx.Component:
    return rx.el.div(
        rx.cond(
            ModelsState.filtered,
            rx.fragment(
                rx.el.p("No model fits.", class_name="title"),
                rx.el.p("Search for something else, or show any provider and state.", class_name="summary"),
            ),
            rx.fragment(
                rx.el.p("No model is registered yet.", class_name="title"),
                rx.el.p("Register one, test it, then put it into a service config.", class_name="summary"),
            ),
        ),
        class_name="card empty",
    )


def _limits() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Limits per provider"),
        rx.el.p(
            "What all models of a provider may take together, as its contract says. Blank: no limit.",
            class_name="summary",
        ),
        rx.el.div(rx.foreach(ModelsState.limits, _provider), class_name="provider-limits"),
        class_name="block",
    )


def _provider(item: rx.Var[LimitsItem]) -> rx.Component:
    return form(
        group(
            item["label"],
            number_field("max_concurrent", "Answers at once", placeholder="no limit"),
            number_field("requests_per_minute", "Requests per minute", placeholder="no limit"),
            number_field("tokens_per_minute", "Tokens per minute", placeholder="no limit"),
        ),
        save_bar(),
        values=item["values"],
        errors=item["errors"],
        busy=item["saving"],
        subject=item["provider"],
        stored=item["stored"],
        name="Limits of " + item["label"].to(str),
        on_save=ModelsState.save_limits,
        on_reload=ModelsState.reload_limits(item["provider"]),
    )
