"""The tutor's chat and the rendering of course text: our React components and their Reflex wrappers.

Reflex links every source beside this file into `assets/external/app/components/chat/` and copies that to
`.web/public/`, from where Vite bundles `stoa.jsx`. All sources land in one folder, so they import each other by
relative path, in development and in the build alike; `chat.css` and KaTeX's styles are imports too. KaTeX and the
highlighter are dynamic imports: chunks of their own, fetched with the first formula or the first block of code.

`Chat` and `Prose` are imported by name and never created inside a render, so new props update them in place: React
keeps the streaming text, the draft and the scroll position across every state update.
"""

from pathlib import Path
from typing import Any

import reflex as rx

_SOURCES = sorted(path.name for path in Path(__file__).parent.iterdir() if path.suffix in {".js", ".jsx", ".css"})
_ASSETS = {name: rx.asset(name, shared=True) for name in _SOURCES}
_LIBRARY = _ASSETS["stoa.jsx"].importable_path

_PACKAGES = [
    "highlight.js@11.11.1",
    "katex@0.19.1",
    "lowlight@3.3.0",
    "mdast-util-from-markdown@2.1.0",
    "mdast-util-gfm-autolink-literal@2.1.0",
    "mdast-util-gfm-strikethrough@2.0.1",
    "mdast-util-gfm-table@2.0.1",
    "mdast-util-gfm-task-list-item@2.0.1",
    "micromark-extension-gfm-autolink-literal@2.1.0",
    "micromark-extension-gfm-strikethrough@2.1.0",
    "micromark-extension-gfm-table@2.1.2",
    "micromark-extension-gfm-task-list-item@2.1.0",
]

_message = rx.event.passthrough_event_spec(str)
_message_and_text = rx.event.passthrough_event_spec(str, str)
_rating = rx.event.passthrough_event_spec(str, int, str)


class Prose(rx.Component):
    """Markdown with maths and highlighted code, without raw HTML."""

    library = _LIBRARY
    tag = "Prose"
    lib_dependencies: list[str] = _PACKAGES

    text: rx.Var[str]
    variant: rx.Var[str]


class Chat(rx.Component):
    """The tutor's panel: messages, the answer as it streams, and the composer. It fills the height it is given."""

    library = _LIBRARY
    tag = "Chat"
    lib_dependencies: list[str] = _PACKAGES

    # {id, role: user|assistant (any other is a quiet note), content, status: finished|stopped|interrupted|failed|
    # streaming|queued, error, model, rating: 1|-1|0, reason, at}, oldest first; an answer being generated is the last.
    messages: rx.Var[Any]
    # {id, answer_id} of the active turn, or None.
    turn: rx.Var[Any]
    # Whether older messages than these exist.
    has_earlier: rx.Var[bool]
    # Show a skeleton until there are messages.
    loading: rx.Var[bool]
    # {nonce, message, said_elsewhere} of the last event that failed, or None; a new nonce gives back what was being
    # sent. What is said elsewhere isn't shown as an alert.
    failure: rx.Var[Any]
    # Why nothing can be written now; empty when it can.
    disabled_reason: rx.Var[str]
    # {nonce, standing: low|paused|spent, text, seconds} when the limits are near or reached, or None: what to say, and
    # after how many seconds to ask again. While paused nothing is sent, once spent nothing is written either.
    allowance: rx.Var[Any]
    # A small line under the composer.
    notice: rx.Var[str]
    placeholder: rx.Var[str]
    empty_title: rx.Var[str]
    empty_hint: rx.Var[str]
    # Questions to start with: a click sends one.
    suggestions: rx.Var[Any]
    # The conversation's id, "" before its first message; drafts are kept per person and conversation.
    conversation: rx.Var[str]
    person: rx.Var[str]

    # The text.
    on_send: rx.EventHandler[_message]
    # The turn's id.
    on_stop: rx.EventHandler[_message]
    # The turn's id, once per turn: it ended, load the conversation.
    on_end: rx.EventHandler[_message]
    # The answer's id.
    on_regenerate: rx.EventHandler[_message]
    # The answer's id.
    on_retry: rx.EventHandler[_message]
    # The message's id and the new text.
    on_edit: rx.EventHandler[_message_and_text]
    # The answer's id, 1, -1 or 0, and the reason or "".
    on_rate: rx.EventHandler[_rating]
    on_earlier: rx.EventHandler[rx.event.no_args_event_spec]
    # The time that `allowance` named is over.
    on_allowance: rx.EventHandler[rx.event.no_args_event_spec]


def prose(text: rx.Var[str] | str, variant: str = "chat", **props: Any) -> rx.Component:
    """Markdown as course text (`variant="lesson"`: serif, headings from h2) or as in an answer (`"chat"`)."""
    return Prose.create(text=text, variant=variant, **props)


def chat(**props: Any) -> rx.Component:
    """The tutor's panel; the fields of `Chat` are its props and events."""
    return Chat.create(**props)
