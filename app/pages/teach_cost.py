"""`/s/{section}/teach/cost`: what the section costs."""

import reflex as rx

from app.components.bars import Bars
from app.components.figures import figure
from app.pages.teach import in_tab, narrowing, teach_heading, teach_tab
from app.pages.teach_overview import budgets
from app.state.teach_cost import CostItem, TeachCostState

COLUMNS = ("Requests", "Input tokens", "Output tokens", "Cost")


def teach_cost() -> rx.Component:
    """By day, by feature, by model, and against the budgets."""
    state = TeachCostState
    return teach_tab(
        "cost",
        state.loading,
        state.load,
        teach_heading(
            "Cost", rx.el.a("Download CSV", href=state.csv, reload_document=True, download=True, class_name="btn")
        ),
        narrowing(by_lesson=False),
        _totals(),
        _chart(),
        rx.el.div(
            _table("By feature", "Feature", state.features),
            _table("By model", "Model", state.models),
            class_name="pair",
        ),
        rx.el.section(
            rx.el.h2("Budgets this month"),
            budgets(state.budgets, "Nothing serves this section yet. Administrators choose what does."),
            class_name="card block",
            aria_label="Budgets",
        ),
    )


def _totals() -> rx.Component:
    state = TeachCostState
    return rx.el.dl(
        _total(
            "Cost", figure(state.total, "usd", "unpriced"),
            rx.cond(
                state.unpriced > 0,
                rx.el.span(
                    figure(state.unpriced, "count"), " attempts without a price, not counted", class_name="warn"
                ),
                "every attempt has a price",
            ),
        ),
        _total("Requests", figure(state.requests, "count"), "to models, for this section"),
        _total("Input tokens", figure(state.input, "short"), "questions, with what is read for them"),
        _total("Output tokens", figure(state.output, "short"), "answers"),
        class_name="totals",
    )  # fmt: skip


def _total(name: str, value: rx.Component, note: rx.Component | str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name), rx.el.dd(value, class_name="large"), rx.el.dd(note, class_name="meta"), class_name="card"
    )


def _chart() -> rx.Component:
    state = TeachCostState
    return rx.el.section(
        rx.cond(
            state.days.length() > 0,
            Bars.create(
                title="Cost by day",
                days=state.days,
                series=state.series,
                unit="usd",
                picked="",
                on_pick=lambda day: rx.redirect(in_tab("cost", _from=day, to=day)),
            ),
            rx.el.div(
                rx.el.p("Nothing was used in these days.", class_name="title"),
                rx.el.p("Choose other days, or come back when somebody has asked the tutor.", class_name="summary"),
                class_name="nothing",
            ),
        ),
        class_name="card chart",
        aria_label="By day",
    )


def _table(title: str, what: str, rows: rx.Var[list[CostItem]]) -> rx.Component:
    return rx.el.section(
        rx.el.h2(title),
        rx.cond(
            rows.length() > 0,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(rx.el.th(what, scope="col"), *(rx.el.th(each, scope="col") for each in COLUMNS))
                    ),
                    rx.el.tbody(rx.foreach(rows, _row)),
                    class_name="ledger",
                ),
                class_name="scroller",
                role="region",
                aria_label=title,
                tab_index=0,
            ),
            rx.el.p("Nothing in these days.", class_name="summary"),
        ),
        class_name="card",
    )


def _row(item: rx.Var[CostItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            item["name"],
            rx.el.div(
                rx.el.i(style={"width": f"calc(100% * {item['share']})"}), class_name="meter plain", aria_hidden=True
            ),
            scope="row",
        ),
        rx.el.td(figure(item["requests"], "count")),
        rx.el.td(figure(item["input"], "short")),
        rx.el.td(figure(item["output"], "short")),
        rx.el.td(figure(item["cost"], "usd", "unpriced")),
        key=item["key"],
    )
