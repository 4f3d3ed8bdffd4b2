"""`/admin/audit`: who changed what."""

import reflex as rx

from app.components.page import opened, skeleton
from app.components.when import moment
from app.pages.admin import admin_page
from app.state.audit import AuditState, ChangeItem, KindItem, LineItem


def audit() -> rx.Component:
    """The log, the latest first."""
    return admin_page(
        "audit",
        opened(
            AuditState.loading,
            skeleton(8),
            rx.fragment(
                rx.el.h1("Audit"),
                rx.el.p("Who changed which models, chains, features, limits and roles.", class_name="lead"),
                _filters(),
                rx.cond(
                    AuditState.lines.length() > 0,
                    rx.el.ol(rx.foreach(AuditState.lines, _line), class_name="audit", aria_label="Changes"),
                    _empty(),
                ),
                rx.cond(
                    AuditState.has_more,
                    rx.el.button("Show older", on_click=AuditState.show_older, class_name="btn wide", type="button"),
                ),
            ),
        ),
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Search"),
            rx.el.input(
                type="search",
                placeholder="Subject, action or person",
                default_value=AuditState.search,
                max_length=200,
                on_change=AuditState.search_for.debounce(250),
            ),
            class_name="grow",
        ),
        rx.el.label(
            rx.el.span("Changes of"),
            rx.el.select(
                rx.el.option("Everything", value=""),
                rx.foreach(AuditState.kinds, _kind),
                value=AuditState.kind,
                on_change=AuditState.choose_kind,
            ),
        ),
        class_name="narrowing",
        role="search",
    )


def _kind(kind: rx.Var[KindItem]) -> rx.Component:
    return rx.el.option(kind["label"], value=kind["value"])


def _line(line: rx.Var[LineItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(
                rx.el.strong(line["who"]), " ", line["did"], " ", rx.el.strong(line["subject"]), class_name="grow"
            ),
            rx.el.span(moment(line["at"], exact=True), class_name="meta"),
        ),
        rx.cond(
            line["folded"] != "",
            rx.el.details(rx.el.summary(line["folded"]), _changes(line["changes"])),
            _changes(line["changes"]),
        ),
        key=line["id"],
    )


def _changes(changes: rx.Var[list[ChangeItem]]) -> rx.Component:
    return rx.cond(changes.length() > 0, rx.el.dl(rx.foreach(changes, _change), class_name="changes"))


def _change(change: rx.Var[ChangeItem]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(change["field"]),
        rx.el.dd(
            rx.cond(
                change["before"] != "",
                rx.fragment(rx.el.span("before: ", class_name="hidden"), rx.el.del_(change["before"])),
            ),
            rx.cond(
                (change["before"] != "") & (change["after"] != ""),
                rx.fragment(rx.el.span(" → ", aria_hidden=True), rx.el.span("; after: ", class_name="hidden")),
            ),
            rx.el.ins(change["after"]),
        ),
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.cond(
            (AuditState.search != "") | (AuditState.kind != ""),
            rx.fragment(
                rx.el.p("Nothing found.", class_name="title"),
                rx.el.p("Try another word, or look at changes of everything.", class_name="summary"),
            ),
            rx.fragment(
                rx.el.p("Nothing was changed yet.", class_name="title"),
                rx.el.p("Whatever somebody sets up or changes here is listed from then on.", class_name="summary"),
            ),
        ),
        class_name="card empty",
    )
