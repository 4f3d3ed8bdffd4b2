"""`/admin/usage`: what was used and what it cost."""

from typing import Any

import reflex as rx

from app.components.bars import Bars
from app.components.figures import day, figure
from app.components.filters import Filters
from app.components.page import opened, skeleton
from app.components.when import ReadersZone, moment
from app.pages.admin import admin_page
from app.state.usage import BudgetItem, DriftItem, RowItem, UsageState

RANGES = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("month", "This month"), ("custom", "Other"))
MEASURES = (("cost", "Cost"), ("requests", "Requests"), ("tokens", "Tokens"))
DIMENSIONS = (
    ("feature", "Feature"), ("section", "Section"), ("model", "Model"), ("person", "Person"),
    ("config", "Service config"),
)  # fmt: skip
FIGURES = (
    ("requests", "Requests"), ("attempts", "Attempts"), ("failed", "Failed"), ("input", "Input tokens"),
    ("output", "Output tokens"), ("cached", "Cached"), ("reasoning", "Reasoning"), ("unpriced", "Unpriced"),
    ("cost", "Cost"),
)  # fmt: skip
BUDGET_PILLS = {"ok": ("good", "within budget"), "warning": ("warn", "80 % and more"), "spent": ("bad", "spent")}


def usage() -> rx.Component:
    """Totals, a chart, what they are made of, budgets, and models that answer as others."""
    return admin_page(
        "usage",
        ReadersZone.create(on_zone=UsageState.in_zone),
        opened(
            UsageState.loading,
            skeleton(8),
            rx.fragment(
                rx.el.header(
                    rx.el.h1("Usage and cost"),
                    rx.el.a("Download CSV", href=UsageState.csv, reload_document=True, download=True, class_name="btn"),
                    class_name="heading",
                ),
                _range(),
                Filters.create(name="Counted only", filters=UsageState.filters, on_drop=UsageState.drop),
                _totals(),
                _chart(),
                _breakdown(),
                rx.el.div(_budgets(), _drifts(), class_name="pair"),
            ),
        ),
    )


def _range() -> rx.Component:
    return rx.el.div(
        _segments("Period", "preset", RANGES, UsageState.preset, UsageState.choose_range),
        rx.cond(
            UsageState.preset == "custom",
            rx.el.form(
                _day_field("from", "From", UsageState.first),
                _day_field("to", "To", UsageState.last),
                rx.el.button("Show", type="submit", class_name="btn"),
                on_submit=UsageState.choose_days,
                class_name="days",
                no_validate=True,
            ),
        ),
        rx.el.p(
            day(UsageState.first), " to ", day(UsageState.last), " · ", UsageState.zone, class_name="meta"
        ),
        class_name="choosing",
    )  # fmt: skip


def _day_field(name: str, label: str, value: rx.Var[str]) -> rx.Component:
    problem = UsageState.range_problem[name]
    wrong = UsageState.range_problem.contains(name)
    return rx.el.div(
        rx.el.label(label, html_for=f"usage-{name}"),
        rx.el.input(
            type="date",
            id=f"usage-{name}",
            name=name,
            default_value=value,
            custom_attrs={"aria-invalid": rx.cond(wrong, "true", "false"), "aria-describedby": f"{name}-problem"},
        ),
        rx.el.span(rx.cond(wrong, problem, ""), id=f"{name}-problem", class_name="err", role="alert"),
        class_name="field",
    )


def _segments(
    legend: str, name: str, choices: tuple[tuple[str, str], ...], chosen: rx.Var[str], event: Any
) -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(legend, class_name="hidden"),
        *(
            rx.el.label(
                rx.el.input(type="radio", name=name, value=value, checked=chosen == value, on_change=event(value)),
                label,
            )
            for value, label in choices
        ),
        class_name="segments",
    )


