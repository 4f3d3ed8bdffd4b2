"""`/jobs/{job}`: one piece of long work, live."""

import reflex as rx

from app.components.fields import arrived
from app.components.job import JobProgress
from app.components.page import page, possible, skeleton
from app.components.pulse import Glance
from app.components.when import moment
from app.state.job import FileItem, JobState


def job() -> rx.Component:
    """How far it is, what it says, what it made, and what can be done about it."""
    return page(
        possible(
            rx.el.div(
                Glance.create(nonce="", on_glance=JobState.refresh),
                rx.el.p(rx.el.a("← My jobs", href="/jobs"), class_name="back"),
                arrived("/jobs/" + JobState.subject, _job(), skeleton()),
                class_name="page narrow",
            )
        )
    )


def _job() -> rx.Component:
    return rx.fragment(
        rx.el.h1(JobState.title, rx.cond(JobState.about != "", rx.fragment(": ", JobState.about))),
        rx.cond(JobState.section != "", rx.el.p("For ", JobState.section, class_name="lead")),
        rx.el.p(
            rx.el.span(JobState.label, class_name="pill state " + JobState.tone),
            rx.el.span(JobState.said),
            class_name="job-said",
            role="status",
        ),
        rx.cond(JobState.error != "", rx.el.p(JobState.error, class_name="alert")),
        JobProgress.create(
            _acts(),
            rx.cond(JobState.files.length() > 0, _files()),
            _facts(),
            job=JobState.live,
            lines=JobState.lines,
            has_earlier=JobState.has_earlier,
            on_change=JobState.refresh,
            on_earlier=JobState.show_earlier,
        ),
    )


def _acts() -> rx.Component:
    return rx.el.div(
        rx.cond(
            JobState.can_retry,
            rx.el.button("Try again", type="button", class_name="btn primary", on_click=JobState.retry),
        ),
        rx.cond(
            JobState.can_cancel,
            rx.el.button("Cancel", type="button", class_name="btn", on_click=JobState.cancel),
        ),
        class_name="buttons",
    )


def _files() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Files"),
        rx.el.ul(rx.foreach(JobState.files, _file), class_name="rows"),
        class_name="block",
    )


def _file(item: rx.Var[FileItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(item["name"], href=item["href"], download=True, reload_document=True, class_name="grow"),
        rx.el.span(item["size"], class_name="meta"),
        key=item["name"],
    )


def _facts() -> rx.Component:
    return rx.el.dl(
        rx.cond(JobState.requested_by != "", _fact("Asked for by", JobState.requested_by)),
        _fact("Asked for", moment(JobState.asked_at, exact=True)),
        rx.cond(JobState.begun_at != "", _fact("Latest attempt began", moment(JobState.begun_at, exact=True))),
        rx.cond(JobState.ended_at != "", _fact("Ended", moment(JobState.ended_at, exact=True))),
        _fact("Attempts", JobState.attempts),
        class_name="job-details",
    )


def _fact(name: str, value: rx.Component | rx.Var[str]) -> rx.Component:
    return rx.el.div(rx.el.dt(name), rx.el.dd(value))
