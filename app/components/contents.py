"""A section's table of contents."""

import reflex as rx

from app.state.section import LessonItem, ModuleItem, SectionState


def contents(current: rx.Var[str] | str = "") -> rx.Component:
    """Modules and lessons; the lesson with slug `current` is marked."""
    return rx.el.nav(rx.foreach(SectionState.modules, lambda module: _module(module, current)), aria_label="Lessons")


def section_nav(current: str) -> rx.Component:
    """The section's pages, in the top bar; nothing until the section is known."""
    return rx.cond(
        SectionState.slug != "",
        rx.el.nav(
            _tab(SectionState.course, "/s/" + SectionState.slug, current == "section"),
            rx.cond(SectionState.tutor_on, _tab("Tutor", "/s/" + SectionState.slug + "/chat", current == "chat")),
            rx.cond(SectionState.teaches, _tab("Teach", "/s/" + SectionState.slug + "/teach", current == "teach")),
            class_name="tabs",
            aria_label="Section",
        ),
    )


def _tab(label: rx.Var[str] | str, href: rx.Var[str], current: bool) -> rx.Component:
    marks = {"aria_current": "page"} if current else {}
    return rx.el.a(rx.el.span(label), href=href, **marks)


def _module(module: rx.Var[ModuleItem], current: rx.Var[str] | str) -> rx.Component:
    return rx.el.section(
        rx.el.h2(module["title"]),
        rx.el.ul(rx.foreach(module["lessons"].to(list[LessonItem]), lambda lesson: _lesson(lesson, current))),
    )


def _lesson(lesson: rx.Var[LessonItem], current: rx.Var[str] | str) -> rx.Component:
    here = lesson["slug"] == current
    return rx.el.li(
        rx.el.a(
            rx.el.span(lesson["title"], class_name="grow"),
            rx.cond(lesson["graded"], rx.el.span("graded", class_name="pill warn")),
            rx.el.span(lesson["minutes"], " min", class_name="meta"),
            href="/s/" + SectionState.slug + "/l/" + lesson["slug"].to(str),
            custom_attrs={"aria-current": rx.cond(here, "page", None)},
        ),
    )
