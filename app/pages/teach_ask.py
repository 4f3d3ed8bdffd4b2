"""`/s/{section}/teach/ask[/{conversation}]`: questions about the section's figures, answered by its model."""

import reflex as rx

from app.components.frame import FocusComposer
from app.components.tutor import tutor
from app.components.when import moment
from app.pages.teach import teach_heading, teach_tab
from app.state.section import SectionState
from app.state.teach_ask import TalkItem, TeachAskState
from app.state.tutor import TutorState


def teach_ask() -> rx.Component:
    """The talk, and beside it the earlier ones."""
    state = TeachAskState
    return teach_tab(
        "ask",
        state.loading,
        state.load,
        teach_heading(
            "Ask about your section",
            rx.el.a("New talk", href="/s/" + SectionState.slug + "/teach/ask", class_name="btn"),
        ),
        rx.el.div(
            rx.el.section(
                tutor("section", then=[state.refresh]),
                FocusComposer.create(nonce=TutorState.begun_afresh),
                class_name="card talk",
                aria_label="Talk",
            ),
            rx.cond(state.talks.length() > 0, _talks()),
            class_name="ask",
        ),
    )


def _talks() -> rx.Component:
    return rx.el.nav(
        rx.el.h2("Your talks"),
        rx.el.ul(rx.foreach(TeachAskState.talks, _talk)),
        aria_label="Your talks",
    )


def _talk(item: rx.Var[TalkItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(item["title"], class_name="title"),
            rx.el.span(moment(item["at"]), class_name="meta"),
            href=item["href"].to(str),
            custom_attrs={"aria-current": rx.cond(TutorState.conversation_id == item["id"], "page", None)},
        )
    )