def _totals() -> rx.Component:
    totals = UsageState.totals
    return rx.el.dl(
        _total(
            "Cost",
            figure(totals["cost"], "usd", "unpriced"),
            rx.cond(
                totals["unpriced"] > 0,
                rx.el.button(
                    figure(totals["unpriced"], "count"), _unpriced(totals["unpriced"]),
                    on_click=UsageState.show_unpriced, type="button", class_name="textual warn",
                ),
                "every attempt has a price",
            ),
        ),
        _total(
            "Requests",
            figure(totals["requests"], "count"),
            rx.fragment(
                figure(totals["attempts"], "count"), " attempts, ", figure(totals["failed"], "count"), " failed"
            ),
        ),
        _total(
            "Input tokens",
            figure(totals["input"], "short"),
            rx.fragment(figure(totals["cached"], "short"), " of them cached"),
        ),
        _total(
            "Output tokens",
            figure(totals["output"], "short"),
            rx.fragment(
                figure(totals["reasoning"], "short"), " of them reasoning",
                rx.cond(
                    totals["estimated"] > 0,
                    rx.el.span(" · ≈ estimated in ", figure(totals["estimated"], "count"), " attempts"),
                ),
            ),
        ),
        class_name="totals",
    )  # fmt: skip


def _unpriced(number: rx.Var[int]) -> rx.Var[str]:
    return rx.cond(number.to(int) == 1, " unpriced attempt, not counted", " unpriced attempts, not counted")


def _total(name: str, value: rx.Component, note: rx.Component | str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name), rx.el.dd(value, class_name="large"), rx.el.dd(note, class_name="meta"), class_name="card"
    )


def _chart() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            _segments("Chart of", "measure", MEASURES, UsageState.measure, UsageState.choose_measure),
            rx.el.label(
                rx.el.span("Broken down by"),
                rx.el.select(
                    *(rx.el.option(label, value=value) for value, label in DIMENSIONS),
                    value=UsageState.by,
                    on_change=UsageState.choose_by,
                ),
                class_name="beside",
            ),
            class_name="choosing",
        ),
        rx.cond(
            UsageState.series.length() > 0,
            Bars.create(
                title=rx.match(UsageState.measure, *((name, f"{label} by day") for name, label in MEASURES), ""),
                days=UsageState.days,
                series=UsageState.series,
                unit=rx.cond(UsageState.measure == "cost", "usd", "count"),
                picked=UsageState.picked,
                on_pick=UsageState.pick_day,
            ),
            _nothing(),
        ),
        class_name="card chart",
        aria_label="By day",
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.p("Nothing was used in these days.", class_name="title"),
        rx.el.p(
            rx.cond(
                UsageState.filters.length() > 0,
                "Take a filter away, or choose other days.",
                "Choose other days, or come back when somebody has asked the tutor.",
            ),
            class_name="summary",
        ),
        class_name="nothing",
    )


def _breakdown() -> rx.Component:
    name = rx.match(UsageState.by, *DIMENSIONS, "")
    return rx.cond(
        UsageState.series.length() > 0,
        rx.el.section(
            rx.el.div(
                rx.el.h2("By ", name.to(str).lower()),
                rx.el.input(
                    type="search",
                    placeholder="Search",
                    aria_label="Search the list",
                    value=UsageState.search,
                    on_change=UsageState.search_for,
                    max_length=200,
                ),
                class_name="heading",
            ),
            rx.el.div(
                rx.el.table(
                    rx.el.thead(rx.el.tr(_heading("name", name), *(_heading(*column) for column in FIGURES))),
                    rx.el.tbody(rx.foreach(UsageState.rows, _row)),
                    class_name="ledger",
                ),
                class_name="scroller",
                role="region",
                aria_label="The list",
                tab_index=0,
            ),
            rx.cond(UsageState.found == 0, rx.el.p("Nothing found. Try another word.", class_name="meta")),
            rx.cond(
                UsageState.found > UsageState.rows.length(),
                rx.el.button("Show more", on_click=UsageState.show_more, class_name="btn", type="button"),
            ),
            rx.el.p(
                "A request counts where its first attempt went. Failed attempts cost nothing unless the provider "
                "reported tokens. ≈: some of the tokens are our estimate.",
                class_name="meta",
            ),
            class_name="card block",
        ),
    )


