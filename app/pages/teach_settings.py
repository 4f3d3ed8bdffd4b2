"""`/s/{section}/teach/settings`: where the tutor answers, what it is told first, and how much each student may ask."""

import reflex as rx

from app.components.dialogs import dialog
from app.components.fields import (
    area_field,
    check_field,
    checks,
    form,
    group,
    number_field,
    revealed,
    save_bar,
    select_field,
    send_button,
)
from app.components.page import opened, skeleton
from app.components.when import moment
from app.pages.teach import teach_heading, teach_page
from app.state.session import Session
from app.state.teach_limits import TeachLimitsState
from app.state.teach_privacy import TeachPrivacyState
from app.state.teach_prompt import ChoiceItem, PlaceholderItem, TeachPromptState, VersionItem
from app.state.teach_settings import ChainItem, LessonItem, TeachSettingsState

SWITCHES = (("auto", "Off in graded work, else on"), ("on", "On"), ("off", "Off"))
TRANSCRIPTS = (
    ("revealable", "Under pseudonyms; names for a reason"),
    ("pseudonymous", "Under pseudonyms, always"),
    ("off", "Not at all"),
)
LIMITS = (
    ("messages_per_minute", "Messages a minute", "Editing and regenerating count too."),
    ("tokens_per_day_person", "Tokens a day", "Question and answer, with all the model reads for it."),
)


def teach_settings() -> rx.Component:
    """The section's forms, each saved by itself."""
    return teach_page(
        "settings",
        opened(
            TeachSettingsState.loading,
            skeleton(8),
            rx.fragment(
                teach_heading("Settings"),
                rx.cond(
                    TeachSettingsState.may_change,
                    rx.fragment(),
                    rx.el.p("You can look at this. The section’s instructors change it.", class_name="banner"),
                ),
                rx.el.div(
                    rx.el.div(
                        _changeable(_switches()), _changeable(_prompt()), _preview(), _changeable(_limits()),
                        _changeable(_privacy(), TeachPrivacyState.may_change),
                        class_name="settings",
                    ),
                    rx.el.div(_served(), _versions(), class_name="settings"),
                    class_name="with-aside",
                ),
                _old_version(),
            ),
        ),
    )  # fmt: skip


def _changeable(content: rx.Component, may_change: rx.Var[bool] = TeachSettingsState.may_change) -> rx.Component:
    """A form; those who may only look find it disabled."""
    return rx.el.fieldset(content, disabled=~may_change, class_name="changeable")


def _switches() -> rx.Component:
    return form(
        group(
            "Tutor",
            checks(
                check_field("assistant_enabled", "The tutor answers in this section"),
                check_field("run_python_enabled", "It may run Python to show something"),
            ),
            rx.el.div(
                rx.el.p("Lesson by lesson", class_name="title"),
                rx.el.p(
                    "A course says where its tutor answers. Here you say otherwise for your section.", class_name="hint"
                ),
                rx.el.div(rx.foreach(TeachSettingsState.lessons, _lesson), class_name="lesson-switches"),
                class_name="field wide",
            ),
        ),
        save_bar(label="Save switches"),
        values=TeachSettingsState.values,
        errors=TeachSettingsState.errors,
        busy=TeachSettingsState.saving,
        subject="switches/" + TeachSettingsState.slug,
        stored=TeachSettingsState.stored,
        name="Tutor",
        on_save=TeachSettingsState.save,
        on_reload=TeachSettingsState.reload,
    )


def _lesson(item: rx.Var[LessonItem]) -> rx.Component:
    return select_field(
        item["field"], item["title"], SWITCHES, placeholder=item["otherwise"], unit="· " + item["note"].to(str)
    )


def _prompt() -> rx.Component:
    return form(
        group(
            "What the tutor is told first",
            area_field("text", "Prompt", hint="Stands before every conversation. Students never see it."),
            rx.el.dl(rx.foreach(TeachPromptState.placeholders, _placeholder), class_name="placeholders"),
            hint="Words in braces are filled in; nothing else is touched.",
        ),
        save_bar(
            send_button("Preview", TeachPromptState.preview),
            rx.cond(
                TeachPromptState.is_default,
                rx.fragment(),
                rx.el.button(
                    "Reset to default",
                    type="button",
                    on_click=TeachPromptState.reset_to_default(TeachPromptState.values["number"]),
                    class_name="btn",
                ),
            ),
            label="Save prompt",
        ),
        values=TeachPromptState.values,
        errors=TeachPromptState.errors,
        busy=TeachPromptState.saving,
        subject="prompt/" + TeachSettingsState.slug,
        stored=TeachPromptState.stored,
        name="Prompt",
        on_save=TeachPromptState.save,
        on_reload=TeachPromptState.reload,
    )


def _placeholder(item: rx.Var[PlaceholderItem]) -> rx.Component:
    return rx.el.div(rx.el.dt(rx.el.code(item["name"])), rx.el.dd(item["means"]))


