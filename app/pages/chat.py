"""`/s/{section}/chat[/{conversation}]`: the tutor on a page of its own, with the history of conversations."""

import reflex as rx

from app.components.contents import section_nav
from app.components.frame import FocusComposer
from app.components.page import page, possible, skeleton
from app.components.panels import disclosure, sheet
from app.components.tutor import tutor
from app.components.when import moment
from app.state.chat import ChatState, HistoryItem
from app.state.session import Session
from app.state.tutor import TutorState


def chat() -> rx.Component:
    """History at the left (a sheet on phones), the conversation at the right."""
    return page(
        sheet(
            rx.el.header(
                rx.el.h2("Conversations"), rx.el.a("New", href="/s/" + ChatState.slug + "/chat", class_name="btn")
            ),
            rx.el.div(
                _search(), rx.cond(ChatState.loading, rx.cond(Session.problem == "", skeleton(4)), _list()),
                class_name="history",
            ),
            label="Conversations",
            title=TutorState.title,
            name="Conversations",
        ),
        rx.el.section(
            rx.el.h1(rx.cond(TutorState.title != "", TutorState.title, "New conversation"), class_name="talk-title"),
            possible(tutor("course", then=[ChatState.refresh])),
            FocusComposer.create(nonce=TutorState.begun_afresh),
            class_name="talk",
            aria_label="Conversation",
        ),
        nav=section_nav("chat"),
        class_name="chat",
    )  # fmt: skip


def _search() -> rx.Component:
    return rx.el.label(
        rx.el.span("Search conversations", class_name="hidden"),
        rx.el.input(
            type="search",
            placeholder="Search",
            default_value=ChatState.search,
            on_change=ChatState.search_for.debounce(250),
        ),
        class_name="search",
    )


def _list() -> rx.Component:
    return rx.cond(
        ChatState.history.length() > 0,
        rx.fragment(
            rx.el.ul(rx.foreach(ChatState.history, _row)),
            rx.cond(
                ChatState.has_more,
                rx.el.button("Show more", on_click=ChatState.show_more, class_name="btn wide", type="button"),
            ),
            rx.el.button(
                "Export my conversations", on_click=ChatState.export, class_name="btn quiet wide", type="button"
            ),
        ),
        rx.el.p(
            rx.cond(
                ChatState.search != "",
                "Nothing found. Try another word.",
                "Nothing yet. What you ask stays here, for you alone.",
            ),
            class_name="empty",
        ),
    )


def _row(item: rx.Var[HistoryItem]) -> rx.Component:
    return rx.el.li(
        rx.cond(
            ChatState.renaming == item["id"],
            _rename(item),
            rx.cond(ChatState.deleting == item["id"], _delete(item), _entry(item)),
        ),
        class_name=rx.cond(TutorState.conversation_id == item["id"], "row current", "row"),
    )


def _entry(item: rx.Var[HistoryItem]) -> rx.Component:
    title = item["title"].to(str)
    return rx.fragment(
        rx.el.a(
            rx.el.span(title, class_name="title"),
            rx.el.span(
                moment(item["at"]), rx.cond(item["lesson"] != "", " · " + item["lesson"].to(str), ""), class_name="meta"
            ),
            href="/s/" + ChatState.slug + "/chat/" + item["id"].to(str),
            custom_attrs={"aria-current": rx.cond(TutorState.conversation_id == item["id"], "page", None)},
        ),
        disclosure(
            rx.el.button("Rename", on_click=ChatState.ask_rename(item["id"]), class_name="btn quiet", type="button"),
            rx.el.button("Delete", on_click=ChatState.ask_delete(item["id"]), class_name="btn quiet", type="button"),
            class_name="acts",
            name="Actions for " + title,
            face="⋯",
            focused=ChatState.touched == item["id"],
        ),
    )


def _rename(item: rx.Var[HistoryItem]) -> rx.Component:
    return rx.el.form(
        rx.el.input(
            name="title", default_value=item["title"], max_length=80, auto_focus=True, required=True, aria_label="Title"
        ),
        rx.el.button("Save", type="submit", class_name="btn primary"),
        rx.el.button("Cancel", type="button", on_click=ChatState.ask_rename(""), class_name="btn quiet"),
        on_submit=ChatState.rename,
        class_name="inline",
    )


def _delete(item: rx.Var[HistoryItem]) -> rx.Component:
    return rx.el.div(
        rx.el.span("Delete for good?"),
        rx.el.button(
            "Delete", type="button", on_click=ChatState.delete(item["id"]), class_name="btn danger", auto_focus=True
        ),
        rx.el.button("Keep", type="button", on_click=ChatState.ask_delete(""), class_name="btn quiet"),
        class_name="inline",
        role="group",
        aria_label="Delete " + item["title"].to(str),
    )
