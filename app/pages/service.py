"""`/admin/services/{service}`: the form of one service config."""

import reflex as rx

from app.components.budget import budget
from app.components.chain import chain_field
from app.components.dialogs import confirm
from app.components.fields import form, group, number_field, save_bar, text_field
from app.components.page import opened, skeleton
from app.pages.admin import admin_page
from app.state.service import NEW, ServiceState, UseItem


def service() -> rx.Component:
    """The chain, its settings and its budget; beside them, where it is used."""
    return admin_page(
        "services",
        opened(
            ServiceState.loading,
            skeleton(),
            rx.fragment(
                rx.el.p(rx.el.a("Service configs", href="/admin/services"), class_name="back"),
                rx.el.h1(rx.cond(ServiceState.subject == NEW, "New service config", ServiceState.title)),
                rx.el.div(_form(), _aside(), class_name="with-aside"),
            ),
        ),
    )


def _form() -> rx.Component:
    return form(
        group(
            "Chain",
            text_field("name", "Name", required=True, hint="What it is for, such as “Tutor” or “Grading”.", wide=True),
            chain_field("chain", "Models, in the order in which they are asked", ServiceState.models),
        ),
        group(
            "Answers",
            number_field(
                "temperature", "Temperature", placeholder="The model’s own", hint="0 to 2. Higher varies more."
            ),
            number_field(
                "max_output_tokens",
                "Longest answer",
                unit="tokens",
                placeholder="The model’s own",
                hint="An answer is cut off there.",
            ),
        ),
        group(
            "Budget",
            number_field(
                "budget_usd",
                "Monthly budget",
                unit="US dollars",
                placeholder="No limit",
                hint="At 80 % you are warned; at 100 % the features that it serves answer with a friendly refusal.",
            ),
            rx.cond(ServiceState.subject != NEW, budget(ServiceState.spending, ServiceState.title)),
        ),
        save_bar(rx.cond(ServiceState.subject != NEW, _delete()), cancel="/admin/services"),
        values=ServiceState.values,
        errors=ServiceState.errors,
        busy=ServiceState.saving,
        subject=ServiceState.subject,
        stored=ServiceState.stored,
        name="Service config",
        on_save=ServiceState.save,
        on_reload=ServiceState.reload,
    )


def _delete() -> rx.Component:
    return confirm(
        "Delete",
        ServiceState.delete(ServiceState.values["id"], ServiceState.values["version"]),
        title="Delete “" + ServiceState.title + "”?",
        text="This can’t be undone. What it cost stays in the records.",
        yes="Delete",
        disabled=ServiceState.uses.length() > 0,
    )


def _aside() -> rx.Component:
    return rx.cond(
        ServiceState.subject != NEW,
        rx.el.aside(
            rx.el.h2("Where it is used"),
            rx.cond(
                ServiceState.uses.length() > 0,
                rx.fragment(
                    rx.el.ul(rx.foreach(ServiceState.uses, _use), class_name="uses"),
                    rx.el.p("As long as it is used it can’t be deleted.", class_name="hint"),
                ),
                rx.el.p(
                    "Nowhere yet. ",
                    rx.el.a("Choose it for a feature", href="/admin/features"),
                    class_name="meta",
                ),
            ),
            class_name="card aside",
            aria_label="Where it is used",
        ),
    )


def _use(use: rx.Var[UseItem]) -> rx.Component:
    return rx.el.li(rx.el.a(use["text"], href=use["href"]))
