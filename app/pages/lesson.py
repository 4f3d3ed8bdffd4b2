"""`/s/{section}/l/{lesson}`: the lesson, with the tutor beside it (a sheet on phones)."""

import reflex as rx

from app.components.chat import prose
from app.components.coding import coding_exercise
from app.components.contents import contents, section_nav
from app.components.frame import FocusComposer
from app.components.page import opened, page, skeleton
from app.components.panels import sheet
from app.components.tutor import tutor
from app.state.lesson import LessonState, PassageItem
from app.state.section import SectionState
from app.state.tutor import TutorState


def lesson() -> rx.Component:
    """Contents, text, tutor: three columns on a desk, one on a phone."""
    return page(
        rx.el.aside(contents(LessonState.slug), class_name="toc", aria_label="Contents"),
        rx.el.article(
            opened(LessonState.loading, rx.el.div(skeleton(10), class_name="prose-width"), _text()), class_name="read"
        ),
        _tutor(),
        nav=section_nav("lesson"),
        class_name="lesson",
    )


def _text() -> rx.Component:
    return rx.el.div(
        rx.el.details(
            rx.el.summary("Contents"),
            contents(LessonState.slug),
            class_name="toc-inline",
            key=LessonState.slug,
        ),
        rx.el.h1(LessonState.title),
        rx.el.p(
            LessonState.module_title, " · ", LessonState.minutes, " minutes · ",
            rx.cond(LessonState.graded, "graded", "practice"), class_name="meta",
        ),
        rx.foreach(LessonState.passages, _passage),
        rx.el.nav(
            _step("Previous", LessonState.previous_slug, LessonState.previous_title),
            _step("Next", LessonState.following_slug, LessonState.following_title),
            class_name="steps",
            aria_label="Neighbouring lessons",
        ),
        class_name="prose-width",
    )  # fmt: skip


def _passage(passage: rx.Var[PassageItem]) -> rx.Component:
    return rx.cond(passage["key"] != "", coding_exercise(passage["key"]), prose(passage["text"], variant="lesson"))


def _step(label: str, slug: rx.Var[str], title: rx.Var[str]) -> rx.Component:
    link = rx.el.a(
        rx.el.span(label, class_name="eyebrow"),
        rx.el.span(title),
        href="/s/" + SectionState.slug + "/l/" + slug,
        class_name=f"step {label.lower()}",
    )
    return rx.cond(slug != "", link)


def _tutor() -> rx.Component:
    return sheet(
        rx.el.header(
            rx.el.h2("Tutor"),
            rx.cond(
                TutorState.conversation_id != "",
                rx.el.button(
                    "New conversation", on_click=TutorState.new_conversation, class_name="btn quiet", type="button"
                ),
            ),
        ),
        tutor("lesson"),
        FocusComposer.create(nonce=TutorState.begun_afresh),
        label=rx.cond(TutorState.disabled_reason != "", "Tutor", "Ask the tutor"),
        name="Tutor",
    )
