"""`/s/{section}/teach/author/{job}`: what a generation has written, to read."""

import reflex as rx

from app.components.chat import prose
from app.components.contents import section_nav
from app.components.fields import arrived
from app.components.page import page, possible, skeleton
from app.components.pulse import Pulse
from app.state.draft import DraftLessonItem, DraftModuleItem, DraftState

INTERVAL = 2
"""Seconds between readings while it is being written."""


def draft() -> rx.Component:
    """The outline; each lesson opens in place."""
    return page(
        possible(rx.el.div(arrived(DraftState.subject, _draft(), skeleton(10)), class_name="page narrow draft")),
        nav=section_nav("teach"),
    )


def _draft() -> rx.Component:
    return rx.fragment(
        rx.cond(DraftState.live, Pulse.create(seconds=INTERVAL, answered=DraftState.beats, on_beat=DraftState.beat)),
        rx.el.p(rx.el.a("← All courses asked for", href=DraftState.back), class_name="back"),
        rx.el.h1(DraftState.title),
        rx.cond(DraftState.summary != "", rx.el.p(DraftState.summary, class_name="lead")),
        rx.el.p(DraftState.about, class_name="meta"),
        _standing(),
        rx.foreach(DraftState.modules, _module),
    )


def _standing() -> rx.Component:
    return rx.el.div(
        rx.cond(
            DraftState.complete,
            rx.el.p(
                rx.el.span("Draft", class_name="pill"),
                rx.el.span("Written by a language model. Read it before you use it; students don’t see it."),
                class_name="job-said",
            ),
            rx.el.p(
                rx.el.span(DraftState.label, class_name="pill state " + DraftState.tone),
                rx.el.span(
                    DraftState.written, " of ", DraftState.lessons, " lessons written. It isn’t a whole course."
                ),
                class_name="job-said",
                role="status",
            ),
        ),
        rx.cond(DraftState.error != "", rx.el.p(DraftState.error, class_name="alert")),
        rx.cond(
            DraftState.job != "",
            rx.el.p(
                rx.el.a(
                    rx.cond(DraftState.complete, "Open the job, with the course as a file", "Open the job"),
                    href=DraftState.job,
                ),
                class_name="links",
            ),
        ),
    )


def _module(module: rx.Var[DraftModuleItem]) -> rx.Component:
    return rx.el.section(
        rx.el.h2(module["title"]), rx.foreach(module["lessons"].to(list[DraftLessonItem]), _lesson), class_name="block"
    )


def _lesson(lesson: rx.Var[DraftLessonItem]) -> rx.Component:
    return rx.cond(
        lesson["text"] != "",
        rx.el.details(
            rx.el.summary(
                rx.el.h3(lesson["title"]), rx.el.span(lesson["minutes"], " min", class_name="meta"),
            ),
            prose(lesson["text"], variant="lesson"),
            class_name="draft-lesson",
        ),
        rx.el.div(
            rx.el.h3(lesson["title"]), rx.el.span("not written yet", class_name="meta"), class_name="draft-lesson"
        ),
    )  # fmt: skip