def _preview() -> rx.Component:
    return revealed(
        rx.cond(
            TeachPromptState.preview_text != "",
            rx.el.section(
                rx.el.div(
                    rx.el.h2("As the tutor is told"),
                    rx.el.label(
                        "Beside",
                        rx.el.select(
                            rx.foreach(TeachPromptState.lessons, _choice),
                            value=TeachPromptState.lesson,
                            on_change=TeachPromptState.choose_lesson,
                        ),
                        class_name="beside",
                    ),
                    class_name="heading choosing",
                ),
                rx.cond(
                    TeachPromptState.preview_warning != "",
                    rx.el.p(TeachPromptState.preview_warning, class_name="warning"),
                ),
                rx.el.pre(
                    TeachPromptState.preview_text,
                    class_name="told",
                    tab_index=0,
                    role="region",
                    aria_label="The filled prompt",
                ),
                class_name="card",
                aria_label="Preview",
            ),
        ),
        nonce=TeachPromptState.previewed,
    )


def _choice(item: rx.Var[ChoiceItem]) -> rx.Component:
    return rx.el.option(item["title"], value=item["key"])


def _limits() -> rx.Component:
    return form(
        group(
            "Limits for each student",
            *(
                number_field(name, label, unit="(each student)", hint=about, placeholder=TeachLimitsState.allowed[name])
                for name, label, about in LIMITS
            ),
            rx.cond(
                TeachLimitsState.together != "",
                rx.el.p(
                    "All of the section together may use ", TeachLimitsState.together,
                    " tokens a day. Administrators set that.",
                    class_name="hint field wide",
                ),
            ),
            hint="Blank: what your administrators allow. You can allow less, not more.",
        ),
        save_bar(label="Save limits"),
        values=TeachLimitsState.values,
        errors=TeachLimitsState.errors,
        busy=TeachLimitsState.saving,
        subject="limits/" + TeachSettingsState.slug,
        stored=TeachLimitsState.stored,
        name="Limits for each student",
        on_save=TeachLimitsState.save,
        on_reload=TeachLimitsState.reload,
    )  # fmt: skip


def _privacy() -> rx.Component:
    return form(
        group(
            "What the dashboard shows",
            select_field(
                "transcripts",
                "Transcripts",
                TRANSCRIPTS,
                hint="A reveal needs a reason and stands in the audit log.",
                wide=True,
            ),
            checks(check_field("recommendations", "Recommendations, written from totals without names")),
        ),
        save_bar(label="Save what is shown"),
        values=TeachPrivacyState.values,
        errors=TeachPrivacyState.errors,
        busy=TeachPrivacyState.saving,
        subject="privacy/" + TeachSettingsState.slug,
        stored=TeachPrivacyState.stored,
        name="What the dashboard shows",
        on_save=TeachPrivacyState.save,
        on_reload=TeachPrivacyState.reload,
    )


def _served() -> rx.Component:
    return rx.el.aside(
        rx.el.h2("Who answers"),
        rx.cond(
            TeachSettingsState.config != "",
            rx.fragment(
                rx.el.p(TeachSettingsState.config, class_name="title"),
                rx.el.ol(rx.foreach(TeachSettingsState.chain, _link), class_name="chain-line"),
                rx.cond(TeachSettingsState.warning != "", rx.el.p(TeachSettingsState.warning, class_name="warning")),
            ),
            rx.el.p("Nothing yet: the tutor can’t answer.", class_name="warning"),
        ),
        rx.cond(
            Session.is_administrator,
            rx.el.p(rx.el.a("Choose another under Features", href="/admin/features"), class_name="hint"),
            rx.el.p("Your administrators choose which models serve a section.", class_name="hint"),
        ),
        class_name="card aside",
        aria_label="Who answers",
    )


def _link(item: rx.Var[ChainItem]) -> rx.Component:
    return rx.el.li(item["name"])


def _versions() -> rx.Component:
    return rx.el.aside(
        rx.el.h2("Versions of the prompt"),
        rx.cond(
            TeachPromptState.versions.length() > 0,
            rx.el.ul(rx.foreach(TeachPromptState.versions, _version), class_name="rows"),
            rx.el.p("The default is in use. Each prompt you save is kept here.", class_name="summary"),
        ),
        class_name="card aside",
        aria_label="Versions of the prompt",
    )


def _version(item: rx.Var[VersionItem]) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            rx.el.span(
                "Version ", item["number"], rx.cond(item["is_default"], ", the default", ""), class_name="title"
            ),
            rx.el.span(
                rx.cond(item["who"] != "", item["who"], "Somebody"), " · ", moment(item["at"]), class_name="meta"
            ),
            class_name="grow stack",
        ),
        rx.cond(
            item["in_use"],
            rx.el.span("in use", class_name="pill state good"),
            rx.el.button(
                "Look",
                type="button",
                on_click=TeachPromptState.look_at(item["number"]),
                class_name="btn",
                aria_label="Look at version " + item["number"].to_string(),
            ),
        ),
        key=item["number"].to_string(),
    )  # fmt: skip


def _old_version() -> rx.Component:
    number = TeachPromptState.looked_at
    return dialog(
        rx.el.pre(
            TeachPromptState.looked_at_text,
            class_name="told",
            tab_index=0,
            role="region",
            aria_label="The version’s text",
        ),
        rx.el.div(
            rx.cond(
                TeachSettingsState.may_change,
                rx.el.button(
                    "Use this version",
                    type="button",
                    on_click=TeachPromptState.restore(number, TeachPromptState.values["number"]),
                    class_name="btn primary",
                ),
            ),
            rx.el.button(
                "Close",
                type="button",
                on_click=TeachPromptState.look_away,
                class_name="btn",
                custom_attrs={"data-first": True},
            ),
            class_name="buttons",
        ),
        open=number > 0,
        title="Version " + number.to_string(),
        on_close=TeachPromptState.look_away,
    )
