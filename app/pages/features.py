"""`/admin/features`: which service config serves which feature."""

import reflex as rx

from app.components.features import feature_fields
from app.components.fields import form, save_bar
from app.components.page import opened, skeleton
from app.components.sections import section_picker
from app.pages.admin import admin_page
from app.state.features import FeatureItem, FeaturesState, ServedItem


def features() -> rx.Component:
    """Defaults and overrides in one form, and what they come to in a section."""
    return admin_page(
        "features",
        opened(
            FeaturesState.loading,
            skeleton(),
            rx.fragment(
                rx.el.h1("Features"),
                rx.el.p(
                    "Each feature is served by one ",
                    rx.el.a("service config", href="/admin/services"),
                    ": in a section by its override, everywhere else by the default.",
                    class_name="meta admin-lead",
                ),
                rx.el.div(_form(), _lookup(), class_name="with-aside"),
            ),
        ),
    )


def _form() -> rx.Component:
    return form(
        rx.foreach(FeaturesState.features, _feature),
        save_bar(),
        values=FeaturesState.values,
        errors=FeaturesState.errors,
        busy=FeaturesState.saving,
        subject="features",
        stored=FeaturesState.stored,
        name="Features",
        on_save=FeaturesState.save,
        on_reload=FeaturesState.reload,
    )


def _feature(item: rx.Var[FeatureItem]) -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2(item["name"]), rx.el.p(item["description"], class_name="summary"), class_name="feature-what"
        ),
        feature_fields(
            feature=item["feature"],
            name=item["name"],
            stored=item["stored"],
            choices=item["choices"],
            overrides=item["overrides"],
            more=item["more"],
            found=FeaturesState.found,
            on_search=FeaturesState.search,
            on_more=FeaturesState.show_more(item["feature"].to(str)),
        ),
        id=item["feature"],
        class_name="card feature",
        aria_label=item["name"].to(str),
    )


def _lookup() -> rx.Component:
    return rx.el.aside(
        rx.el.h2("What serves a section?"),
        section_picker("Section", FeaturesState.found, on_search=FeaturesState.search, on_pick=FeaturesState.look_up),
        rx.el.div(
            rx.cond(FeaturesState.section != "", _served_there()),
            role="status",
        ),
        class_name="card aside",
        aria_label="What serves a section?",
    )


def _served_there() -> rx.Component:
    return rx.fragment(
        rx.el.h3(FeaturesState.section),
        rx.el.dl(rx.foreach(FeaturesState.served, _served), class_name="served"),
    )


def _served(item: rx.Var[ServedItem]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(item["name"], rx.cond(item["overridden"], rx.el.span("override", class_name="pill"))),
        rx.cond(item["config"] != "", rx.el.dd(rx.el.a(item["config"], href=item["href"]))),
        rx.cond(item["chain"] != "", rx.el.dd(item["chain"], class_name="meta")),
        rx.cond(item["warning"] != "", rx.el.dd(item["warning"], class_name="warning")),
    )
