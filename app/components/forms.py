"""Real HTML forms. Reflex's own form prevents the browser from posting, which sign-in needs."""

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class _PostForm(BaseHTML):
    """A `form` element that the browser posts by itself."""

    tag = "form"

    action: rx.Var[str]
    method: rx.Var[str]


def post_form(*children: rx.Component, action: str, **props: str) -> rx.Component:
    """A form that posts to `action`."""
    return _PostForm.create(*children, action=action, method="post", **props)


def hidden(name: str, value: rx.Var[str] | str) -> rx.Component:
    """A value that is posted along."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
