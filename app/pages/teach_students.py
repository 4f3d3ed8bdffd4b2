"""`/s/{section}/teach/students`: who may need somebody, and why."""

import reflex as rx

from app.components.figures import figure
from app.components.tables import list_table
from app.pages.teach import empty, teach_heading, teach_tab
from app.state.teach import TeachState
from app.state.teach_students import KINDS, NEVER, SignalItem, StudentItem, TeachStudentsState

COLUMNS = (
    ("name", "Student"), ("", "Reasons to look in"), ("weeks", "Last active"), ("questions", "Questions"),
    ("submissions", "Submissions"),
)  # fmt: skip
RANGES = ((20, "20 or more"), (10, "10 to 19"), (5, "5 to 9"), (1, "1 to 4"))


def teach_students() -> rx.Component:
    """Every student, those with reasons first."""
    state = TeachStudentsState
    return teach_tab(
        "students",
        state.loading,
        state.load,
        teach_heading("Students"),
        rx.el.p(
            rx.cond(
                state.concerned > 0,
                rx.fragment(
                    "There is a reason to look in on ", figure(state.concerned, "count"), " of ",
                    figure(TeachState.students, "count"), ". Reasons are facts to start a talk with, not a judgement.",
                ),
                "No reason to worry about anybody: nobody fell silent, failed often or found many answers unhelpful.",
            ),
            " Questions and submissions are of the last four weeks; how often somebody asked stands in ranges, so that "
            "it doesn’t say whose a pseudonym is.",
            class_name="sub",
        ),
        _tools(),
        rx.cond(
            state.found.length() > 0,
            list_table("Students", [_heading(*column) for column in COLUMNS], state.found, _row, "students-table"),
            rx.cond(
                TeachState.students == 0,
                empty("Nobody is in this section yet.", "Students appear here as soon as they are added to it."),
                empty("Nobody found.", "Try another name, or show everybody."),
            ),
        ),
    )  # fmt: skip


def _tools() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Find a student", class_name="hidden"),
            rx.el.input(
                type="search",
                placeholder="Find a student",
                value=TeachStudentsState.search,
                on_change=TeachStudentsState.search_for,
                max_length=200,
            ),
            class_name="grow",
        ),
        rx.el.label(
            rx.el.span("Reason", class_name="hidden"),
            rx.el.select(
                *(rx.el.option(label, value=kind) for kind, label in KINDS.items()),
                value=TeachStudentsState.kind,
                on_change=TeachStudentsState.choose_kind,
            ),
        ),
        class_name="list-tools student-tools",
    )


def _heading(column: str, label: str) -> rx.Component:
    state = TeachStudentsState
    direction = rx.cond(state.descending, "descending", "ascending")
    if not column:
        return rx.el.th(label, scope="col")
    return rx.el.th(
        rx.el.button(label, on_click=state.sort_by(column), type="button", class_name="sort"),
        scope="col",
        custom_attrs={"aria-sort": rx.cond(state.sort == column, direction, "none")},
    )


def _row(item: rx.Var[StudentItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            item["name"],
            rx.el.a(item["email"], href="mailto:" + item["email"].to(str), class_name="meta"),
            scope="row",
        ),
        rx.el.td(
            rx.cond(
                item["signals"].to(list[SignalItem]).length() > 0,
                rx.el.ul(rx.foreach(item["signals"].to(list[SignalItem]), _signal), class_name="signals"),
                rx.el.span("none", class_name="meta"),
            )
        ),
        rx.el.td(_last_active(item["weeks"].to(int))),
        rx.el.td(rx.match(item["questions"].to(int), *RANGES, "none")),
        rx.el.td(figure(item["submissions"], "count")),
        key=item["id"],
    )  # fmt: skip


def _last_active(weeks: rx.Var[int]) -> rx.Component:
    return rx.match(
        weeks,
        (0, rx.fragment("in the last 7 days")),
        (1, rx.fragment("a week ago")),
        (NEVER, rx.fragment("never")),
        rx.fragment(figure(weeks, "count"), " weeks ago"),
    )


def _signal(item: rx.Var[SignalItem]) -> rx.Component:
    return rx.el.li(item["reason"])
