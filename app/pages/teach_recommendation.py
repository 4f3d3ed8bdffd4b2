"""The recommendation on the first tab."""

import reflex as rx

from app.components.pulse import Pulse
from app.components.when import moment
from app.state.teach_recommendation import LONGEST_COMMENT, TeachRecommendationState

INTERVAL = 2
"""Seconds between looks at whether it has been written."""


def recommendation() -> rx.Component:
    """What it says, or why there is none, and what may be done."""
    state = TeachRecommendationState
    return rx.el.section(
        rx.el.h2("Recommendation", class_name="eyebrow"),
        rx.cond(state.text != "", _written()),
        rx.match(
            state.state,
            ("off", rx.el.p("Recommendations are switched off for this section.", class_name="summary")),
            (
                "not_enough",
                rx.el.p(
                    "Not enough data yet: a few more students have to ask something first.",
                    class_name="summary",
                ),
            ),
            (
                "none",
                rx.el.p(
                    "One thing worth doing next, from totals: no names, no transcripts.",
                    rx.cond(state.may_ask, "", " The section’s instructors can have one written."),
                    class_name="summary",
                ),
            ),
            ("failed", rx.el.p(state.why_not, role="alert", class_name="alert")),
            ("writing", _writing()),
            rx.fragment(),
        ),
        _acts(),
        class_name="card insight",
        aria_label="Recommendation",
    )  # fmt: skip


def _written() -> rx.Component:
    state = TeachRecommendationState
    return rx.fragment(
        rx.cond(state.headline != "", rx.el.p(state.headline, class_name="insight-head")),
        rx.el.p(state.text, class_name="insight-text"),
        rx.el.p(
            "From totals only · ",
            moment(state.written_at),
            rx.cond(state.notice != "", " · " + state.notice, ""),
            class_name="meta",
        ),
    )


def _writing() -> rx.Component:
    return rx.fragment(
        Pulse.create(seconds=INTERVAL, answered=TeachRecommendationState.beats, on_beat=TeachRecommendationState.look),
        rx.el.p("Being written. You can leave; it will be here.", role="status", class_name="summary"),
        rx.el.div(*(rx.el.div(class_name="bone") for _ in range(3)), class_name="skeleton", aria_hidden=True),
    )


def _acts() -> rx.Component:
    state = TeachRecommendationState
    return rx.fragment(
        rx.el.div(
            rx.cond(
                state.state == "ready",
                rx.fragment(_thumb(1, "Helpful"), _thumb(-1, "Not helpful")),
            ),
            rx.cond(
                state.may_ask,
                rx.match(
                    state.state,
                    ("none", _ask("Write a recommendation", "btn primary")),
                    ("failed", _ask("Retry", "btn primary")),
                    ("ready", _ask("Regenerate", "btn")),
                    rx.fragment(),
                ),
            ),
            class_name="buttons",
        ),
        rx.cond((state.state == "ready") & (state.my_rating != 0), _comment()),
    )


def _ask(label: str, look: str) -> rx.Component:
    return rx.el.button(label, on_click=TeachRecommendationState.ask, type="button", class_name=look)


def _thumb(rating: int, label: str) -> rx.Component:
    pressed = TeachRecommendationState.my_rating == rating
    return rx.el.button(
        label,
        on_click=TeachRecommendationState.rate(rating),
        type="button",
        class_name="btn",
        custom_attrs={"aria-pressed": rx.cond(pressed, "true", "false")},
    )


def _comment() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            rx.el.label("Why?", html_for="recommendation-comment"),
            rx.el.input(
                id="recommendation-comment",
                name="comment",
                default_value=TeachRecommendationState.my_comment,
                max_length=LONGEST_COMMENT,
                auto_complete="off",
            ),
            class_name="field",
        ),
        rx.el.button("Send", type="submit", class_name="btn"),
        on_submit=TeachRecommendationState.comment,
        class_name="one-line",
    )
