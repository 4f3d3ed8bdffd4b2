"""`/jobs`: a person's long work, the newest first."""

import reflex as rx

from app.components.jobs import job_row, option, paging
from app.components.page import opened, page, skeleton
from app.components.pulse import Pulse
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
