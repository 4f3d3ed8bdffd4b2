"""`/s/{section}/teach/author`: have a course written, and see what became of those before."""

import reflex as rx

from app.components.contents import section_nav
from app.components.fields import area_field, form, group, number_field, save_bar, select_field, text_field
from app.components.jobs import paging
from app.components.page import opened, page, skeleton
from app.components.pulse import Pulse
from app.components.when import moment
from app.pages.teach import teach_tabs
from app.state.author import LANGUAGE_CHOICES, AuthorState, GenerationItem
from app.state.section import SectionState

INTERVAL = 2
"""Seconds between readings while something goes on."""


def author() -> rx.Component:
    """The form, and the list."""
    return page(
        opened(
            AuthorState.loading,
            rx.el.div(skeleton(), class_name="page narrow"),
            rx.el.div(
                rx.cond(
                    AuthorState.live,
                    Pulse.create(seconds=INTERVAL, answered=AuthorState.beats, on_beat=AuthorState.beat),
                ),
                teach_tabs("author"),
                rx.el.p(SectionState.course, ", ", SectionState.title, class_name="eyebrow"),
                rx.el.h1("Have a course written"),
                rx.el.p(
                    "A language model plans it and writes its lessons, one after another. What comes out is a draft: "
                    "students don’t see it.",
                    class_name="lead",
                ),
                rx.cond(AuthorState.notice != "", rx.el.p(AuthorState.notice, class_name="banner")),
                _form(),
                _list(),
                class_name="page narrow author",
            ),
        ),
        nav=section_nav("teach"),
    )


def _form() -> rx.Component:
    return form(
        group(
            "The course",
            area_field(
                "topic",
                "Topic",
                hint="What it is about, and what matters to you in it.",
                placeholder="The water cycle, from evaporation to rivers",
                required=True,
            ),
            text_field(
                "audience",
                "For whom",
                hint="Who learns, and what they know already.",
                placeholder="Pupils of 12 who know what a gas is",
                required=True,
                wide=True,
            ),
            number_field("lessons", "Lessons", hint="1 to 12.", required=True),
            select_field("language", "Language", LANGUAGE_CHOICES, required=True),
        ),
        save_bar(label="Write the course", busy_label="Starting…"),
        values=AuthorState.values,
        errors=AuthorState.errors,
        busy=AuthorState.saving,
        subject="author/" + AuthorState.slug,
        stored=AuthorState.stored,
        name="A new course",
        on_save=AuthorState.start,
        on_reload=AuthorState.renew,
    )


def _list() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Asked for so far"),
        rx.cond(
            AuthorState.generations.length() > 0,
            rx.el.ul(rx.foreach(AuthorState.generations, _generation), class_name="generations", aria_label="Courses"),
            rx.el.div(
                rx.el.p("No course was asked for in this section yet.", class_name="title"),
                rx.el.p(
                    "Name a topic above. Planning takes a moment, each lesson a little longer.", class_name="summary"
                ),
                class_name="card empty",
            ),
        ),
        paging(
            AuthorState.befores.length() > 0,
            AuthorState.show_newer,
            AuthorState.next_before,
            AuthorState.show_older,
        ),
        class_name="block",
    )


def _generation(item: rx.Var[GenerationItem]) -> rx.Component:
    return rx.el.li(
        rx.el.header(
            rx.el.h3(item["title"]),
            rx.el.span(item["label"], class_name="pill state " + item["tone"].to(str)),
        ),
        rx.el.p(item["about"], " · ", moment(item["at"]), class_name="meta"),
        rx.cond(item["live"], _progress(item)),
        rx.cond(item["error"] != "", rx.el.p(item["error"], class_name="alert")),
        rx.el.p(
            rx.cond(
                item["draft"] != "",
                rx.el.a("Read the draft", href=item["draft"], aria_label="Read the draft: " + item["title"].to(str)),
            ),
            rx.cond(
                item["job"] != "",
                rx.el.a("Open the job", href=item["job"], aria_label="Open the job: " + item["title"].to(str)),
            ),
            class_name="links",
        ),
        key=item["id"],
    )


def _progress(item: rx.Var[GenerationItem]) -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.span(style={"width": item["percent"].to(str) + "%"}),
            class_name="job-bar",
            role="progressbar",
            aria_label="Written of " + item["title"].to(str),
            custom_attrs={
                "aria-valuemin": 0,
                "aria-valuemax": 100,
                "aria-valuenow": item["percent"],
            },
        ),
        rx.cond(item["note"] != "", rx.el.p(item["note"], class_name="meta")),
    )
