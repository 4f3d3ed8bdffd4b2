"""Jobs in lists: a row, a status, the choices of filters, and the pages beside this one."""

import reflex as rx

from app.components.when import moment
from app.state.job_words import Choice, JobItem


def job_row(item: rx.Var[JobItem]) -> rx.Component:
    """A job as the home page and the list show it."""
    return rx.el.li(
        rx.el.span(
            rx.el.a(
                item["title"],
                rx.cond(item["about"] != "", rx.fragment(": ", item["about"])),
                href="/jobs/" + item["id"].to(str),
                class_name="title",
            ),
            rx.cond(item["note"] != "", rx.el.span(item["note"], class_name="meta said")),
            rx.cond(item["error"] != "", rx.el.span(item["error"], class_name="meta said")),
            class_name="grow stack",
        ),
        rx.cond(item["section"] != "", rx.el.span(item["section"], class_name="meta")),
        status_pill(item),
        rx.el.span(moment(rx.cond(item["ended_at"] != "", item["ended_at"], item["at"])), class_name="meta when"),
        key=item["id"],
    )


def status_pill(item: rx.Var[JobItem]) -> rx.Component:
    """A status with how much is done."""
    return rx.el.span(
        item["label"],
        rx.cond(item["percent"].to(int) >= 0, rx.fragment(" · ", item["percent"], "\u00a0%")),
        class_name="pill state " + item["tone"].to(str),
    )


def option(choice: rx.Var[Choice]) -> rx.Component:
    """One choice of a filter."""
    return rx.el.option(choice["label"], value=choice["value"])


def paging(
    has_newer: rx.Var[bool], newer: rx.EventHandler, next_before: rx.Var[str], older: rx.EventHandler
) -> rx.Component:
    """The pages beside this one."""
    return rx.cond(
        has_newer | (next_before != ""),
        rx.el.nav(
            rx.el.button("Newer", type="button", class_name="btn", on_click=newer, disabled=~has_newer),
            rx.el.button("Older", type="button", class_name="btn", on_click=older, disabled=next_before == ""),
            class_name="buttons paging",
            aria_label="Pages of jobs",
        ),
    )
