"""Every address that leads nowhere."""

import reflex as rx

from app.components.page import page


def not_found() -> rx.Component:
    """Say so, and show the way back."""
    return page(
        rx.el.div(
            rx.el.h1("There is nothing here"),
            rx.el.p("The address may be mistyped, or the page has moved.", class_name="lead"),
            rx.el.p(rx.el.a("Go to my courses", href="/", class_name="btn primary")),
            class_name="page narrow",
        )
    )
