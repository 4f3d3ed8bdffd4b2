"""`/s/{section}/teach`: in a minute, what a section struggles with."""

import reflex as rx

from app.components.bars import Bars
from app.components.figures import figure
from app.components.when import moment
from app.pages.teach import in_tab, narrowing, segments, teach_tab
from app.pages.teach_recommendation import recommendation
from app.state.section import SectionState
from app.state.teach import TeachState
from app.state.teach_overview import BudgetItem, ExerciseItem, LessonItem, TeachOverviewState

MEASURES = (("messages", "Messages"), ("conversations", "Conversations"), ("active", "Active students"))


def teach_overview() -> rx.Component:
    """Figures, a recommendation, the lessons that are asked about, exercises, budgets, and days."""
    return teach_tab(
        "",
        TeachOverviewState.loading,
        TeachOverviewState.load,
        rx.el.header(
            rx.el.h1(SectionState.course, ", ", SectionState.title),
            _changes(),
            class_name="teach-head",
        ),
        narrowing(),
        _totals(),
        recommendation(),
        rx.el.div(_lessons(), rx.el.div(_exercises(), _budgets(), class_name="column"), class_name="halves"),
        _chart(),
    )


def _changes() -> rx.Component:
    state = TeachOverviewState
    return rx.el.p(
        counted(TeachState.students, "student", "students"),
        rx.cond(
            state.since != "",
            rx.fragment(
                " · since your last visit ", moment(state.since), ": ",
                counted(state.new_questions, "question", "questions"), ", ",
                counted(state.new_submissions, "submission", "submissions"), ", ",
                rx.cond(
                    (state.new_thumbs_down > 0) & TeachState.may_read_students,
                    rx.el.a(state.new_thumbs_down.to_string(), " not helpful", href=in_tab("questions", show="open")),
                    rx.fragment(state.new_thumbs_down.to_string(), " not helpful"),
                ),
            ),
            " · this is your first visit: next time you see here what is new",
        ),
        class_name="sub",
    )  # fmt: skip


def counted(number: rx.Var[int], one: str, many: str) -> rx.Component:
    """A number with its noun."""
    return rx.fragment(figure(number, "count"), rx.cond(number.to(int) == 1, f" {one}", f" {many}"))


def _totals() -> rx.Component:
    state = TeachOverviewState
    return rx.el.dl(
        _total(
            "Active students", figure(state.active, "count"),
            rx.fragment("of ", figure(TeachState.students, "count"), " asked something"),
        ),
        _total(
            "Questions", figure(state.questions, "count"),
            rx.fragment(
                "in ", counted(state.conversations, "conversation", "conversations"),
                rx.cond(
                    state.failed > 0,
                    rx.el.span(" · ", counted(state.failed, "answer", "answers"), " failed", class_name="warn"),
                ),
            ),
        ),
        _total(
            "Not helpful", figure(state.thumbs_down, "count"),
            rx.fragment(
                "of ", counted(state.thumbs_up + state.thumbs_down, "thumb", "thumbs"),
                rx.cond(
                    (state.thumbs_down > 0) & TeachState.may_read_students,
                    rx.fragment(" · ", rx.el.a("See why", href=_filtered("questions", "show=open"))),
                ),
            ),
        ),
        _total(
            "Exercises passed", figure(state.passed, "share"),
            rx.cond(
                state.tried > 0,
                "of those who tried",
                "nobody has tried one yet",
            ),
        ),
        _total(
            "Tutor’s cost", figure(state.cost, "usd", "unpriced"),
            rx.el.a("By day and model", href=_filtered("cost")),
        ),
        class_name="totals",
    )  # fmt: skip


def _filtered(tab: str, more: str = "") -> rx.Var[str]:
    """The address of a tab, about the same days and lesson."""
    joined = rx.cond(TeachState.query != "", TeachState.query + "&" + more, "?" + more) if more else TeachState.query
    return "/s/" + TeachState.slug + f"/teach/{tab}" + joined.to(str)


def _total(name: str, value: rx.Component, note: rx.Component | str) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name), rx.el.dd(value, class_name="large"), rx.el.dd(note, class_name="meta"), class_name="card"
    )


def _lessons() -> rx.Component:
    return rx.el.section(
        rx.el.h2("What they ask about"),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Lesson", scope="col"),
                        rx.el.th("Questions", scope="col"),
                        rx.el.th(rx.el.span("Share of the most", class_name="hidden"), scope="col"),
                        rx.el.th("Students", scope="col"),
                        rx.el.th("Not helpful", scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(TeachOverviewState.by_lesson, _lesson)),
                class_name="ledger with-bars",
            ),
            class_name="scroller",
            role="region",
            aria_label="Questions by lesson",
            tab_index=0,
        ),
        class_name="card",
    )


