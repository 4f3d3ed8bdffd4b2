"""The demo's term: the same each time on the same day, and something to see in every chart."""

import time

from backend import insights, wiring
from backend.access import SYSTEM
from backend.insights import SignalKind
from tests.support.jobs import execute, fetch

FINGERPRINT = """
SELECT s.slug, count(*), min(m.created_at), max(m.created_at), sum(m.rating),
  md5(string_agg(m.content, ',' ORDER BY m.id))
FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN sections s ON s.id = c.section_id
GROUP BY s.slug ORDER BY s.slug
"""


async def test_a_term_happened_once_and_the_same_each_time(services: None) -> None:
    await wiring.seed_demo()
    began = time.process_time()
    assert len(await wiring.seed_demo_activity()) == 4
    assert time.process_time() - began < 5
    first = await fetch(FINGERPRINT)
    assert await wiring.seed_demo_activity() == []
    assert await fetch(FINGERPRINT) == first
    await execute("DELETE FROM conversations")
    await execute("DELETE FROM completion_requests")
    await execute("DELETE FROM submissions")
    await execute("DELETE FROM people WHERE email LIKE '%@%.example.org'")
    assert len(await wiring.seed_demo_activity()) == 4
    assert await fetch(FINGERPRINT) == first

    graded = {row.key for row in await fetch("SELECT key FROM lessons WHERE graded")}
    for slug in (row[0] for row in first):
        head = await insights.open_section_head(SYSTEM, slug)
        view = await insights.read_overview(SYSTEM, head.id)
        assert view.totals.active > 5 and view.totals.thumbs_up and view.totals.thumbs_down
        assert [day.activity.questions for day in view.days if day.day == head.today] == [0]
        assert view.cost.cost_usd > 0
        assert not [each for each in view.lessons if each.key in graded and each.activity.questions]
        students = (await insights.read_students(SYSTEM, head.id)).students
        kinds = {signal.kind for each in students for signal in each.signals}
        python = slug.startswith("python")
        assert kinds == (set(SignalKind) if python else {SignalKind.SILENT, SignalKind.THUMBS_DOWN})
        assert any(0 < each.rate < 1 for each in view.exercises) == python
