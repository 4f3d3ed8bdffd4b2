"""`/`: my sections, and conversations to go on with."""

import reflex as rx

from app.components.jobs import job_row
from app.components.page import opened, page, skeleton
from app.components.pulse import Pulse
from app.components.when import moment
from app.pages.teaching import teaching
from app.state.home import BudgetItem, HomeState, RecentItem, SectionItem
from app.state.session import Session
from app.state.teaching import TeachingState

JOBS_INTERVAL = 5
"""Seconds between readings of jobs that go on."""


def home() -> rx.Component:
    """The page after signing in."""
    return page(
        opened(
            HomeState.loading,
            rx.el.div(skeleton(), class_name="page"),
            rx.el.div(
                rx.el.h1(rx.cond(Session.is_administrator, "Courses", "My courses")),
                rx.cond(HomeState.budgets.length() > 0, _budgets()),
                teaching(),
                rx.cond(TeachingState.taught.length() > 0, rx.el.h2("What students read")),
                rx.cond(
                    HomeState.sections.length() > 0,
                    rx.el.ul(rx.foreach(HomeState.sections, _section), class_name="sections"),
                    _empty(),
                ),
                rx.cond(HomeState.jobs.length() > 0, _jobs()),
                rx.cond(HomeState.recent.length() > 0, _recent()),
                class_name="page",
            ),
        ),
    )


def _budgets() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Budgets this month"),
        rx.el.ul(rx.foreach(HomeState.budgets, _budget)),
        rx.el.a("Usage and cost", href="/admin/usage"),
        class_name="budget-notice",
        aria_label="Budgets",
    )


def _budget(item: rx.Var[BudgetItem]) -> rx.Component:
    amounts = f"{item['spent']} of {item['budget']}"
    return rx.el.li(
        rx.cond(
            item["state"] == "spent",
            f"“{item['name']}” has spent its budget ({amounts}). What it serves is refused until next month, "
            "or until the budget is raised.",
            f"“{item['name']}” has used {item['percent']} of its budget ({amounts}).",
        ),
        custom_attrs={"data-state": item["state"]},
    )


def _section(item: rx.Var[SectionItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(item["title"], class_name="eyebrow"),
            rx.el.span(item["course"], class_name="title"),
            rx.el.span(item["summary"], class_name="summary"),
            rx.el.span(
                item["lessons"], " lessons", rx.cond(item["role"] != "student", " · " + item["role"].to(str), ""),
                class_name="meta",
            ),
            href="/s/" + item["slug"].to(str),
            class_name="card link",
        ),
    )  # fmt: skip


def _jobs() -> rx.Component:
    return rx.el.section(
        rx.cond(
            HomeState.jobs_go_on,
            Pulse.create(seconds=JOBS_INTERVAL, answered=HomeState.beats, on_beat=HomeState.look_at_jobs),
        ),
        rx.el.h2("My jobs"),
        rx.el.ul(rx.foreach(HomeState.jobs, job_row), class_name="rows jobs"),
        rx.el.p(rx.el.a("All my jobs", href="/jobs"), class_name="after-rows"),
        class_name="block",
    )


def _recent() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Go on with a conversation"),
        rx.el.ul(rx.foreach(HomeState.recent, _talk), class_name="rows"),
        class_name="block",
    )


def _talk(item: rx.Var[RecentItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(item["title"], href=item["href"], class_name="grow"),
        rx.el.span(item["section"], class_name="meta"),
        rx.el.span(moment(item["at"]), class_name="meta"),
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("You aren’t in a course yet.", class_name="title"),
        rx.el.p("Ask your instructor to add the e-mail address you signed in with.", class_name="summary"),
        class_name="card empty",
    )
