"""The home page's part for those who teach: their sections in two figures, and what waits for them."""

import reflex as rx

from app.components.figures import figure
from app.state.teaching import TaughtItem, TeachingState


def teaching() -> rx.Component:
    """Nothing for those who teach nowhere."""
    return rx.cond(
        TeachingState.taught.length() > 0,
        rx.el.section(
            rx.el.h2("You teach"),
            rx.el.ul(rx.foreach(TeachingState.taught, _section), class_name="taught"),
            rx.cond(
                TeachingState.waiting > 0,
                rx.fragment(
                    rx.el.h2("Waiting for you"),
                    rx.el.ul(rx.foreach(TeachingState.taught, _waiting), class_name="rows"),
                ),
            ),
            class_name="block teaching",
            aria_label="You teach",
        ),
    )


def _section(item: rx.Var[TaughtItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(item["title"], class_name="eyebrow"),
            rx.el.span(item["course"], class_name="title"),
            rx.el.span(
                rx.el.span(
                    rx.el.b(figure(item["active"], "count")),
                    " of ", figure(item["students"], "count"), " active this week",
                ),
                rx.el.span(rx.el.b(figure(item["waiting"], "count")), " not helpful, unresolved"),
                class_name="two-figures",
            ),
            href="/s/" + item["slug"].to(str) + "/teach",
            class_name="card link",
        ),
        key=item["slug"],
    )  # fmt: skip


def _waiting(item: rx.Var[TaughtItem]) -> rx.Component:
    return rx.cond(
        item["waiting"].to(int) > 0,
        rx.el.li(
            rx.el.a(
                figure(item["waiting"], "count"),
                rx.cond(item["waiting"].to(int) == 1, " answer didn’t help", " answers didn’t help"),
                href="/s/" + item["slug"].to(str) + "/teach/questions?show=open",
                class_name="grow",
            ),
            rx.el.span(item["course"], ", ", item["title"], class_name="meta"),
            key=item["slug"],
        ),
    )
