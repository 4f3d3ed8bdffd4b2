"""`/admin/jobs`: everybody's long work, and the workers that do it; live."""

import reflex as rx

from app.components.dialogs import confirm
from app.components.jobs import option, paging, status_pill
from app.components.page import opened, skeleton
from app.components.pulse import Pulse
from app.components.tables import list_table
from app.components.ticks import Tick
from app.components.when import moment
from app.pages.admin import admin_page
from app.state.job_figures import CountItem, LaneItem, WorkerItem, WorkItem
from app.state.job_words import Choice
from app.state.jobs_admin import AdminJobItem, JobsAdminState

INTERVAL = 3
"""Seconds between readings."""
WORKERS = ("Worker", "Lane", "Busy", "Since", "Doing now")
JOBS = ("Job", "Status", "Person", "Section", "Lane", "Attempts", "When")


def jobs_admin() -> rx.Component:
    """At a glance, then the list."""
    return admin_page(
        "jobs",
        opened(
            JobsAdminState.loading,
            skeleton(8),
            rx.fragment(
                Pulse.create(seconds=INTERVAL, answered=JobsAdminState.beats, on_beat=JobsAdminState.beat),
                rx.el.h1("Jobs"),
                rx.el.p("Everybody’s long work, and the workers that do it. Kept up to date.", class_name="lead"),
                _notices(),
                rx.el.div(rx.foreach(JobsAdminState.lanes, _lane), class_name="pair lanes"),
                _counts(),
                _workers(),
                _pausing(),
                _list(),
            ),
        ),
    )


def _notices() -> rx.Component:
    return rx.fragment(
        rx.cond(
            JobsAdminState.paused.length() > 0,
            rx.el.div(
                rx.el.p(rx.el.strong("Paused. "), "Nothing new of this is begun; what runs goes on."),
                rx.el.ul(rx.foreach(JobsAdminState.paused, _paused)),
                class_name="banner paused",
                role="status",
            ),
        ),
        rx.cond(
            JobsAdminState.dead > 0,
            rx.el.p(
                rx.el.strong(
                    JobsAdminState.dead, rx.cond(JobsAdminState.dead == 1, " dead letter. ", " dead letters. ")
                ),
                "Every attempt failed. ",
                rx.el.button("Show them", type="button", class_name="textual", on_click=JobsAdminState.show_dead),
                class_name="banner",
            ),
        ),
    )


def _paused(item: rx.Var[Choice]) -> rx.Component:
    return rx.el.li(
        rx.el.span(item["label"]),
        rx.el.button(
            "Resume",
            type="button",
            class_name="btn",
            on_click=JobsAdminState.resume(item["value"]),
            aria_label="Resume: " + item["label"].to(str),
        ),
        key=item["value"],
    )


def _lane(item: rx.Var[LaneItem]) -> rx.Component:
    return rx.el.section(
        rx.el.h2("Lane ", item["lane"]),
        rx.el.dl(
            _figure("Oldest wait", item["oldest_wait"]),
            _figure("Ended a minute", item["per_minute"]),
            _figure("Workers alive", item["workers"]),
        ),
        class_name="card",
        key=item["lane"],
    )


def _figure(name: str, value: rx.Var[str]) -> rx.Component:
    return rx.el.div(rx.el.dt(name), rx.el.dd(value))


def _counts() -> rx.Component:
    return rx.el.section(
        rx.el.h2("By lane, priority and status"),
        rx.cond(
            JobsAdminState.counts.length() > 0,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th("Lane", scope="col"),
                            rx.el.th("Priority", scope="col"),
                            rx.foreach(JobsAdminState.headings, lambda each: rx.el.th(each, scope="col")),
                        )
                    ),
                    rx.el.tbody(rx.foreach(JobsAdminState.counts, _count)),
                    class_name="ledger job-counts",
                ),
                class_name="card scroller",
                role="region",
                aria_label="By lane, priority and status",
                tab_index=0,
            ),
            rx.el.p("Nothing waits or runs, and nothing ended within the hour.", class_name="summary"),
        ),
        rx.el.p("What ended is counted for an hour.", class_name="hint"),
        class_name="block",
    )


def _count(item: rx.Var[CountItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(item["lane"], scope="row"),
        rx.el.td(item["priority"]),
        rx.foreach(item["counts"].to(list[int]), lambda each: rx.el.td(rx.cond(each > 0, each, "–"))),
    )


def _workers() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Workers"),
        rx.cond(
            JobsAdminState.workers.length() > 0,
            list_table("Workers", WORKERS, JobsAdminState.workers, _worker, "workers-table"),
            rx.el.p(
                "No worker is alive: nothing begins. Start some with ",
                rx.el.code("stoa worker --lane io"),
                " and ",
                rx.el.code("--lane cpu"),
                ".",
                class_name="alert",
            ),
        ),
        class_name="block",
    )


def _worker(item: rx.Var[WorkerItem]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(item["name"], scope="row"),
        rx.el.td(item["lane"]),
        rx.el.td(item["places"]),
        rx.el.td(moment(item["since"])),
        rx.el.td(
            rx.cond(
                item["jobs"].to(list[WorkItem]).length() > 0,
                rx.el.ul(rx.foreach(item["jobs"].to(list[WorkItem]), _work)),
                "–",
            )
        ),
        key=item["name"],
    )


