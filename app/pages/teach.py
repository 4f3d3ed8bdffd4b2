"""What a section's teaching pages share: its name, their tabs and filters. Their states decide who sees them."""

from typing import Any

import reflex as rx

from app.components.contents import section_nav
from app.components.narrowing import Narrowing
from app.components.page import opened, page, skeleton
from app.state.section import SectionState
from app.state.session import Session
from app.state.teach import TeachState

TABS = (
    ("", "Overview"),
    ("questions", "Questions"),
    ("students", "Students"),
    ("transcripts", "Transcripts"),
    ("cost", "Cost"),
    ("ask", "Ask"),
    ("author", "Author"),
    ("settings", "Settings"),
)

NOT_FOR = {"author": "assistant"} | dict.fromkeys(("questions", "students", "transcripts"), "administrator")
"""Whom a tab would refuse, of those who see any."""


def teach_page(current: str, *content: rx.Component) -> rx.Component:
    """An instructors' page under its tab; `current` is the last part of its address, empty for the overview."""
    return page(rx.el.div(teach_tabs(current), *content, class_name="page admin teach"), nav=section_nav("teach"))


def teach_tab(current: str, loading: rx.Var[bool], load: Any, *content: rx.Component) -> rx.Component:
    """A tab of the dashboard: `content` once it is there; where that failed, why, and Retry, which is `load`."""
    return teach_page(
        current,
        rx.cond(
            TeachState.failure != "",
            _failure(current, load),
            opened(loading, skeleton(8), rx.fragment(*content)),
        ),
    )


def narrowing(*, by_lesson: bool = True) -> rx.Component:
    """The choice of days and lesson."""
    return Narrowing.create(
        today=TeachState.today,
        first=TeachState.first,
        last=TeachState.last,
        lesson=TeachState.lesson,
        lessons=TeachState.lessons,
        zone=TeachState.zone,
        by_lesson=by_lesson,
    )


def in_tab(path: str, **asked: rx.Var[str] | str) -> rx.Var[str]:
    """The address of a tab, with these words in its query."""
    query = rx.Var.create("")
    for place, (name, value) in enumerate(asked.items()):
        query = query + ("&" if place else "?") + name.strip("_") + "=" + value
    return "/s/" + TeachState.slug + "/teach" + (f"/{path}" if path else "") + query


def empty(title: str, summary: str | rx.Component) -> rx.Component:
    """What stands in the place of a list without anything in it."""
    return rx.el.div(
        rx.el.p(title, class_name="title"), rx.el.p(summary, class_name="summary"), class_name="card empty"
    )


def more_button(has_more: rx.Var[bool], show_more: Any) -> rx.Component:
    """The foot of a list that goes on."""
    return rx.cond(has_more, rx.el.button("Show more", on_click=show_more, class_name="btn more", type="button"))


def segments(
    legend: str, name: str, choices: tuple[tuple[str, str], ...], chosen: rx.Var[str], event: Any
) -> rx.Component:
    """One of a few choices, all of them in sight."""
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


def _failure(current: str, load: Any) -> rx.Component:
    return rx.el.div(
        rx.el.h1("This can’t be shown just now"),
        rx.el.p(TeachState.failure, role="alert", class_name="lead"),
        rx.el.p(
            rx.el.button("Retry", on_click=load, type="button", class_name="btn primary"),
            rx.el.a(
                "Show the last four weeks",
                href="/s/" + SectionState.slug + "/teach" + (f"/{current}" if current else ""),
                class_name="btn",
            ),
            class_name="buttons",
        ),
    )


def teach_heading(title: rx.Var[str] | str, *beside: rx.Component) -> rx.Component:
    """The page's heading under the section's name, with what stands at its right."""
    return rx.el.header(
        rx.el.div(
            rx.el.p(SectionState.course, ", ", SectionState.title, class_name="eyebrow"),
            rx.el.h1(title),
        ),
        *beside,
        class_name="heading",
    )


def teach_tabs(current: str) -> rx.Component:
    """The tabs that are for the person, for a teaching page of another making, too."""
    return rx.cond(
        (Session.problem == "") | SectionState.teaches,
        rx.el.nav(*(_tab(path, name, current) for path, name in TABS), class_name="subtabs", aria_label="Teaching"),
    )


def _tab(path: str, name: str, current: str) -> rx.Component:
    tab = rx.el.a(
        name,
        href="/s/" + SectionState.slug + "/teach" + (f"/{path}" if path else "") + TeachState.query,
        **({"aria_current": "page"} if path == current else {}),
    )
    return rx.cond(SectionState.role != NOT_FOR[path], tab) if path in NOT_FOR else tab
