"""A term of activity for a demo section: deterministic given the day, and never of today.

Made-up classmates, who can't sign in, ask about one lesson after the other for twelve weeks, one of which is a break.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from backend.access import Person, Role, enrol, unusable_password
from backend.core.clock import now
from backend.core.ids import new_id
from backend.dialogue.models import Conversation, Message, MessageRole, TurnStatus
from backend.genai import Feature
from backend.genai.models import CompletionRequest, Outcome
from backend.grading.models import Submission
from backend.grading.results import Results, Summary
from backend.insights import queries
from backend.insights.coverage import day_of
from backend.sandbox import Verdict

WEEKS = 12
BREAK_WEEK = 6
"""In which nobody asks anything."""
SILENT_FOR = 20
"""Days for which one of them hasn't been seen."""
CLASSMATES = (
    "Abena Mensah", "Bruno Keller", "Camila Duarte", "Dmitri Volkov", "Elif Kaya", "Fionn Walsh", "Giulia Conti",
    "Hana Suzuki", "Ivo Horvat", "Jamila Said", "Kofi Asante", "Lena Fischer", "Mateo Vargas", "Noor Rahman",
)  # fmt: skip
QUESTIONS = (
    "I read “{lesson}” twice and still don’t see where to begin. What should I look at first?",
    "What’s the difference between the two examples in “{lesson}”?",
    "Can you check my reasoning? I think I mixed something up in “{lesson}”.",
    "Why does the second step in “{lesson}” work?",
    "Is there another way to do what “{lesson}” shows?",
    "When would I use this outside of the course?",
    "I get a different result than “{lesson}” says. Where do people usually go wrong?",
    "Could you give me a smaller example of this?",
)
ANSWERS = (
    "Let’s take it in small steps. Which part of the example can you already explain in your own words?",
    "Good question. Compare the first lines of both: what changes, and what stays the same?",
    "You’re close. Look at your second step again: what does it assume that you haven’t shown yet?",
    "Try it with the smallest case you can think of and write down what you expect before you look.",
)
REASONS = ("It only asks me questions back.", "Too long.", "That isn’t what the lesson says.", "")
COST_PER_TOKEN = (Decimal("0.00000015"), Decimal("0.0000006"))
"""USD for input and output: what a small hosted model takes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The section, its days and lessons, and the dice, which fall the same way for everybody."""

    section_id: UUID
    zone: ZoneInfo
    today: date
    lessons: Sequence[tuple[UUID, str]]
    config_id: UUID | None
    """What serves its tutor."""
    dice: random.Random

    @property
    def days(self) -> list[date]:
        """From the first day of the term to yesterday."""
        return [self.today - timedelta(days=n) for n in range(WEEKS * 7, 0, -1)]


async def seed_activity(session: AsyncSession, section_id: UUID, slug: str, timezone: str, version_id: UUID) -> bool:
    """Let a term have happened in a section; whether it did. One with conversations stays as it is."""
    there = "SELECT EXISTS (SELECT FROM conversations WHERE section_id = :section)"
    if (await session.execute(text(there), {"section": section_id})).scalar_one():
        return False
    zone = ZoneInfo(timezone)
    lessons = await queries.practice_lessons(session, version_id)
    serving = {row.feature: row.id for row in await queries.serving(session, section_id)}
    config_id = serving.get(Feature.STUDENT_DIALOGUE)
    scene = Scene(section_id, zone, day_of(now(), zone), lessons, config_id, random.Random(slug))  # noqa: S311 - a demo
    people = await _classmates(session, scene, slug)
    exercises = await queries.exercise_keys(session, version_id)
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {Conversation: [], Message: [], CompletionRequest: []}
    for place, person_id in enumerate(people):
        for talk in _talks(scene, place, person_id):
            for table, made in talk.items():
                rows[table] += made
    rows[Submission] = [
        each for place, person_id in enumerate(people) for each in _submissions(scene, place, person_id, exercises)
    ]
    for table, made in rows.items():
        if made:
            await session.execute(insert(table), made)
    return True


async def _classmates(session: AsyncSession, scene: Scene, slug: str) -> list[UUID]:
    password_hash, people = await unusable_password(), []
    for name in CLASSMATES:
        email = f"{name.lower().replace(' ', '.')}@{slug}.example.org"
        person = Person(email=email, name=name, password_hash=password_hash)
        session.add(person)
        await session.flush()
        await enrol(session, person, scene.section_id, Role.STUDENT)
        people.append(person.id)
    backdate = "UPDATE memberships SET created_at = :begun WHERE section_id = :section AND person_id = ANY (:people)"
    begun = datetime.combine(scene.days[0], time(8), scene.zone)
    await session.execute(text(backdate), {"begun": begun, "section": scene.section_id, "people": people})
    return people


