"""The tutor panel, wired to its state."""

import reflex as rx
from reflex.event import EventType

from app.components.chat import chat
from app.state.session import Session
from app.state.tutor import TutorState

SUGGESTIONS = {
    "lesson": [
        "Explain the main idea in other words",
        "Ask me a question about this lesson",
        "Show me another example",
    ],
    "section": [
        "Which lesson needs my attention most?",
        "How did the last two weeks go?",
        "Which exercise do students fail, and where do they give up?",
    ],
    "course": ["What should I read first?", "Help me plan an hour of study", "Quiz me on the last lesson"],
}
HINT = "It knows this {about} and answers with questions and hints. Ask for a full explanation any time."
FIGURES_HINT = "It looks up your section’s figures. It knows no names and nothing that a student wrote."


def tutor(about: str, then: list[EventType[()]] | None = None) -> rx.Component:
    """The conversation beside a lesson, about the course, or about a section's figures.

    `then` follows each event that changes the history.
    """
    then = then or []
    title, hint = ("Ask the tutor", HINT.format(about=about)) if about != "section" else ("Your figures", FIGURES_HINT)
    return chat(
        messages=TutorState.messages,
        turn=TutorState.turn,
        has_earlier=TutorState.has_earlier,
        loading=TutorState.loading,
        failure=TutorState.failure,
        disabled_reason=TutorState.disabled_reason,
        allowance=TutorState.allowance,
        notice=TutorState.notice,
        placeholder=f"Ask about this {about}",
        empty_title=rx.cond(TutorState.disabled_reason != "", "Not here", title),
        empty_hint=rx.cond(TutorState.disabled_reason != "", "", hint),
        suggestions=SUGGESTIONS[about],
        conversation=TutorState.conversation_id,
        person=Session.person,
        on_send=[TutorState.send, *then],
        on_stop=TutorState.stop_turn,
        on_regenerate=[TutorState.regenerate_answer, *then],
        on_retry=[TutorState.regenerate_answer, *then],
        on_edit=[TutorState.edit_message, *then],
        on_rate=TutorState.rate_answer,
        on_end=[TutorState.turn_ended, *then],
        on_earlier=TutorState.show_earlier,
        on_allowance=TutorState.look_at_allowance,
    )