def _lesson(item: rx.Var[LessonItem]) -> rx.Component:
    href = in_tab("questions", _from=TeachState.first, to=TeachState.last, lesson=item["key"].to(str))
    linked = TeachState.may_read_students & (item["questions"].to(int) > 0) & (item["key"].to(str) != "")
    return rx.el.tr(
        rx.el.th(rx.cond(linked, rx.el.a(item["title"], href=href), item["title"]), scope="row"),
        rx.el.td(figure(item["questions"], "count")),
        rx.el.td(
            rx.el.div(
                rx.el.i(style={"width": f"calc(100% * {item['share']})"}), class_name="meter plain", aria_hidden=True
            )
        ),
        rx.el.td(figure(item["active"], "count")),
        rx.el.td(
            rx.cond(
                item["thumbs_down"].to(int) > 0,
                rx.el.span(figure(item["thumbs_down"], "count"), class_name="warn"),
                figure(item["thumbs_down"], "count"),
            )
        ),
        key=item["key"].to(str) + item["title"].to(str),
    )


def _chart() -> rx.Component:
    state = TeachOverviewState
    return rx.el.section(
        segments("Chart of", "measure", MEASURES, state.measure, state.choose_measure),
        rx.cond(
            state.days.length() > 0,
            Bars.create(
                title=rx.match(state.measure, *((name, f"{label} by day") for name, label in MEASURES), ""),
                days=state.days,
                series=state.series,
                unit="count",
                picked="",
                on_pick=lambda day: rx.redirect(
                    rx.cond(
                        TeachState.may_read_students,
                        in_tab("questions", _from=day, to=day, lesson=TeachState.lesson),
                        in_tab("", _from=day, to=day, lesson=TeachState.lesson),
                    ).to(str)
                ),
            ),
            rx.el.div(
                rx.el.p("Nobody has asked anything in these days.", class_name="title"),
                rx.el.p("Choose other days, or another lesson.", class_name="summary"),
                class_name="nothing",
            ),
        ),
        rx.cond(
            (state.days.length() > 0) & TeachState.may_read_students,
            rx.el.p("A bar leads to that day’s questions.", class_name="meta"),
        ),
        class_name="card chart",
        aria_label="By day",
    )


def _exercises() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Exercises"),
        rx.cond(
            TeachOverviewState.exercises.length() > 0,
            rx.el.ul(rx.foreach(TeachOverviewState.exercises, _exercise), class_name="budgets"),
            rx.el.p(
                "Nobody has submitted an exercise in these days. Once they do, you see here how many passed.",
                class_name="summary",
            ),
        ),
        class_name="card",
        aria_label="Exercises",
    )


def _exercise(item: rx.Var[ExerciseItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(item["title"], class_name="grow title"),
            rx.cond(
                item["tried"].to(int) > 0,
                rx.el.span(figure(item["rate"], "share"), " passed"),
                rx.el.span("nobody tried", class_name="meta"),
            ),
        ),
        rx.cond(
            item["tried"].to(int) > 0,
            rx.el.div(
                rx.el.i(style={"width": f"calc(100% * {item['rate']})"}), class_name="meter plain", aria_hidden=True
            ),
        ),
        rx.el.p(
            item["lesson"],
            rx.cond(
                item["tried"].to(int) > 0,
                rx.fragment(
                    " · ", figure(item["passed"], "count"), " of ",
                    counted(item["tried"].to(int), "student", "students"), " · ",
                    counted(item["attempts"].to(int), "attempt", "attempts"),
                ),
            ),
            class_name="meta",
        ),
        key=item["key"],
    )  # fmt: skip


def _budgets() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Budgets this month"),
        budgets(
            TeachOverviewState.budgets,
            "What serves this section has no budget, and nothing of it was spent here this month.",
        ),
        class_name="card",
        aria_label="Budgets",
    )


def budgets(items: rx.Var[list[BudgetItem]], nothing: str) -> rx.Component:
    """What serves the section, and what is spent of its month; `nothing` where the list is empty."""
    return rx.cond(
        items.length() > 0,
        rx.el.ul(rx.foreach(items, _budget), class_name="budgets"),
        rx.el.p(nothing, class_name="summary"),
    )


def _budget(item: rx.Var[BudgetItem]) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.span(item["name"], class_name="grow title"),
            rx.match(
                item["state"],
                ("warning", rx.el.span("80 % and more", class_name="pill state warn")),
                ("spent", rx.el.span("spent", class_name="pill state bad")),
                rx.fragment(),
            ),
        ),
        rx.cond(
            item["budget"],
            rx.el.div(
                rx.el.i(style={"width": f"min(100%, calc(100% * {item['share']}))"}),
                class_name="meter " + item["state"].to(str),
                aria_hidden=True,
            ),
        ),
        rx.el.p(
            figure(item["here"], "usd"), " by this section",
            rx.cond(
                item["budget"],
                rx.fragment(" · ", figure(item["spent"], "usd"), " of ", figure(item["budget"], "usd"), " by all"),
                " · no budget",
            ),
            class_name="meta",
        ),
        rx.el.p(item["features"], class_name="meta"),
        key=item["id"],
    )  # fmt: skip
