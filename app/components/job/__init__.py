"""A job as it goes on, followed over server-sent events: our React component and its Reflex wrapper."""

from typing import Any

import reflex as rx

from app.components import chat

_LIBRARY = rx.asset("progress.jsx", shared=True).importable_path
for _source in ("stream.js", "times.js"):
    rx.asset(_source, shared=True)
assert chat  # stream.js imports its connection


class JobProgress(rx.Component):
    """Its bar, times and log; the children stand between them."""

    library = _LIBRARY
    tag = "JobProgress"

    # {id, status, attempts, cancel_requested, progress, note, begun, elapsed: seconds of the latest attempt, read: a
    # number that changes with each reading from the database}.
    job: rx.Var[Any]
    # {sequence, at, level, message}: the latest lines, without gaps.
    lines: rx.Var[Any]
    # Whether there are lines before these.
    has_earlier: rx.Var[bool]

    # It isn't what `job` says any more: read it again.
    on_change: rx.EventHandler[rx.event.no_args_event_spec]
    on_earlier: rx.EventHandler[rx.event.no_args_event_spec]
