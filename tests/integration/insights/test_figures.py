"""Every figure equals what other SQL makes of the same rows: whatever is rolled up, across the clocks' changes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.database import transaction
from backend.courses.models import Section
from backend.dialogue.models import Conversation, Message, TurnStatus
from backend.genai import Figures
from backend.insights import Activity, Filters, read_cost, read_overview
from backend.insights.coverage import last_closed
from backend.insights.rollup_queries import forget_rollups
from backend.insights.rollups import roll_step
from tests.support.activity import Said, Talk, write
from tests.support.jobs import execute, fetch
from tests.support.ledger import attempt_at, enter
from tests.support.school import School, change

ZONE = ZoneInfo("America/New_York")
"""Its clocks went forward on 9 March 2025."""
FIRST, LAST = date(2025, 3, 3), date(2025, 3, 16)
SHOWN = Filters(FIRST, LAST)
BEGIN = datetime(2025, 3, 2, 20, tzinfo=UTC)

THE_SAME_OTHERWISE = """
WITH standing AS (
  SELECT date_trunc('day', timezone('{zone}', m.created_at))::date AS day, c.lesson_key, c.person_id,
    CASE WHEN m.replaced_by IS NULL THEN m.role END AS role, m.status, m.rating
  FROM conversations c, messages m
  WHERE m.conversation_id = c.id AND c.section_id = '{section}'
    AND EXISTS (SELECT 1 FROM memberships s
      WHERE (s.person_id, s.section_id, s.role) = (c.person_id, c.section_id, 'student'))
), begun AS (
  SELECT date_trunc('day', timezone('{zone}', c.created_at))::date AS day, c.lesson_key FROM conversations c
  WHERE c.section_id = '{section}' AND c.person_id IN (
    SELECT person_id FROM memberships WHERE section_id = '{section}' AND role = 'student')
)
SELECT {key} AS key,
  (SELECT count(DISTINCT person_id) FROM standing s WHERE {same} AND role = 'user'),
  (SELECT count(*) FROM begun s WHERE {same}),
  (SELECT count(*) FROM standing s WHERE {same} AND role = 'user'),
  (SELECT count(*) FROM standing s WHERE {same} AND role = 'assistant'),
  (SELECT count(*) FROM standing s WHERE {same} AND role = 'assistant' AND status = ANY ('{{failed,interrupted}}')),
  (SELECT count(*) FROM standing s WHERE {same} AND rating > 0),
  (SELECT count(*) FROM standing s WHERE {same} AND rating < 0)
FROM {keys}
"""
WITHIN = f"s.day BETWEEN '{FIRST}' AND '{LAST}'"


async def otherwise(section: Section, key: str, same: str, keys: str) -> dict[Any, Activity]:
    """Counts by key, from another query than ours."""
    query = THE_SAME_OTHERWISE.format(zone=ZONE.key, section=section.id, key=key, same=same, keys=keys)
    return {row[0]: Activity(*row[1:]) for row in await fetch(query)}


async def compare(school: School, shown: Filters = SHOWN) -> None:
    """Days, lessons and totals are the other query's."""
    section = school.here
    found = await read_overview(await school.actor("instructor"), section.id, shown)
    series = f"generate_series('{FIRST}'::date, '{LAST}'::date, '1 day') AS d"
    by_day = await otherwise(section, "d::date", "s.day = d::date", series)
    assert {each.day: each.activity for each in found.days} == by_day
    lessons = "(SELECT DISTINCT key FROM lessons UNION SELECT NULL) AS l"
    by_lesson = await otherwise(section, "l.key", f"s.lesson_key IS NOT DISTINCT FROM l.key AND {WITHIN}", lessons)
    assert {key: each for key, each in by_lesson.items() if key or each != Activity()} == {
        each.key: each.activity for each in found.lessons
    }
    assert found.totals == (await otherwise(section, "0", WITHIN, "(SELECT 1) AS one"))[0]