def _heading(column: str, label: str | rx.Var[str]) -> rx.Component:
    sorted_by = UsageState.sort == column
    direction = rx.cond(UsageState.descending, "descending", "ascending")
    return rx.el.th(
        rx.el.button(
            label,
            rx.el.span(rx.cond(sorted_by, rx.cond(UsageState.descending, "↓", "↑"), ""), aria_hidden=True),
            on_click=UsageState.sort_by(column),
            type="button",
            class_name="textual",
        ),
        scope="col",
        custom_attrs={"aria-sort": rx.cond(sorted_by, direction, "none")},
    )


def _row(row: rx.Var[RowItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            rx.el.button(
                rx.cond(
                    row["series"].to(int) >= 0,
                    rx.el.i(class_name="swatch", custom_attrs={"data-series": row["series"]}, aria_hidden=True),
                ),
                row["name"],
                on_click=UsageState.pick(row["key"]),
                type="button",
                class_name="textual",
                custom_attrs={"aria-pressed": rx.cond(row["chosen"], "true", "false")},
            ),
            rx.el.span(row["detail"], class_name="meta"),
            scope="row",
        ),
        *(rx.el.td(_cell(row, column)) for column, _ in FIGURES),
        key=row["key"],
    )


def _cell(row: rx.Var[RowItem], column: str) -> rx.Component:
    if column == "cost":
        return figure(row["cost"], "usd", "unpriced")
    number = figure(row[column], "count")
    if column in {"input", "output"}:
        return rx.fragment(
            rx.cond(row["estimated"].to(int) > 0, rx.el.abbr("≈ ", title="Some of it is our estimate")), number
        )
    if column in {"failed", "unpriced"}:
        return rx.cond(row[column].to(int) > 0, rx.el.span(number, class_name="warn"), number)
    return number


def _budgets() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Budgets this month"),
        rx.cond(
            UsageState.budgets.length() > 0,
            rx.el.ul(rx.foreach(UsageState.budgets, _budget), class_name="budgets"),
            rx.el.p("No service config has a budget. Set one in its form.", class_name="summary"),
        ),
        rx.el.p("Months are counted in UTC, as requests are refused by them.", class_name="meta"),
        class_name="card",
    )


def _budget(item: rx.Var[BudgetItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.a(item["name"], href="/admin/services/" + item["id"].to(str), class_name="grow"),
            rx.match(
                item["state"],
                *(
                    (state, rx.el.span(words, class_name=f"pill state {tone}"))
                    for state, (tone, words) in BUDGET_PILLS.items()
                ),
                rx.fragment(),
            ),
        ),
        rx.el.div(
            rx.el.i(style={"width": f"min(100%, calc(100% * {item['share']}))"}),
            class_name="meter " + item["state"].to(str),
            aria_hidden=True,
        ),
        rx.el.p(
            figure(item["spent"], "usd"), " of ", figure(item["budget"], "usd"), " · ", figure(item["share"], "share"),
            rx.cond(
                item["unpriced"].to(int) > 0,
                rx.el.span(
                    " · ", figure(item["unpriced"], "count"), _unpriced(item["unpriced"]), class_name="warn"
                ),
            ),
            class_name="meta",
        ),
        key=item["id"],
    )  # fmt: skip


def _drifts() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Models that answer as others"),
        rx.cond(
            UsageState.drifts.length() > 0,
            rx.el.ul(rx.foreach(UsageState.drifts, _drift), class_name="drifts"),
            rx.el.p("Every model answers as the one it is pinned to.", class_name="summary"),
        ),
        class_name="card",
    )


def _drift(item: rx.Var[DriftItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(item["name"], href="/admin/models/" + item["id"].to(str)),
        rx.el.p(
            "Pinned to ", rx.el.code(item["pinned"]), ", answered as ", rx.el.code(item["answered"]), class_name="said"
        ),
        rx.el.p(
            figure(item["times"], "count"), " times · since ", moment(item["since"]), " · last ", moment(item["last"]),
            class_name="meta",
        ),
        key=item["id"].to(str) + item["answered"].to(str),
    )  # fmt: skip