def _work(item: rx.Var[WorkItem]) -> rx.Component:
    return rx.el.li(rx.el.a(item["title"], href="/jobs/" + item["id"].to(str)), key=item["id"])


def _pausing() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Pause"),
        rx.el.div(
            rx.el.label(
                rx.el.span("Lane or kind"),
                rx.el.select(
                    rx.el.option("Choose…", value=""),
                    rx.foreach(JobsAdminState.pausable, option),
                    value=JobsAdminState.to_pause,
                    on_change=JobsAdminState.choose_to_pause,
                ),
            ),
            rx.el.button(
                "Pause",
                type="button",
                class_name="btn",
                disabled=JobsAdminState.to_pause == "",
                on_click=JobsAdminState.pause(JobsAdminState.to_pause),
            ),
            class_name="narrowing",
        ),
        class_name="block",
    )


def _list() -> rx.Component:
    return rx.el.section(
        rx.el.h2("All jobs"),
        _filters(),
        _bulk(),
        rx.cond(
            JobsAdminState.jobs.length() > 0,
            list_table("Jobs", [_all_box(), *JOBS], JobsAdminState.jobs, _job, "jobs-table"),
            _empty(),
        ),
        paging(
            JobsAdminState.befores.length() > 0,
            JobsAdminState.show_newer,
            JobsAdminState.next_before,
            JobsAdminState.show_older,
        ),
        class_name="block",
    )


def _filters() -> rx.Component:
    state = JobsAdminState
    return rx.el.div(
        _choice("Status", state.statuses, state.status, state.choose_status),
        _choice("Kind", state.kinds, state.kind, state.choose_kind),
        _choice("Lane", state.lane_choices, state.lane, state.choose_lane),
        _search("Person", "Name or address", state.person_words, state.search_person),
        _search("Section", "Section or course", state.section_words, state.search_section),
        class_name="narrowing",
        role="search",
    )


def _choice(label: str, choices: rx.Var[list[Choice]], value: rx.Var[str], on_change: rx.EventHandler) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.select(rx.el.option("Any", value=""), rx.foreach(choices, option), value=value, on_change=on_change),
    )


def _search(label: str, placeholder: str, value: rx.Var[str], on_change: rx.EventHandler) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(
            type="search",
            placeholder=placeholder,
            default_value=value,
            max_length=200,
            on_change=on_change.debounce(250),
        ),
        class_name="grow",
    )


def _bulk() -> rx.Component:
    count = JobsAdminState.selected.length()
    none = count == 0
    return rx.el.div(
        rx.el.span(rx.cond(none, "None chosen", f"{count} chosen"), class_name="meta", role="status"),
        rx.el.button("Try again", type="button", class_name="btn", disabled=none, on_click=JobsAdminState.retry),
        rx.el.button("Cancel", type="button", class_name="btn", disabled=none, on_click=JobsAdminState.cancel),
        confirm(
            "Discard",
            JobsAdminState.discard,
            title=rx.cond(count == 1, "Discard this job?", f"Discard {count} jobs?"),
            text="Those that failed or were given up are deleted, with their logs and files. This can’t be undone.",
            yes="Discard",
            disabled=none,
        ),
        rx.el.button(
            "Choose none", type="button", class_name="btn quiet", disabled=none, on_click=JobsAdminState.clear_selection
        ),
        class_name="buttons bulk",
        role="group",
        aria_label="Chosen jobs",
    )


def _all_box() -> rx.Component:
    return rx.el.th(
        Tick.create(
            name="All jobs of this page", checked=JobsAdminState.page_selected, on_tick=JobsAdminState.select_page
        ),
        scope="col",
    )


def _job(item: rx.Var[AdminJobItem]) -> rx.Component:
    title = item["title"].to(str)
    return rx.el.tr(
        rx.el.td(
            Tick.create(
                name=f"Choose {title} of {item['person']}",
                checked=JobsAdminState.selected.contains(item["id"]),
                on_tick=lambda on: JobsAdminState.select(item["id"], on),
            )
        ),
        rx.el.th(
            rx.el.a(
                title,
                rx.cond(item["about"] != "", rx.fragment(": ", item["about"])),
                href="/jobs/" + item["id"].to(str),
            ),
            rx.cond(item["note"] != "", rx.el.span(item["note"], class_name="meta")),
            rx.cond(item["error"] != "", rx.el.span(item["error"], class_name="meta")),
            scope="row",
        ),
        rx.el.td(status_pill(item)),
        rx.el.td(item["person"]),
        rx.el.td(rx.cond(item["section"] != "", item["section"], "–")),
        rx.el.td(item["lane"], " · ", item["priority"]),
        rx.el.td(item["attempts"]),
        rx.el.td(moment(rx.cond(item["ended_at"] != "", item["ended_at"], item["at"]))),
        key=item["id"],
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.p("No job is like this.", class_name="title"),
        rx.el.p("Jobs are listed here as soon as somebody asks for long work.", class_name="summary"),
        class_name="card empty",
    )
