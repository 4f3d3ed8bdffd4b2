"""`/login`: sign in."""

import reflex as rx

from app.components.forms import hidden, post_form
from app.state.login import LoginState


def login() -> rx.Component:
    """The sign-in form: posted by the browser itself, so that the cookie stays out of reach of scripts."""
    return rx.el.main(
        rx.el.p("Stoa", class_name="logo large"),
        rx.el.div(
            rx.el.h1("Sign in"),
            rx.cond(
                LoginState.failure != "",
                rx.el.p(LoginState.failure, role="alert", class_name="alert", id="failure"),
            ),
            post_form(
                hidden("next", LoginState.next),
                rx.el.label(
                    "E-mail address",
                    rx.el.input(
                        name="email",
                        type="email",
                        auto_complete="username",
                        required=True,
                        auto_focus=LoginState.typed_email == "",
                        default_value=LoginState.typed_email,
                        key=LoginState.typed_email,
                    ),
                ),
                rx.el.label(
                    "Password",
                    rx.el.input(
                        name="password",
                        type="password",
                        auto_complete="current-password",
                        required=True,
                        auto_focus=LoginState.typed_email != "",
                        key="password of " + LoginState.typed_email,
                    ),
                ),
                rx.el.button("Sign in", type="submit", class_name="btn primary wide"),
                action="/api/sign-in",
                class_name="form",
            ),
            class_name="card door",
        ),
        class_name="doorway",
        id="content",
    )
