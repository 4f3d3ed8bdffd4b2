"""`/jobs`: a person's long work, the newest first."""

import reflex as rx

from app.components.page import opened, page, skeleton
from app.components.pulse import Pulse
from app.components.when import moment
from app.state.job_words import Choice, JobItem
from app.state.jobs import JobsState

INTERVAL = 4
"""Seconds between readings."""


def jobs() -> rx.Component:
    """What was asked for, and what became of it."""
    return page(
        opened(
            JobsState.loading,
            rx.el.div(skeleton(), class_name="page"),
            rx.el.div(
                Pulse.create(seconds=INTERVAL, answered=JobsState.beats, on_beat=JobsState.beat),
                rx.el.h1("My jobs"),
                rx.el.p("Long work that you asked for. It goes on when you leave.", class_name="lead"),
                _filters(),
                rx.cond(
                    JobsState.jobs.length() > 0,
                    rx.el.ul(rx.foreach(JobsState.jobs, job_row), class_name="rows jobs", aria_label="Jobs"),
                    _empty(),
                ),
                paging(
                    JobsState.befores.length() > 0, JobsState.show_newer, JobsState.next_before, JobsState.show_older
                ),
                class_name="page",
            ),
        )
    )


def job_row(item: rx.Var[JobItem]) -> rx.Component:
    """A job as the home page and the list show it."""
    return rx.el.li(
        rx.el.span(
            rx.el.a(
                item["title"],
                rx.cond(item["about"] != "", rx.fragment(": ", item["about"])),
                href="/jobs/" + item["id"].to(str),
                class_name="title",
            ),
            rx.cond(item["note"] != "", rx.el.span(item["note"], class_name="meta said")),
            rx.cond(item["error"] != "", rx.el.span(item["error"], class_name="meta said")),
            class_name="grow stack",
        ),
        rx.cond(item["section"] != "", rx.el.span(item["section"], class_name="meta")),
        status_pill(item),
        rx.el.span(moment(rx.cond(item["ended_at"] != "", item["ended_at"], item["at"])), class_name="meta when"),
        key=item["id"],
    )


def status_pill(item: rx.Var[JobItem]) -> rx.Component:
    """A status with how much is done."""
    return rx.el.span(
        item["label"],
        rx.cond(item["percent"].to(int) >= 0, rx.fragment(" · ", item["percent"], "\u00a0%")),
        class_name="pill state " + item["tone"].to(str),
    )


def option(choice: rx.Var[Choice]) -> rx.Component:
    """One choice of a filter."""
    return rx.el.option(choice["label"], value=choice["value"])


def paging(
    has_newer: rx.Var[bool], newer: rx.EventHandler, next_before: rx.Var[str], older: rx.EventHandler
) -> rx.Component:
    """The pages beside this one."""
    return rx.cond(
        has_newer | (next_before != ""),
        rx.el.nav(
            rx.el.button("Newer", type="button", class_name="btn", on_click=newer, disabled=~has_newer),
            rx.el.button("Older", type="button", class_name="btn", on_click=older, disabled=next_before == ""),
            class_name="buttons paging",
            aria_label="Pages of jobs",
        ),
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Status"),
            rx.el.select(
                rx.el.option("Any", value=""),
                rx.foreach(JobsState.statuses, option),
                value=JobsState.status,
                on_change=JobsState.choose_status,
            ),
        ),
        rx.el.label(
            rx.el.span("Kind"),
            rx.el.select(
                rx.el.option("Any", value=""),
                rx.foreach(JobsState.kinds, option),
                value=JobsState.kind,
                on_change=JobsState.choose_kind,
            ),
        ),
        class_name="narrowing",
        role="search",
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.cond(
            (JobsState.status != "") | (JobsState.kind != ""),
            rx.fragment(
                rx.el.p("Nothing found.", class_name="title"),
                rx.el.p("Try another status or kind.", class_name="summary"),
            ),
            rx.fragment(
                rx.el.p("You have no jobs.", class_name="title"),
                rx.el.p(
                    "What takes longer than a moment is listed here: having a course written, or your conversations "
                    "put together as a file.",
                    class_name="summary",
                ),
            ),
        ),
        class_name="card empty",
    )
