"""`/admin/health`: how every model is doing, live."""

import reflex as rx

from app.components.figures import figure
from app.components.page import opened, skeleton
from app.components.pulse import Countdown, Pulse
from app.components.when import moment
from app.pages.admin import admin_page
from app.state.health import HealthItem, HealthState

INTERVAL = 2
"""Seconds between readings."""
COLUMNS = ("Model", "State", "Errors", "Rate-limited", "First token, p95", "In flight", "Last error", "")


def health() -> rx.Component:
    """The table of models, and what is special about routing now."""
    return admin_page(
        "health",
        opened(
            HealthState.loading,
            skeleton(8),
            rx.fragment(
                Pulse.create(seconds=INTERVAL, answered=HealthState.beats, on_beat=HealthState.beat),
                rx.el.p(HealthState.news, role="status", class_name="hidden"),
                rx.el.h1("Health"),
                rx.el.p("How models answered lately, as their breakers see it. Kept up to date.", class_name="lead"),
                _banners(),
                rx.cond(HealthState.models.length() > 0, _table(), _empty()),
            ),
        ),
    )


def _banners() -> rx.Component:
    return rx.fragment(
        rx.cond(
            HealthState.primary_only,
            rx.el.p(
                rx.el.strong("The kill switch is on. "),
                "Every request goes to the primary model of its chain: no fallback, no breaker, no limits. It is the "
                "setting ", rx.el.code("GENAI_ROUTING_PRIMARY_ONLY"), ".",
                class_name="banner",
            ),
        ),
        rx.cond(
            HealthState.shared,
            None,
            rx.el.p(
                rx.el.strong("Redis is away. "),
                "These figures are of one web process, and others count for themselves until it is back.",
                class_name="banner",
            ),
        ),
    )  # fmt: skip


def _table() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.table(
                rx.el.thead(rx.el.tr(*(_heading(name) for name in COLUMNS))),
                rx.el.tbody(rx.foreach(HealthState.models, _row)),
                class_name="ledger health",
            ),
            class_name="card scroller",
            role="region",
            aria_label="Models",
            tab_index=0,
        ),
        rx.el.dl(
            rx.el.div(
                rx.el.dt("Take out of service"),
                rx.el.dd(
                    "From the next request on nothing goes to the model: its chains go on with their next one. Answers "
                    "that are being written are finished. It stays so until somebody puts it back.",
                    id="taking-out",
                ),
            ),
            rx.el.div(
                rx.el.dt("Put back"),
                rx.el.dd(
                    "The model counts as healthy at once, and its counters are cleared. If it fails again, its breaker "
                    "opens again.",
                    id="putting-back",
                ),
            ),
            class_name="consequences",
        ),
    )


def _heading(name: str) -> rx.Component:
    return rx.el.th(name or rx.el.span("Actions", class_name="hidden"), scope="col")


def _row(item: rx.Var[HealthItem]) -> rx.Component:
    name = item["name"].to(str)
    return rx.el.tr(
        rx.el.th(
            rx.el.a(name, href="/admin/models/" + item["id"].to(str)),
            rx.el.span(item["provider"], " · ", item["model"], class_name="meta"),
            rx.cond(
                item["answered_as"] != "",
                rx.el.span("answered last as ", item["answered_as"], class_name="meta warn"),
            ),
            scope="row",
        ),
        rx.el.td(
            rx.el.span(item["state"], class_name="pill state " + item["tone"].to(str)),
            rx.cond(item["why"] != "", rx.el.span(item["why"], class_name="meta said")),
            rx.cond(
                item["probe_in"].to(int) >= 0,
                rx.el.span(
                    "next probe ",
                    Countdown.create(seconds=item["probe_in"], nonce=HealthState.beats),
                    class_name="meta said",
                ),
            ),
        ),
        rx.el.td(
            figure(item["error_rate"], "share"),
            rx.cond(item["samples"].to(int) > 0, rx.el.span(" of ", item["samples"], class_name="meta")),
        ),
        rx.el.td(figure(item["rate_limit_rate"], "share")),
        rx.el.td(figure(item["first_token_p95_ms"], "ms")),
        rx.el.td(item["load"]),
        rx.el.td(
            rx.cond(
                item["last_error"] != "",
                rx.fragment(
                    rx.el.span(item["last_error"], class_name="said"),
                    rx.el.span(moment(item["last_error_at"]), class_name="meta"),
                ),
                "–",
            )
        ),
        rx.el.td(
            rx.el.div(
                _button("Take out of service", name, HealthState.take_out, item, "can_take_out", "taking-out"),
                _button("Put back", name, HealthState.put_back, item, "can_put_back", "putting-back"),
                class_name="buttons",
            )
        ),
        key=item["id"],
    )


def _button(
    label: str, name: rx.Var[str], event: rx.EventHandler, item: rx.Var[HealthItem], allowed: str, consequence: str
) -> rx.Component:
    """Where it would change nothing it stays, so that focus does, and does nothing."""
    possible = item[allowed].to(bool)
    return rx.el.button(
        label,
        type="button",
        class_name="btn",
        on_click=rx.cond(possible, event(item["id"]), rx.noop()),
        custom_attrs={
            "aria-label": f"{label}: {name}",
            "aria-disabled": rx.cond(possible, "false", "true"),
            "aria-describedby": consequence,
        },
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("No model is registered.", class_name="title"),
        rx.el.p(rx.el.a("Register one", href="/admin/models"), " and it shows up here.", class_name="summary"),
        class_name="card empty",
    )
