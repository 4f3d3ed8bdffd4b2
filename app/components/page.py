"""The frame of every page: top bar, skip link, and what stands there while it loads or can't be opened."""

import reflex as rx

from app.components.forms import sign_out
from app.components.panels import disclosure
from app.state.session import Session


def page(*content: rx.Component, nav: rx.Component | None = None, **props: str) -> rx.Component:
    """A page with the top bar; `nav` stands beside the logo."""
    return rx.el.div(
        rx.el.a("Skip to content", href="#content", reload_document=True, class_name="skip"),
        _top(nav),
        rx.el.main(*content, id="content", tab_index=-1, **props),
        class_name="shell",
    )


def opened(loading: rx.Var[bool], skeleton: rx.Component, content: rx.Component) -> rx.Component:
    """`content` once it is there, `skeleton` until then, or why it can't be shown."""
    return possible(rx.cond(loading, skeleton, content))


def possible(content: rx.Component) -> rx.Component:
    """`content`, which shows by itself that it loads, or why it can't be shown."""
    return rx.cond(Session.problem != "", _problem(), content)


def skeleton(lines: int = 6) -> rx.Component:
    """Grey lines in the place of text."""
    return rx.el.div(
        rx.el.span("Loading…", class_name="hidden"),
        *(rx.el.div(class_name="bone") for _ in range(lines)),
        class_name="skeleton",
        role="status",
    )


def _top(nav: rx.Component | None) -> rx.Component:
    return rx.el.header(
        rx.el.a("Stoa", href="/", class_name="logo"),
        nav or rx.fragment(),
        rx.cond(
            Session.person != "",
            disclosure(
                rx.el.p(rx.el.span(Session.name, class_name="title"), rx.el.span(Session.email, class_name="meta")),
                rx.el.a("Account", href="/account"),
                rx.el.a("My jobs", href="/jobs"),
                rx.cond(Session.is_administrator, rx.el.a("Administration", href="/admin/models")),
                sign_out("Sign out"),
                class_name="account",
                label=Session.name,
                name="Account of " + Session.name,
                face=Session.name[0],
            ),
        ),
        class_name="top",
    )


def _problem() -> rx.Component:
    return rx.el.div(
        rx.el.h1("This page can’t be shown"),
        rx.el.p(Session.problem, role="alert", class_name="lead"),
        rx.el.p(rx.el.a("Go to my courses", href="/", class_name="btn primary")),
        class_name="page narrow",
    )
