"""`/admin/limits[/{section}]`: how much people may ask, by default and in one section."""

import reflex as rx

from app.components.fields import form, group, number_field, save_bar
from app.components.page import opened, skeleton
from app.components.tables import list_table
from app.pages.admin import admin_page
from app.state.limits import LimitsItem, LimitsState

COLUMNS = ("Section", "Messages a minute, each", "Tokens a day, each", "Tokens a day, together")
FIELDS = (
    ("messages_per_minute", "Messages a minute", "each person", "Editing and regenerating count too."),
    ("tokens_per_day_person", "Tokens a day", "each person", "Question and answer, with all the model reads for it."),
    ("tokens_per_day_section", "Tokens a day", "the whole section", "Everybody’s together."),
)


def limits() -> rx.Component:
    """The default limits with the sections that differ, or one section's own."""
    return admin_page(
        "limits",
        opened(
            LimitsState.loading,
            skeleton(),
            rx.cond(LimitsState.slug != "", _section(), rx.fragment(_default(), _sections())),
        ),
    )


def _default() -> rx.Component:
    return rx.fragment(
        rx.el.h1("Limits"),
        rx.el.p(
            "How much people may ask the tutor. They are told when they come near a limit, and when it ends. ",
            "Days begin and end in each section’s own time zone.",
            class_name="meta admin-lead",
        ),
        _form("By default", "For every section that has nothing of its own. Blank: no limit."),
    )


def _section() -> rx.Component:
    return rx.fragment(
        rx.el.p(rx.el.a("Limits", href="/admin/limits"), class_name="back"),
        rx.el.h1(LimitsState.title),
        rx.el.p("How much people of this section may ask the tutor.", class_name="meta admin-lead"),
        _form(
            "In this section",
            "Blank: as the default. All blank: the section has no limits of its own.",
            rx.cond(LimitsState.values["version"] != "", _remove()),
            cancel="/admin/limits",
        ),
    )


def _form(title: str, hint: str, *others: rx.Component, cancel: str = "") -> rx.Component:
    return form(
        group(
            title,
            *(
                number_field(name, label, unit=f"({unit})", hint=about, placeholder=LimitsState.inherited[name])
                for name, label, unit, about in FIELDS
            ),
            hint=hint,
        ),
        save_bar(*others, cancel=cancel),
        values=LimitsState.values,
        errors=LimitsState.errors,
        busy=LimitsState.saving,
        subject="limits/" + LimitsState.slug,
        stored=LimitsState.stored,
        name="Limits",
        on_save=LimitsState.save,
        on_reload=LimitsState.reload,
    )


def _remove() -> rx.Component:
    return rx.el.button(
        "Remove these limits",
        type="button",
        on_click=LimitsState.remove(LimitsState.values["section"], LimitsState.values["version"]),
        disabled=LimitsState.saving,
        class_name="btn danger",
    )


def _sections() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Sections with limits of their own"),
        rx.el.div(
            rx.el.label(
                rx.el.span("Find a section", class_name="hidden"),
                rx.el.input(
                    type="search",
                    placeholder="Find any section by name or course",
                    default_value=LimitsState.search,
                    on_change=LimitsState.search_for.debounce(250),
                    max_length=100,
                ),
                class_name="grow",
            ),
            class_name="list-tools",
        ),
        rx.cond(LimitsState.sections.length() > 0, _table(), _empty()),
        class_name="block",
    )


def _table() -> rx.Component:
    return list_table("Sections and their limits", COLUMNS, LimitsState.sections, _row, "limits-table")


def _row(item: rx.Var[LimitsItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(
            rx.el.a(item["course"], ", ", item["title"], href=item["href"]),
            rx.cond(item["own"], rx.fragment(), rx.el.span("no limits of its own yet", class_name="meta")),
            scope="row",
        ),
        *(rx.el.td(_value(item[name].to(str))) for name, *_ in FIELDS),
    )


def _value(text: rx.Var[str]) -> rx.Component:
    return rx.cond(text != "", rx.el.span(text), rx.el.span("as the default", class_name="meta"))


def _empty() -> rx.Component:
    return rx.cond(
        LimitsState.search != "",
        rx.el.div(rx.el.p("No section is called that.", class_name="title"), class_name="card empty"),
        rx.el.div(
            rx.el.p("The default holds everywhere.", class_name="title"),
            rx.el.p("Find a section above to give it limits of its own.", class_name="summary"),
            class_name="card empty",
        ),
    )
