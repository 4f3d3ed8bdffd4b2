"""What the administrators' pages share: their tabs, and who may see them is decided by their states."""

import reflex as rx

from app.components.page import page

TABS = (
    ("models", "Models"),
    ("services", "Service configs"),
    ("features", "Features"),
    ("limits", "Limits"),
    ("jobs", "Jobs"),
    ("health", "Health"),
    ("usage", "Usage and cost"),
    ("sandbox", "Sandbox"),
    ("audit", "Audit"),
)


def admin_page(current: str, *content: rx.Component) -> rx.Component:
    """An administrators' page under its tab; `current` is the last part of its address."""
    return page(rx.el.div(_tabs(current), *content, class_name="page admin"))


def _tabs(current: str) -> rx.Component:
    return rx.el.nav(
        *(
            rx.el.a(name, href=f"/admin/{path}", **({"aria_current": "page"} if path == current else {}))
            for path, name in TABS
        ),
        class_name="subtabs",
        aria_label="Administration",
    )
