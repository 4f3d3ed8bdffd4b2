"""`/account`: the look, and where one is signed in."""

import reflex as rx

from app.components.forms import sign_out
from app.components.page import opened, page, skeleton
from app.components.when import moment
from app.state.account import AccountState, SessionItem
from app.state.session import Session

THEMES = (("system", "As my device"), ("light", "Light"), ("dark", "Dark"))


def account() -> rx.Component:
    """Who am I, how should it look, and where am I signed in."""
    return page(
        opened(
            AccountState.loading,
            rx.el.div(skeleton(), class_name="page narrow"),
            rx.el.div(
                rx.el.h1(Session.name),
                rx.el.p(Session.email, class_name="lead"),
                _look(),
                _sessions(),
                class_name="page narrow",
            ),
        )
    )


def _look() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend("Theme"),
        *(
            rx.el.label(
                rx.el.input(
                    type="radio",
                    name="theme",
                    value=value,
                    checked=Session.theme == value,
                    on_change=AccountState.set_theme(value),
                ),
                label,
            )
            for value, label in THEMES
        ),
        class_name="choices block",
    )


def _sessions() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Where you are signed in"),
        rx.el.ul(rx.foreach(AccountState.sessions, _session), class_name="rows"),
        sign_out("Sign out everywhere", everywhere=True, look="btn danger"),
        class_name="block",
    )


def _session(item: rx.Var[SessionItem]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.el.span(item["device"], class_name="title"),
            rx.el.span(item["address"], " · ", moment(item["seen_at"]), class_name="meta"),
            class_name="grow stack",
        ),
        rx.cond(
            item["current"],
            rx.el.span("this browser", class_name="pill"),
            rx.el.button(
                "Sign out",
                on_click=AccountState.end(item["id"]),
                class_name="btn",
                type="button",
                aria_label="Sign out " + item["device"].to(str),
            ),
        ),
    )
