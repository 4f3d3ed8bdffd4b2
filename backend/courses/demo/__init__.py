"""The demo courses: their text, as an author would hand it in."""

from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from backend.courses.exercises import Exercise
from backend.courses.writing import CourseText, LessonText

SLUGS = ("introductory-python", "general-chemistry")


def demo_courses() -> list[CourseText]:
    """The two demo courses, read from this folder."""
    return [_read(slug) for slug in SLUGS]


def _read(slug: str) -> CourseText:
    folder = files(__name__) / slug
    course = yaml.safe_load((folder / "course.yaml").read_text("utf-8"))
    modules = tuple(
        (
            module["title"],
            tuple(
                LessonText(
                    slug=lesson["slug"],
                    title=lesson["title"],
                    minutes=lesson["minutes"],
                    graded=lesson.get("graded", False),
                    markdown=(folder / lesson["file"]).read_text("utf-8"),
                    exercises=tuple((name, _exercise(folder, name)) for name in lesson.get("exercises", ())),
                )
                for lesson in module["lessons"]
            ),
        )
        for module in course["modules"]
    )
    return CourseText(slug=course["slug"], title=course["title"], summary=course["summary"], modules=modules)


def _exercise(folder: Traversable, name: str) -> Exercise:
    return Exercise.model_validate(yaml.safe_load((folder / "exercises" / f"{name}.yaml").read_text("utf-8")))
