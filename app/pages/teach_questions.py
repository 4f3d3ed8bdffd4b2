"""`/s/{section}/teach/questions`: what students ask, and the answers that didn't help."""

import reflex as rx

from app.components.chat import prose
from app.components.figures import figure
from app.components.when import moment
from app.pages.teach import empty, more_button, narrowing, teach_heading, teach_tab
from app.state.teach import TeachState
from app.state.teach_questions import ALL, OPEN, RESOLVED, QuestionItem, TeachQuestionsState

SHOWN = ((ALL, "All questions"), (OPEN, "Not helpful"), (RESOLVED, "Resolved"))


def teach_questions() -> rx.Component:
    """Questions, or the queue of thumbs-down, searched and narrowed."""
    return teach_tab(
        "questions",
        TeachQuestionsState.loading,
        TeachQuestionsState.load,
        teach_heading("Questions"),
        narrowing(),
        rx.el.div(_which(), _search(), class_name="list-tools question-tools"),
        rx.el.p(
            figure(TeachQuestionsState.total, "count"),
            rx.cond(TeachQuestionsState.total == 1, " question", " questions"),
            rx.cond(TeachState.lesson_title != "", " about " + TeachState.lesson_title, ""),
            class_name="meta",
            role="status",
        ),
        rx.cond(
            TeachQuestionsState.items.length() > 0,
            rx.el.ol(rx.foreach(TeachQuestionsState.items, _question), class_name="questions"),
            _nothing(),
        ),
        more_button(TeachQuestionsState.has_more, TeachQuestionsState.show_more),
    )


def _which() -> rx.Component:
    return rx.el.nav(*(_choice(value, label) for value, label in SHOWN), class_name="segments", aria_label="Show")


def _choice(value: str, label: str) -> rx.Component:
    show = "" if value == ALL else f"show={value}"
    joined = rx.cond(TeachState.query != "", TeachState.query + "&" + show, "?" + show) if show else TeachState.query
    chosen = TeachQuestionsState.show == value
    waiting = rx.cond(
        (TeachQuestionsState.waiting > 0) & (value == OPEN),
        rx.el.span(figure(TeachQuestionsState.waiting, "count"), class_name="count"),
    )
    return rx.el.a(
        label,
        waiting,
        href="/s/" + TeachState.slug + "/teach/questions" + joined.to(str),
        custom_attrs={"aria-current": rx.cond(chosen, "true", None)},
    )


def _search() -> rx.Component:
    return rx.el.label(
        rx.el.span("Search questions and answers", class_name="hidden"),
        rx.el.input(
            type="search",
            placeholder="Search questions and answers",
            default_value=TeachQuestionsState.search,
            on_change=TeachQuestionsState.search_for.debounce(250),
            max_length=200,
        ),
        class_name="grow",
    )


def _question(item: rx.Var[QuestionItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(item["lesson"], class_name="title"),
            rx.el.span(item["pseudonym"]),
            moment(item["at"].to(str)),
            rx.match(
                item["rating"],
                (-1, rx.el.span("not helpful", class_name="pill state bad")),
                (1, rx.el.span("helpful", class_name="pill state good")),
                rx.fragment(),
            ),
            class_name="meta",
        ),
        rx.el.p(item["question"], class_name="asked"),
        rx.cond(
            item["reason"].to(str) != "",
            rx.el.p(rx.el.span("The student says: ", class_name="title"), item["reason"], class_name="said-why"),
        ),
        rx.el.details(
            rx.el.summary("The answer"),
            rx.cond(
                item["answer"].to(str) != "",
                prose(item["answer"].to(str)),
                rx.el.p("There was no answer.", class_name="meta"),
            ),
        ),
        rx.el.div(
            rx.cond(
                TeachQuestionsState.show == OPEN,
                _resolve(item, "Mark as resolved", True),
                rx.cond(TeachQuestionsState.show == RESOLVED, _resolve(item, "Put back", False)),
            ),
            rx.cond(
                TeachState.transcripts != "off",
                rx.el.a("Read the conversation", href=item["href"].to(str), class_name="btn quiet"),
            ),
            rx.cond(
                item["resolved_at"].to(str) != "",
                rx.el.span(
                    "resolved by ", item["resolved_by"], " ", moment(item["resolved_at"].to(str)), class_name="meta"
                ),
            ),
            class_name="buttons",
        ),
        key=item["message"],
    )  # fmt: skip


def _resolve(item: rx.Var[QuestionItem], label: str, resolved: bool) -> rx.Component:
    return rx.el.button(
        label, on_click=TeachQuestionsState.resolve(item["message"], resolved), type="button", class_name="btn"
    )


def _nothing() -> rx.Component:
    return rx.cond(
        TeachQuestionsState.search != "",
        empty("Nothing found.", "Try another word, or other days."),
        rx.match(
            TeachQuestionsState.show,
            (OPEN, empty("Nothing waits for you.", "When a student marks an answer as not helpful, it stands here.")),
            (RESOLVED, empty("Nothing is resolved in these days.", "What you mark as resolved is kept here.")),
            empty("Nobody has asked anything in these days.", "Choose other days, or another lesson."),
        ),
    )
