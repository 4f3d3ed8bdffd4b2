"""SQL that counts: what people did and what it cost, by day, from rollups where they hold and from the rows themselves.

Parameters of every query: section, first, last, and `days` with their `begins` and `ends`, which are counted anew.
"""

ACTIVITY = ("conversations", "questions", "answers", "failed", "thumbs_up", "thumbs_down")
"""In the order of `schemas.Activity`, after `active`."""
COSTS = (
    "requests",
    "attempts",
    "failed",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "estimated",
    "cost_usd",
    "unpriced",
)
"""In the order of `genai.Figures`."""

DAYS = """
unnest(CAST(:days AS date[]), CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) AS days (day, since, until)
"""

COUNTED_ACTIVITY = f"""
SELECT days.day, did.* FROM {DAYS} CROSS JOIN LATERAL (
  SELECT person_id, lesson_key, {", ".join(f"sum({name})::int AS {name}" for name in ACTIVITY)} FROM (
    SELECT c.person_id, c.lesson_key, 0 AS conversations,
      (m.role = 'user' AND m.replaced_by IS NULL)::int AS questions,
      (m.role = 'assistant' AND m.replaced_by IS NULL)::int AS answers,
      (m.role = 'assistant' AND m.replaced_by IS NULL AND m.status IN ('failed', 'interrupted'))::int AS failed,
      (m.rating IS NOT DISTINCT FROM 1)::int AS thumbs_up,
      (m.rating IS NOT DISTINCT FROM -1)::int AS thumbs_down
    FROM messages m JOIN conversations c ON c.id = m.conversation_id
    WHERE c.section_id = :section AND m.created_at >= days.since AND m.created_at < days.until
    UNION ALL
    SELECT c.person_id, c.lesson_key, 1, 0, 0, 0, 0, 0 FROM conversations c
    WHERE c.section_id = :section AND c.created_at >= days.since AND c.created_at < days.until
  ) AS one GROUP BY person_id, lesson_key
) AS did
"""
"""Replaced messages don't count, but a thumb on a replaced answer does: it says why it was replaced."""

COUNTED_COSTS = f"""
SELECT days.day, spent.* FROM {DAYS} CROSS JOIN LATERAL (
  SELECT feature, model_id, count(*) FILTER (WHERE attempt = 1)::int AS requests, count(*)::int AS attempts,
    count(*) FILTER (WHERE outcome = 'failed')::int AS failed, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens,
    sum(reasoning_tokens) AS reasoning_tokens, count(*) FILTER (WHERE tokens_estimated)::int AS estimated,
    coalesce(sum(cost_usd), 0) AS cost_usd, count(*) FILTER (WHERE unpriced)::int AS unpriced
  FROM completion_requests WHERE section_id = :section AND created_at >= days.since AND created_at < days.until
  GROUP BY feature, model_id
) AS spent
"""


def _known(table: str, columns: str) -> str:
    return f"""
SELECT day, {columns} FROM {table}
WHERE section_id = :section AND day BETWEEN :first AND :last AND day <> ALL (CAST(:days AS date[]))
"""


OF_STUDENTS = f"""
SELECT did.* FROM (
  {_known("insight_activity", "person_id, lesson_key, " + ", ".join(ACTIVITY))} UNION ALL {COUNTED_ACTIVITY}
) AS did JOIN memberships student
  ON student.section_id = :section AND student.person_id = did.person_id AND student.role = 'student'
"""
"""(day, person, lesson, counts…) of everybody who is a student of the section now."""

COSTS_BY_DAY = f"""
{_known("insight_costs", "feature, model_id, " + ", ".join(COSTS))} UNION ALL {COUNTED_COSTS}
"""
"""(day, feature, model, figures…)."""

ROLL_ACTIVITY = f"""
INSERT INTO insight_activity (id, created_at, section_id, day, person_id, lesson_key, {", ".join(ACTIVITY)})
SELECT gen_random_uuid(), now(), :section, counted.* FROM ({COUNTED_ACTIVITY}) AS counted
"""
ROLL_COSTS = f"""
INSERT INTO insight_costs (id, created_at, section_id, day, feature, model_id, {", ".join(COSTS)})
SELECT gen_random_uuid(), now(), :section, counted.* FROM ({COUNTED_COSTS}) AS counted
"""


def sums(names: tuple[str, ...]) -> str:
    """Their sums over any number of rows, none of which is zero."""
    return ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in names)
