"""What keeps a page of live figures live."""

import reflex as rx

_LIBRARY = rx.asset("pulse.jsx", shared=True).importable_path


class Pulse(rx.Component):
    """Calls `on_beat` again and again while the page is looked at; draws nothing."""

    library = _LIBRARY
    tag = "Pulse"

    # From one answer to the next question.
    seconds: rx.Var[int]
    # Changes with each answer.
    answered: rx.Var[int]
    on_beat: rx.EventHandler[rx.event.no_args_event_spec]


class Glance(rx.Component):
    """Calls `on_glance` when a page is opened, when the tab is looked at again, and when `nonce` changes."""

    library = _LIBRARY
    tag = "Glance"

    nonce: rx.Var[str]
    on_glance: rx.EventHandler[rx.event.no_args_event_spec]


class Countdown(rx.Component):
    """Seconds until something, counted down."""

    library = _LIBRARY
    tag = "Countdown"

    seconds: rx.Var[int]
    # Changes when `seconds` were counted anew.
    nonce: rx.Var[int]
