"""`/admin/services`: the service configs."""

import reflex as rx

from app.components.budget import budget
from app.components.page import opened, skeleton
from app.components.tables import list_table
from app.pages.admin import admin_page
from app.state.services import LinkItem, ServiceItem, ServicesState

COLUMNS = (("name", "Name"), ("", "Chain"), ("used", "Used by"), ("spent", "This month"))
FILTERS = (("all", "All"), ("unused", "Unused"), ("budget", "Budget nearly or wholly spent"))


def services() -> rx.Component:
    """Which chains there are, who uses them, and what they cost."""
    return admin_page(
        "services",
        opened(
            ServicesState.loading,
            skeleton(),
            rx.fragment(
                rx.el.div(
                    rx.el.h1("Service configs"),
                    rx.el.a("New service config", href="/admin/services/new", class_name="btn primary"),
                    class_name="admin-head",
                ),
                rx.el.p(
                    "A service config is a chain of models for one purpose, with a budget. ",
                    rx.el.a("Features", href="/admin/features"),
                    " says which one serves what.",
                    class_name="meta admin-lead",
                ),
                _tools(),
                rx.cond(ServicesState.services.length() > 0, _table(), _empty()),
            ),
        ),
    )


def _tools() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Search", class_name="hidden"),
            rx.el.input(
                type="search",
                placeholder="Search by name or model",
                default_value=ServicesState.search,
                on_change=ServicesState.search_for.debounce(250),
                max_length=100,
            ),
            class_name="grow",
        ),
        rx.el.label(
            rx.el.span("Show", class_name="hidden"),
            rx.el.select(
                *(rx.el.option(label, value=value) for value, label in FILTERS),
                value=ServicesState.show,
                on_change=ServicesState.show_only,
            ),
        ),
        class_name="list-tools",
    )


def _table() -> rx.Component:
    headings = [_heading(key, label) for key, label in COLUMNS]
    return list_table("Service configs", headings, ServicesState.services, _row)


def _heading(key: str, label: str) -> rx.Component:
    if not key:
        return rx.el.th(label, scope="col")
    chosen = ServicesState.sort == key
    direction = "ascending" if key == "name" else "descending"
    return rx.el.th(
        rx.el.button(label, type="button", on_click=ServicesState.sort_by(key), class_name="sort"),
        scope="col",
        custom_attrs={"aria-sort": rx.cond(chosen, direction, "none")},
    )


def _row(item: rx.Var[ServiceItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(rx.el.a(item["name"], href=item["href"]), scope="row"),
        rx.el.td(rx.el.ol(rx.foreach(item["chain"].to(list[LinkItem]), _link), class_name="chain-line")),
        rx.el.td(_uses(item)),
        rx.el.td(budget(item["spending"], item["name"].to(str), small=True), class_name="money"),
    )


def _link(link: rx.Var[LinkItem]) -> rx.Component:
    return rx.el.li(
        rx.el.span(link["name"]),
        rx.cond(link["off"], rx.el.span("off", class_name="pill warn")),
        title=link["role"],
    )


def _uses(item: rx.Var[ServiceItem]) -> rx.Component:
    return rx.cond(
        item["uses"].to(list[str]).length() > 0,
        rx.el.ul(
            rx.foreach(item["uses"].to(list[str]), _use),
            rx.cond(item["further_uses"].to(int) > 0, rx.el.li("and ", item["further_uses"], " more")),
        ),
        rx.el.span("Nothing yet", class_name="meta"),
    )


def _use(use: rx.Var[str]) -> rx.Component:
    return rx.el.li(use)


def _empty() -> rx.Component:
    searched = (ServicesState.search != "") | (ServicesState.show != "all")
    return rx.cond(
        searched,
        rx.el.div(rx.el.p("No service config is like that.", class_name="title"), class_name="card empty"),
        rx.el.div(
            rx.el.p("No service config yet.", class_name="title"),
            rx.el.p("Make one of the registered models, then choose it for a feature.", class_name="summary"),
            class_name="card empty",
        ),
    )
