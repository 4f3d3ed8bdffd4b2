"""What the instructors' pages of a section share: its name and their tabs. Who may see them their states decide."""

import reflex as rx

from app.components.contents import section_nav
from app.components.page import page
from app.state.section import SectionState

TABS = (
    ("", "Overview"),
    ("questions", "Questions"),
    ("students", "Students"),
    ("transcripts", "Transcripts"),
    ("cost", "Cost"),
    ("author", "Author"),
    ("settings", "Settings"),
)


def teach_page(current: str, *content: rx.Component) -> rx.Component:
    """An instructors' page under its tab; `current` is the last part of its address, empty for the overview."""
    return page(rx.el.div(_tabs(current), *content, class_name="page admin teach"), nav=section_nav("teach"))


def teach_heading(title: str, *beside: rx.Component) -> rx.Component:
    """The page's heading under the section's name, with what stands at its right."""
    return rx.el.header(
        rx.el.div(
            rx.el.p(SectionState.course, ", ", SectionState.title, class_name="eyebrow"),
            rx.el.h1(title),
        ),
        *beside,
        class_name="heading",
    )


def _tabs(current: str) -> rx.Component:
    return rx.el.nav(
        *(
            rx.el.a(
                name,
                href="/s/" + SectionState.slug + "/teach" + (f"/{path}" if path else ""),
                **({"aria_current": "page"} if path == current else {}),
            )
            for path, name in TABS
        ),
        class_name="subtabs",
        aria_label="Teaching",
    )
