"""Moments in the reader's own language and time zone, worked out in the browser."""

import reflex as rx


def moment(iso: rx.Var[str]) -> rx.Component:
    """How long ago `iso` was, with the exact time as its title."""
    return rx.moment(iso, from_now=True, with_title=True, title_format="LLL")
