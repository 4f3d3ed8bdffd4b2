"""What stands in the place of a page that broke while it was drawn."""

import reflex as rx
from reflex_base.vars.function import ArgsFunctionOperation
from reflex_components_core.base.error_boundary import ErrorBoundary


def boundary() -> rx.Component:
    """Catches what components throw; the server logs it."""
    return ErrorBoundary.create(fallback_render=ArgsFunctionOperation.create(("error",), rx.Var.create(_broken())))


def _broken() -> rx.Component:
    return rx.el.main(
        rx.el.h1("This page broke"),
        rx.el.p("That is our fault. What you wrote is kept; loading the page again usually helps.", class_name="lead"),
        rx.el.p(rx.el.a("Load it again", href="", reload_document=True, class_name="btn primary")),
        class_name="page narrow",
        role="alert",
    )
