"""`/s/{section}`: the section's contents."""

import reflex as rx

from app.components.contents import contents, section_nav
from app.components.page import opened, page, skeleton
from app.state.section import SectionState


def section() -> rx.Component:
    """What the course holds, and where to begin."""
    return page(
        opened(
            SectionState.loading,
            rx.el.div(skeleton(), class_name="page narrow"),
            rx.el.div(
                rx.el.p(SectionState.title, class_name="eyebrow"),
                rx.el.h1(SectionState.course),
                rx.el.p(SectionState.summary, class_name="lead"),
                rx.cond(SectionState.modules.length() > 0, _lessons(), _empty()),
                class_name="page narrow",
            ),
        ),
        nav=section_nav("section"),
    )


def _lessons() -> rx.Component:
    return rx.fragment(
        rx.el.p(
            rx.el.a(
                "Start reading",
                href="/s/" + SectionState.slug + "/l/" + SectionState.first_lesson,
                class_name="btn primary",
            ),
            rx.cond(
                SectionState.tutor_on,
                rx.el.a("Talk with the tutor", href="/s/" + SectionState.slug + "/chat", class_name="btn"),
            ),
            class_name="buttons",
        ),
        rx.el.div(contents(), class_name="contents"),
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("No lessons yet.", class_name="title"),
        rx.el.p("They appear here once your instructor publishes them.", class_name="summary"),
        class_name="card empty",
    )
