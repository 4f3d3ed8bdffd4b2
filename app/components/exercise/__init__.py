"""A coding exercise in its lesson: the editor, Run and Submit, what came of them, and the attempts so far.

CodeMirror is a dynamic import, a chunk of its own that only lessons with exercises fetch. The plain packages weigh
120 kB compressed; `@uiw/react-codemirror` brings search, lint and a theme along, which nothing here uses.
"""

from pathlib import Path
from typing import Any

import reflex as rx

import app.components.chat
import app.components.dialogs  # noqa: F401 - these two hold .jsx that ours imports

_SOURCES = sorted(path.name for path in Path(__file__).parent.iterdir() if path.suffix in {".js", ".jsx", ".css"})
_ASSETS = {name: rx.asset(name, shared=True) for name in _SOURCES}

_PACKAGES = [
    "@codemirror/commands@6.11.1",
    "@codemirror/lang-python@6.2.1",
    "@codemirror/language@6.13.1",
    "@codemirror/state@6.7.6",
    "@codemirror/view@6.43.15",
    "@lezer/highlight@1.2.5",
]

_key_and_text = rx.event.passthrough_event_spec(str, str)


class _Exercise(rx.Component):
    """One exercise."""

    library = _ASSETS["exercise.jsx"].importable_path
    tag = "Exercise"
    lib_dependencies: list[str] = _PACKAGES

    # An `app.state.exercise.ExerciseItem`; nothing while it isn't there.
    exercise: rx.Var[Any]
    # Whose code is kept in this browser.
    person: rx.Var[str]
    # Whether they look after the installation: they are told what to install when there is no engine.
    administers: rx.Var[bool]
    # {nonce, key, message} of the last event that did nothing, or None.
    failure: rx.Var[Any]

    # The exercise's key and the code.
    on_run: rx.EventHandler[_key_and_text]
    on_submit: rx.EventHandler[_key_and_text]
    # The exercise's key and the job's id: it has ended, or can't be followed any more.
    on_end: rx.EventHandler[_key_and_text]
    # The exercise's key and an attempt's id.
    on_attempt: rx.EventHandler[_key_and_text]


def exercise(*children: rx.Component, **props: Any) -> rx.Component:
    """An exercise; the fields of `_Exercise` are its props. `children` stand at its end."""
    return _Exercise.create(*children, **props)
