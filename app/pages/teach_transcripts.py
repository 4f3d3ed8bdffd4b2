"""`/s/{section}/teach/transcripts`: conversations, pseudonymous until somebody says why they need the name."""

import reflex as rx

from app.components.chat import prose
from app.components.dialogs import dialog
from app.components.figures import figure
from app.components.when import moment
from app.pages.teach import empty, more_button, narrowing, teach_heading, teach_tab
from app.state.teach import TeachState
from app.state.teach_transcripts import LONGEST_REASON, LineItem, TeachTranscriptsState, TranscriptItem


def teach_transcripts() -> rx.Component:
    """The list, or one conversation."""
    state = TeachTranscriptsState
    return teach_tab(
        "transcripts",
        state.loading,
        state.load,
        rx.cond(
            TeachState.transcripts == "off",
            rx.fragment(
                teach_heading("Transcripts"),
                empty("This section shows no transcripts.", "Its instructors decided so in the settings."),
            ),
            rx.cond(state.opened != "", _transcript(), _list()),
        ),
    )


def _list() -> rx.Component:
    state = TeachTranscriptsState
    return rx.fragment(
        teach_heading("Transcripts"),
        rx.el.p(
            "Students stand under a pseudonym here, the same one in all of their conversations of this section.",
            class_name="sub",
        ),
        narrowing(),
        rx.el.div(
            rx.el.label(
                rx.el.span("Find a pseudonym", class_name="hidden"),
                rx.el.input(
                    type="search",
                    placeholder="Find a pseudonym",
                    default_value=state.search,
                    on_change=state.search_for.debounce(250),
                    max_length=100,
                ),
                class_name="grow",
            ),
            class_name="list-tools question-tools",
        ),
        rx.cond(
            state.items.length() > 0,
            rx.el.ul(rx.foreach(state.items, _item), class_name="rows transcripts"),
            empty("No conversations in these days.", "Choose other days, another lesson, or another pseudonym."),
        ),
        more_button(state.has_more, state.show_more),
    )


def _item(item: rx.Var[TranscriptItem]) -> rx.Component:
    return rx.el.li(
        rx.el.a(item["pseudonym"], href=item["href"].to(str), class_name="grow"),
        rx.el.span(item["lesson"], class_name="meta"),
        rx.el.span(
            figure(item["questions"], "count"),
            rx.cond(item["questions"].to(int) == 1, " question", " questions"),
            class_name="meta",
        ),
        rx.cond(
            item["thumbs_down"].to(int) > 0,
            rx.el.span(figure(item["thumbs_down"], "count"), " not helpful", class_name="pill state bad"),
        ),
        rx.el.span(moment(item["at"].to(str)), class_name="meta"),
        key=item["id"],
    )


def _transcript() -> rx.Component:
    state = TeachTranscriptsState
    return rx.fragment(
        rx.el.p(
            rx.el.a("All transcripts", href="/s/" + TeachState.slug + "/teach/transcripts" + TeachState.query),
            class_name="back",
        ),
        teach_heading(rx.cond(state.name != "", state.name, state.pseudonym), _who()),
        rx.el.p(
            state.title,
            rx.cond(state.name != "", " · " + state.email + " · known here as " + state.pseudonym, ""),
            class_name="sub",
        ),
        rx.cond(
            (state.name != "") & (state.until != ""),
            rx.el.p(
                "You revealed this name; it stays known to you until ", moment(state.until, exact=True), ".",
                class_name="banner",
            ),
        ),
        rx.el.ol(rx.foreach(state.lines, _line), class_name="transcript"),
        _why(),
    )  # fmt: skip


def _who() -> rx.Component:
    return rx.cond(
        TeachTranscriptsState.may_reveal & (TeachTranscriptsState.name == ""),
        rx.el.button("Reveal the name…", on_click=TeachTranscriptsState.ask_why, type="button", class_name="btn"),
    )


def _why() -> rx.Component:
    state = TeachTranscriptsState
    wrong = state.reason_problem != ""
    return dialog(
        rx.el.p(
            "Your name, this conversation and your reason are recorded in the audit log, which administrators read."
        ),
        rx.el.form(
            rx.el.div(
                rx.el.label("Why do you need to know?", html_for="reveal-reason"),
                rx.el.textarea(
                    id="reveal-reason",
                    name="reason",
                    rows="3",
                    max_length=LONGEST_REASON,
                    custom_attrs={
                        "data-first": True,
                        "aria-invalid": rx.cond(wrong, "true", "false"),
                        "aria-describedby": "reveal-problem",
                    },
                ),
                rx.el.span(state.reason_problem, id="reveal-problem", class_name="err", role="alert"),
                class_name="field",
            ),
            rx.el.div(
                rx.el.button("Reveal and record", type="submit", class_name="btn primary"),
                rx.el.button("Cancel", on_click=state.never_mind, type="button", class_name="btn"),
                class_name="buttons",
            ),
            on_submit=state.reveal,
            no_validate=True,
        ),
        open=state.asking,
        title="Reveal whose conversation this is?",
        on_close=state.never_mind,
    )


def _line(item: rx.Var[LineItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(rx.cond(item["role"] == "user", "Student", "Tutor"), class_name="title"),
            moment(item["at"].to(str)),
            rx.match(
                item["rating"],
                (-1, rx.el.span("not helpful", class_name="pill state bad")),
                (1, rx.el.span("helpful", class_name="pill state good")),
                rx.fragment(),
            ),
            class_name="meta",
        ),
        rx.cond(
            item["role"] == "user",
            rx.el.p(item["content"], class_name="asked"),
            rx.cond(
                item["content"].to(str) != "",
                prose(item["content"].to(str)),
                rx.el.p("There was no answer.", class_name="meta"),
            ),
        ),
        rx.cond(
            item["reason"].to(str) != "",
            rx.el.p(rx.el.span("The student says: ", class_name="title"), item["reason"], class_name="said-why"),
        ),
        key=item["id"],
        custom_attrs={"data-role": item["role"]},
    )
