"""A coding exercise, wired to its states."""

import reflex as rx

from app.components.exercise import exercise
from app.components.fields import (
    check_field,
    checks,
    form,
    moment_field,
    number_field,
    save_bar,
    select_field,
    shown_when,
)
from app.state.exercise import ExerciseState
from app.state.exercise_terms import ExerciseTermsState, TermsItem
from app.state.session import Session

LATE_RULES = (
    ("none", "Accepted without deduction"),
    ("percent_per_day", "Costs a part of the points per day"),
    ("closed", "Not accepted"),
)


def coding_exercise(key: rx.Var[str]) -> rx.Component:
    """The exercise with this key, and for those who decide about it when it is due."""
    return exercise(
        rx.cond(ExerciseTermsState.forms.contains(key), _terms(ExerciseTermsState.forms[key])),
        exercise=ExerciseState.items[key],
        failure=ExerciseState.failure,
        person=Session.person,
        administers=Session.is_administrator,
        on_run=ExerciseState.run_code,
        on_submit=ExerciseState.submit_code,
        on_end=ExerciseState.job_ended,
        on_attempt=ExerciseState.show_attempt,
    )


def _terms(terms: rx.Var[TermsItem]) -> rx.Component:
    return rx.el.details(
        rx.el.summary("Due date and attempts"),
        form(
            rx.el.div(
                moment_field("due_at", "Due", hint="Time zone: " + terms["timezone"] + ". Empty: never."),
                select_field("late_rule", "Work that comes later", LATE_RULES),
                shown_when("late_rule", ["percent_per_day"], number_field("late_percent", "Deduction", unit="% a day")),
                number_field("max_attempts", "Attempts", hint="Empty: as many as the exercise itself says."),
                checks(
                    check_field(
                        "results_published",
                        "Results are published",
                        hint="Shows the tests that are hidden until then. Those that are always hidden stay so.",
                    )
                ),
                class_name="field-grid",
            ),
            save_bar(),
            values=terms["values"],
            errors=terms["errors"],
            busy=terms["saving"],
            subject=terms["values"]["key"],
            stored=terms["stored"],
            name="Due date and attempts",
            on_save=ExerciseTermsState.save,
            on_reload=ExerciseTermsState.reload,
        ),
        class_name="stoa-exercise-more",
    )
