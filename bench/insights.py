"""How fast the dashboard of a large section opens, with rollups and without, and what the rollups cost.

`python -m bench.insights`: a section with 500 students and 200,000 messages over 120 days, and the ledger of its
100,000 answers, beside three sections half as large. Today and the hour of grace are counted when read, as always.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from backend import insights
from backend.access import SYSTEM
from backend.core.clock import now
from backend.core.database import dispose_engine, get_engine, transaction
from backend.courses.models import Section
from backend.genai import zone_named
from backend.insights.pseudonyms import ensure_pseudonyms
from backend.insights.rollups import roll_step
from bench.stage import SECTION, percentile, services

DAYS = 120
PEOPLE = """
WITH made AS (
  INSERT INTO people (id, created_at, email, name, password_hash, is_administrator, theme)
  SELECT gen_random_uuid(), now(), 'crowd' || n || '@' || :slug, 'Student ' || n, '!', false, 'system'
  FROM generate_series(1, :students) n RETURNING id
)
INSERT INTO memberships (id, created_at, person_id, section_id, role)
SELECT gen_random_uuid(), now(), id, :section, 'student' FROM made
"""
CONVERSATIONS = """
INSERT INTO conversations (id, created_at, feature, section_id, person_id, lesson_key, title, updated_at)
SELECT gen_random_uuid(), at, 'student_dialogue', :section, people[1 + n % array_length(people, 1)],
  lessons[1 + n % array_length(lessons, 1)], 'A talk', at
FROM (SELECT array_agg(person_id) AS people FROM memberships WHERE section_id = :section AND role = 'student') p,
  (SELECT array_agg(l.key) AS lessons FROM lessons l JOIN sections s USING (version_id) WHERE s.id = :section) l,
  generate_series(1, :count) n, LATERAL (SELECT now() - make_interval(secs => n * :apart) AS at) moment
"""
MESSAGES = """
INSERT INTO messages (id, created_at, conversation_id, role, content, status, error, tokens_estimated, rating,
  rating_reason)
SELECT gen_random_uuid(), c.created_at + make_interval(secs => n), c.id,
  CASE n % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, repeat('Some words about dough and how it rises. ', 6 + n),
  'finished', '', false, CASE WHEN n = 4 AND random() < 0.1 THEN -1 END, ''
FROM conversations c, generate_series(1, 8) n WHERE c.section_id = :section
"""
LEDGER = """
INSERT INTO completion_requests (id, created_at, request_id, attempt, feature, section_id, person_id, provider,
  requested_model, reason, outcome, input_tokens, output_tokens, cached_tokens, reasoning_tokens, tokens_estimated,
  cost_usd, unpriced, duration_ms)
SELECT gen_random_uuid(), m.created_at, gen_random_uuid(), 1, 'student_dialogue', c.section_id, c.person_id, 'openai',
  'model', 'primary', 'succeeded', 900, 200, 0, 0, false, 0.0003, false, 900
FROM messages m JOIN conversations c ON c.id = m.conversation_id
WHERE c.section_id = :section AND m.role = 'assistant'
"""


async def fill(section: Section, messages: int, students: int) -> None:
    """Let a term have happened in a section."""
    count = messages // 8
    values = {
        "section": section.id,
        "slug": section.slug,
        "students": students,
        "count": count,
        "apart": DAYS * 86_400 / count,
    }
    for statement in (PEOPLE, CONVERSATIONS, MESSAGES, LEDGER):
        async with transaction() as session:
            await session.execute(text(statement), values)


async def roll(section: Section) -> float:
    """Roll a section up; seconds."""
    began, counted = time.perf_counter(), None
    while counted != 0:
        async with transaction() as session:
            counted = await roll_step(session, section.id, zone_named(section.timezone), now())
    return time.perf_counter() - began


def tabs(section_id: UUID) -> dict[str, Callable[[], Awaitable[object]]]:
    """What opening each tab asks for."""
    today = date.today()  # noqa: DTZ011
    term = insights.Filters(today - timedelta(days=DAYS - 1), today)
    return {
        "overview": lambda: insights.read_overview(SYSTEM, section_id),
        "overview, 120 days": lambda: insights.read_overview(SYSTEM, section_id, term),
        "questions": lambda: insights.read_questions(SYSTEM, section_id),
        "thumbs-down": lambda: insights.read_complaints(SYSTEM, section_id),
        "students": lambda: insights.read_students(SYSTEM, section_id),
        "transcripts": lambda: insights.read_transcripts(SYSTEM, section_id),
        "cost": lambda: insights.read_cost(SYSTEM, section_id),
    }


async def timed(section_id: UUID, loads: int) -> dict[str, list[float]]:
    """Milliseconds of each load of each tab."""
    took: dict[str, list[float]] = {}
    for name, load in tabs(section_id).items():
        await load()
        for _ in range(loads):
            began = time.perf_counter()
            await load()
            took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return took


async def main(messages: int, loads: int) -> None:
    """Fill, measure without rollups, roll up, measure with them."""
    async with transaction() as session:
        sections = list((await session.exec(select(Section))).all())
    large = next(each for each in sections if each.slug == SECTION)
    for each in sections:
        await fill(each, messages if each is large else messages // 2, 500)
    async with get_engine().connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
    await ensure_pseudonyms(large.id)
    without = await timed(large.id, loads)
    seconds = await roll(large)
    again = await roll(large)
    async with get_engine().connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
    with_them = await timed(large.id, loads)
    for name, values in with_them.items():
        ours, theirs = percentile(values, 0.95), percentile(without[name], 0.95)
        print(f"{name:20} p50 {percentile(values, 0.5):6.1f}  p95 {ours:6.1f} ms   "
              f"without rollups p95 {theirs:7.1f} ms   ratio {ours / theirs:.2f}")  # fmt: skip
    print(f"rollup of {messages:,} messages {seconds:.2f} s: {seconds / messages * 1e6:.1f} ms per 1,000 messages; "
          f"again, with nothing new, {again * 1000:.1f} ms")  # fmt: skip
    await dispose_engine()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--loads", type=int, default=30)
    arguments = parser.parse_args()
    with services():
        asyncio.run(main(arguments.messages, arguments.loads))