def _submissions(scene: Scene, place: int, person_id: UUID, exercises: Sequence[UUID]) -> Iterator[dict[str, Any]]:
    """One exercise after the other, a few attempts at each; the third of them is stuck at the last one of late."""
    dice, days = scene.dice, scene.days
    for number, key in enumerate(exercises):
        stuck = place == 2 and number == len(exercises) - 1
        if not stuck and dice.random() < 0.25:
            continue
        day = days[-6] if stuck else days[(number + 1) * len(days) // (len(exercises) + 1)]
        attempts = 6 if stuck else dice.choice((1, 1, 2, 2, 3, 4))
        solved = not stuck and dice.random() < 0.85 - 0.12 * number
        for attempt in range(1, attempts + 1):
            verdict = Verdict.ACCEPTED if solved and attempt == attempts else Verdict.WRONG_ANSWER
            yield _submission(
                scene, person_id, key, attempt, datetime.combine(day, time(18, 5 * attempt), scene.zone), verdict
            )


def _submission(
    scene: Scene, person_id: UUID, exercise: UUID, number: int, at: datetime, verdict: Verdict
) -> dict[str, Any]:
    score = 1.0 if verdict is Verdict.ACCEPTED else 0.0
    results = Results(
        score=score,
        max_score=1.0,
        execution_time=0.1,
        output="",
        tests=[],
        extra_data=Summary(verdict=verdict),
    )
    return {
        "id": new_id(),
        "created_at": at,
        "section_id": scene.section_id,
        "block_key": exercise,
        "person_id": person_id,
        "number": number,
        "idempotency_key": f"demo {number}",
        "code": "# what a made-up classmate wrote",
        "days_late": 0,
        "deduction": 0.0,
        "job_id": new_id(),
        "verdict": verdict.value,
        "score": score,
        "max_score": 1.0,
        "results": results.model_dump(mode="json"),
        "graded_at": at + timedelta(seconds=5),
        "given_back": False,
    }


def _talks(scene: Scene, place: int, person_id: UUID) -> Iterator[dict[type[SQLModel], list[dict[str, Any]]]]:
    """What one of them asked: the first went silent, the second was often dissatisfied of late."""
    eagerness = scene.dice.uniform(0.08, 0.4)
    for number, day in enumerate(scene.days):
        week = number // 7
        late = (scene.today - day).days <= 10
        gone = place == 0 and (scene.today - day).days < SILENT_FOR
        weekend = day.weekday() >= 5
        chance = eagerness * (0.4 if weekend else 1.0) * (0.7 + 0.6 * week / WEEKS)
        asks = scene.dice.random() < chance or (place == 1 and late and not weekend)
        if week != BREAK_WEEK and not gone and asks:
            lesson = scene.lessons[min(week * len(scene.lessons) // WEEKS, len(scene.lessons) - 1)]
            yield _talk(scene, day, person_id, lesson, displeased=place == 1 and late)


def _talk(
    scene: Scene, day: date, person_id: UUID, lesson: tuple[UUID, str], *, displeased: bool
) -> dict[type[SQLModel], list[dict[str, Any]]]:
    dice = scene.dice
    at = datetime.combine(day, time(dice.randint(8, 21), dice.randint(0, 59), dice.randint(0, 59)), scene.zone)
    questions = [dice.choice(QUESTIONS).format(lesson=lesson[1]) for _ in range(dice.choice((1, 1, 2, 2, 3, 4)))]
    conversation_id = new_id()
    conversation = {
        "id": conversation_id,
        "created_at": at,
        "updated_at": at + timedelta(minutes=2 * len(questions)),
        "feature": Feature.STUDENT_DIALOGUE.value,
        "section_id": scene.section_id,
        "person_id": person_id,
        "lesson_key": lesson[0] if dice.random() < 0.9 else None,
        "title": questions[0][:80],
    }
    messages, attempts = [], []
    for number, question in enumerate(questions):
        asked = at + timedelta(minutes=2 * number)
        attempts.append(_attempt(scene, person_id, conversation_id, asked))
        messages += _messages(scene, conversation_id, asked, question, displeased=displeased)
    return {Conversation: [conversation], Message: messages, CompletionRequest: attempts}


def _messages(
    scene: Scene, conversation_id: UUID, asked: datetime, question: str, *, displeased: bool
) -> list[dict[str, Any]]:
    dice = scene.dice
    common = {"conversation_id": conversation_id, "replaced_by": None, "error": "", "tokens_estimated": False}
    rating = -1 if displeased and dice.random() < 0.6 else dice.choices((None, 1, -1), (80, 15, 5))[0]
    failed = dice.random() < 0.02
    user = {
        "role": MessageRole.USER.value,
        "content": question,
        "status": TurnStatus.FINISHED.value,
        "created_at": asked,
    }
    answer = {
        "role": MessageRole.ASSISTANT.value,
        "content": "" if failed else dice.choice(ANSWERS),
        "status": (TurnStatus.FAILED if failed else TurnStatus.FINISHED).value,
        "created_at": asked + timedelta(seconds=1),
    }
    reason = dice.choice(REASONS) if rating == -1 else ""
    return [
        {"id": new_id(), **common, **user, "rating": None, "rating_reason": ""},
        {"id": new_id(), **common, **answer, "rating": None if failed else rating, "rating_reason": reason},
    ]


def _attempt(scene: Scene, person_id: UUID, conversation_id: UUID, at: datetime) -> dict[str, Any]:
    tokens = scene.dice.randint(900, 2_600), scene.dice.randint(60, 400)
    return {
        "id": new_id(),
        "created_at": at + timedelta(seconds=4),
        "request_id": new_id(),
        "attempt": 1,
        "feature": Feature.STUDENT_DIALOGUE.value,
        "section_id": scene.section_id,
        "person_id": person_id,
        "conversation_id": conversation_id,
        "config_id": scene.config_id,
        "provider": "null",
        "requested_model": "demo",
        "reason": "demo",
        "outcome": Outcome.SUCCEEDED.value,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "tokens_estimated": False,
        "cost_usd": sum(count * price for count, price in zip(tokens, COST_PER_TOKEN, strict=True)),
        "unpriced": False,
        "duration_ms": 4_000.0,
    }
