"""A model that writes courses: a script for the replay server, and what it was asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.replay import Received
from tests.support.replay_answers import Answer, openai_answer

LESSON = {
    "objectives": ["Explain it", "Use it"],
    "text": "Heat lifts water.\n\n```text\nan open fence",
    "example": "A puddle in the sun: $m = 2\\,\\text{kg}$.",
    "exercises": ["Where does it go?\nSay why."],
}


def outline_of(*titles: str) -> dict[str, Any]:
    """An outline whose first two lessons are one chapter, and the rest another."""
    lessons = [
        {"module": "Up" if place < 2 else "Down", "title": title, "goal": f"Know {title}."}
        for place, title in enumerate(titles)
    ]
    return {"title": "The water cycle", "summary": "Where water goes.", "lessons": lessons}


OUTLINE = outline_of("Evaporation", "Clouds", "Rain")


def asked_for(request: Received) -> str:
    """What a request asks for: `outline`, or a lesson's title."""
    name: str = request.json["response_format"]["json_schema"]["name"]
    return str(data_of(request)["lesson"]["title"]) if name == "lesson" else name


def data_of(request: Received) -> dict[str, Any]:
    """The data that the model was given."""
    messages = request.json["messages"]
    data: dict[str, Any] = json.loads(next(each["content"] for each in messages if each["role"] == "user"))
    return data


@dataclass(slots=True)
class Author:
    """Answers as a good model would, but for what is `said` instead, by what is asked for: answer after answer."""

    said: dict[str, list[Answer]] = field(default_factory=dict)
    outline: dict[str, Any] = field(default_factory=lambda: OUTLINE)
    asked: list[str] = field(default_factory=list)
    told: Callable[[], None] = lambda: None

    def __call__(self, request: Received) -> Answer:
        wanted = asked_for(request)
        self.asked.append(wanted)
        self.told()
        if queue := self.said.get(wanted):
            return queue.pop(0)
        return openai_answer(json.dumps(self.outline if wanted == "outline" else LESSON))
