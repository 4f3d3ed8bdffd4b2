"""`/admin/sandbox`: what ran in the sandbox, for whom, and how it ended."""

import reflex as rx

from app.components.page import opened, skeleton
from app.components.when import moment
from app.pages.admin import admin_page
from app.state.sandbox import FactItem, RunItem, SandboxState

VERDICTS = (
    ("accepted", "Accepted"),
    ("wrong_answer", "Wrong answer"),
    ("runtime_error", "Runtime error"),
    ("time_limit", "Time limit"),
    ("memory_limit", "Memory limit"),
    ("output_limit", "Output limit"),
    ("process_limit", "Process limit"),
    ("format_error", "Format error"),
    ("sandbox_error", "Sandbox error"),
)
PERIODS = (
    ("hour", "The last hour"),
    ("day", "The last day"),
    ("week", "The last 7 days"),
    ("month", "The last 30 days"),
)


def sandbox() -> rx.Component:
    """The runs, the latest first."""
    return admin_page(
        "sandbox",
        opened(
            SandboxState.loading,
            skeleton(8),
            rx.fragment(
                rx.el.h1("Sandbox"),
                rx.el.p(
                    "Every program that was run: students’, instructors’ and the tutor’s. Kept for ",
                    SandboxState.retention,
                    " days.",
                    class_name="lead",
                ),
                _filters(),
                rx.cond(
                    SandboxState.runs.length() > 0,
                    rx.el.ol(rx.foreach(SandboxState.runs, _run), class_name="audit", aria_label="Runs"),
                    _empty(),
                ),
                rx.cond(
                    SandboxState.has_more,
                    rx.el.button("Show older", on_click=SandboxState.show_older, class_name="btn wide", type="button"),
                ),
            ),
        ),
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Search"),
            rx.el.input(
                type="search",
                placeholder="Person, submission or image",
                default_value=SandboxState.search,
                max_length=200,
                on_change=SandboxState.search_for.debounce(250),
            ),
            class_name="grow",
        ),
        _choice("Verdict", "Any", VERDICTS, SandboxState.verdict, SandboxState.choose_verdict),
        _choice("Since", "All that is kept", PERIODS, SandboxState.period, SandboxState.choose_period),
        rx.el.a("Export as JSON lines", href=SandboxState.export, download="", reload_document=True, class_name="btn"),
        class_name="narrowing",
        role="search",
    )


def _choice(
    label: str, anything: str, options: tuple[tuple[str, str], ...], value: rx.Var[str], choose: rx.EventHandler
) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.select(
            rx.el.option(anything, value=""),
            *(rx.el.option(words, value=name) for name, words in options),
            value=value,
            on_change=choose,
        ),
    )


def _run(run: rx.Var[RunItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(
                rx.el.span(run["verdict"], class_name=rx.cond(run["good"], "pill state good", "pill state warn")),
                " ", rx.el.strong(run["who"]), " ", run["subject"], class_name="grow",
            ),
            rx.el.span(run["took"], " · ", moment(run["at"], exact=True), class_name="meta"),
        ),
        rx.el.details(
            rx.el.summary("Commands, files and limits"),
            rx.el.dl(rx.foreach(run["facts"], _fact), class_name="changes"),
            _texts("Commands", run["commands"]),
            _texts("Programs it started", run["executed"]),
            _texts("Files it opened", run["opened"]),
            _texts("What the engine saw", run["events"]),
        ),
        key=run["id"],
    )  # fmt: skip


def _fact(fact: rx.Var[FactItem]) -> rx.Component:
    return rx.el.div(rx.el.dt(fact["name"]), rx.el.dd(fact["value"]))


def _texts(name: str, texts: rx.Var[list[str]]) -> rx.Component:
    return rx.cond(
        texts.length() > 0,
        rx.fragment(
            rx.el.p(name, class_name="meta"),
            rx.el.ul(
                rx.foreach(texts, lambda text: rx.el.li(rx.el.code(text))),
                class_name="record",
                tab_index=0,
                aria_label=name,
            ),
        ),
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.cond(
            (SandboxState.search != "") | (SandboxState.verdict != "") | (SandboxState.period != ""),
            rx.fragment(
                rx.el.p("Nothing found.", class_name="title"),
                rx.el.p("Try another person, verdict or time.", class_name="summary"),
            ),
            rx.fragment(
                rx.el.p("Nothing ran yet.", class_name="title"),
                rx.el.p("Once somebody runs or hands in code, each run is listed here.", class_name="summary"),
            ),
        ),
        class_name="card empty",
    )