async def roll(section: Section, moment: datetime) -> None:
    """Roll up until nothing is left."""
    counted = None
    while counted != 0:
        async with transaction() as session:
            counted = await roll_step(session, section.id, ZONE, moment)


@pytest.fixture
async def american(school: School) -> School:
    await change(Section, school.here.id, timezone=ZONE.key)
    return school


WHOS = ("student", "assistant", "student_elsewhere", "instructor")
moments = st.integers(0, 15 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
said = st.builds(
    Said,
    at=moments,
    rating=st.sampled_from([None, 1, -1]),
    status=st.sampled_from([TurnStatus.FINISHED, TurnStatus.FAILED, TurnStatus.INTERRUPTED, TurnStatus.STOPPED]),
    replaced=st.booleans(),
)
talks = st.lists(
    st.tuples(
        st.sampled_from(["student", "student", "assistant"]),
        st.sampled_from(["flour", "yeast", None]),
        st.lists(said, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@given(talks, st.integers(0, 16), st.integers(0, 16))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happened_and_whatever_is_rolled_up(
    american: School, drawn: Sequence[Any], rolled: int, further: int
) -> None:
    await execute("DELETE FROM conversations")
    person = {role: american.members[role].id for role in WHOS}
    written = [
        Talk(person[who], tuple(sorted(each, key=lambda one: one.at)), american.lessons.get(lesson or ""))
        for who, lesson, each in drawn
    ]
    await roll(american.here, BEGIN + timedelta(days=rolled))
    await write(american.here, written)
    await compare(american)
    await roll(american.here, BEGIN + timedelta(days=further))
    await compare(american)
    await execute("UPDATE messages SET rating = -1 WHERE role = 'assistant' AND rating IS NULL")
    await execute(f"DELETE FROM conversations WHERE id = '{written[0].id}'")
    await compare(american)
    await roll(american.here, BEGIN + timedelta(days=17))
    await compare(american)


ROLLED = "SELECT day, person_id, lesson_key, conversations, questions, answers, failed, thumbs_up, thumbs_down"


async def test_rolling_up_again_changes_nothing_and_rebuilding_gives_the_same(american: School) -> None:
    at = datetime(2025, 3, 9, 6, 59, tzinfo=UTC)  # the last minute before clocks went forward
    student = american.members["student"].id
    await write(american.here, [Talk(student, (Said(at), Said(at + timedelta(days=3), rating=1)))])
    everything = datetime(2025, 4, 1, tzinfo=UTC)
    await roll(american.here, everything)
    first = await fetch(f"{ROLLED} FROM insight_activity ORDER BY day")
    await roll(american.here, everything)
    assert await fetch(f"{ROLLED} FROM insight_activity ORDER BY day") == first
    async with transaction() as session:
        await forget_rollups(session, american.here.id)
    await compare(american)
    await roll(american.here, everything)
    assert await fetch(f"{ROLLED} FROM insight_activity ORDER BY day") == first
    assert [row.day for row in first] == [date(2025, 3, 9), date(2025, 3, 12)]


async def test_another_time_zone_makes_other_days_at_once(american: School) -> None:
    late = datetime(2025, 3, 11, 3, 30, tzinfo=UTC)  # still the 10th in New York
    await write(american.here, [Talk(american.members["student"].id, (Said(late),))])
    await roll(american.here, datetime(2025, 4, 1, tzinfo=UTC))
    actor = await american.actor("instructor")

    async def days() -> list[date]:
        view = await read_overview(actor, american.here.id, SHOWN)
        return [each.day for each in view.days if each.activity.questions]

    assert await days() == [date(2025, 3, 10)]
    await change(Section, american.here.id, timezone="Asia/Tokyo")
    assert await days() == [date(2025, 3, 11)]


async def test_a_day_is_closed_an_hour_after_it_ended() -> None:
    midnight = datetime(2025, 3, 9, tzinfo=ZONE)
    assert last_closed(midnight + timedelta(minutes=59), ZONE) == date(2025, 3, 7)
    assert last_closed(midnight + timedelta(minutes=61), ZONE) == date(2025, 3, 8)


async def test_a_section_without_anything_has_a_zero_for_every_day(american: School) -> None:
    view = await read_overview(await american.actor("assistant"), american.here.id, SHOWN)
    assert [each.day for each in view.days] == [FIRST + timedelta(days=n) for n in range(14)]
    assert {each.activity for each in (*view.days, *view.lessons)} == {Activity()} == {view.totals}
    assert [each.title for each in view.lessons] == ["Flour", "Yeast", "Bake a loaf"]


async def test_a_lesson_picks_its_own(american: School) -> None:
    student, at = american.members["student"].id, datetime(2025, 3, 5, 12, tzinfo=UTC)
    flour, yeast = american.lessons["flour"], american.lessons["yeast"]
    await write(american.here, [Talk(student, (Said(at), Said(at)), flour), Talk(student, (Said(at),), yeast)])
    view = await read_overview(await american.actor("instructor"), american.here.id, Filters(FIRST, LAST, flour))
    assert view.totals == Activity(active=1, conversations=1, questions=2, answers=2)
    assert [each.key for each in view.lessons] == [flour]


COST_OTHERWISE = """
SELECT timezone('{zone}', created_at)::date AS day, feature, model_id, count(*) AS attempts, sum(cost_usd) AS cost_usd
FROM completion_requests WHERE section_id = '{section}' GROUP BY 1, 2, 3
"""


async def test_costs_are_the_ledgers_however_much_of_it_is_rolled_up(american: School) -> None:
    section = american.here.id
    features = ("student_dialogue", "student_dialogue", "instructor_dashboard")
    spent = [
        attempt_at(
            BEGIN + timedelta(hours=7 * n),
            None if n % 5 == 0 else f"0.{n:04}",
            section_id=section,
            attempt=1 + n % 2,
            feature=features[n % 3],
            input_tokens=n,
        )
        for n in range(48)
    ]
    await enter([*spent, attempt_at(BEGIN + timedelta(days=2), "99", section_id=american.elsewhere.id)])
    rows = [
        row for row in await fetch(COST_OTHERWISE.format(zone=ZONE.key, section=section)) if FIRST <= row.day <= LAST
    ]
    actor = await american.actor("administrator")
    for moment in (BEGIN, BEGIN + timedelta(days=6), BEGIN + timedelta(days=30)):
        await roll(american.here, moment)
        view = await read_cost(actor, section, SHOWN)
        assert view.totals.cost_usd == sum(row.cost_usd or 0 for row in rows)
        assert view.totals.attempts == sum(row.attempts for row in rows)
        for each in view.days:
            assert each.figures.attempts == sum(row.attempts for row in rows if row.day == each.day)
        for each in (*view.features, *view.models):
            assert each.figures != Figures()
        assert {each.name: each.figures.attempts for each in view.features} == {
            name: sum(row.attempts for row in rows if row.feature == feature)
            for name, feature in (("Tutor", "student_dialogue"), ("Instructor dashboard", "instructor_dashboard"))
        }
        assert sum((each.figures for each in view.models), Figures()) == view.totals


async def test_the_tutors_own_writes_mark_past_days_and_no_others(american: School) -> None:
    student, old = american.members["student"].id, datetime(2025, 3, 5, 12, tzinfo=UTC)
    fresh, past = Talk(student, (Said(datetime.now(UTC)),)), Talk(student, (Said(old),))
    await write(american.here, [fresh])
    assert await fetch("SELECT day FROM insight_stale") == []
    await write(american.here, [past])
    await execute("DELETE FROM insight_stale")
    answers = await fetch("SELECT id, conversation_id FROM messages WHERE role = 'assistant'")
    for row in answers:
        await change(Message, row.id, content="It grows.")
    assert await fetch("SELECT day FROM insight_stale") == []
    for row in answers:
        await change(Message, row.id, rating=-1)
    assert await fetch("SELECT day FROM insight_stale") == [(date(2025, 3, 5),)]
    await change(Conversation, past.id, title="Another title")
    assert len(await fetch("SELECT day FROM insight_stale")) == 1
