"""Real HTML forms. Reflex's own form prevents the browser from posting, which sign-in needs."""

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class _PostForm(BaseHTML):
    """A `form` element that the browser posts by itself."""

    tag = "form"

    action: rx.Var[str]
    method: rx.Var[str]


class _SignOut(rx.Component):
    """A form that signs the person out and forgets their drafts."""

    library = rx.asset("forms.jsx", shared=True).importable_path
    tag = "SignOut"


def post_form(*children: rx.Component, action: str, **props: str) -> rx.Component:
    """A form that posts to `action`."""
    return _PostForm.create(*children, action=action, method="post", **props)


def sign_out(label: str, *, everywhere: bool = False, look: str = "btn quiet") -> rx.Component:
    """The button that ends this session, or all of the person's."""
    return _SignOut.create(
        *([hidden("everywhere", "true")] if everywhere else []),
        rx.el.button(label, type="submit", class_name=look),
    )


def hidden(name: str, value: rx.Var[str] | str) -> rx.Component:
    """A value that is posted along."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
