"""A course as Markdown: chapters, names of files, and answers that would spoil what follows them."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from pydantic import ValidationError

from backend.authoring.languages import LANGUAGES
from backend.authoring.markdown import course_zip, lesson_markdown, modules_of, zip_name
from backend.authoring.prompts import outline_prompt
from backend.authoring.schemas import MOST_LESSONS, CourseRequest, LessonAnswer, Outline
from tests.support.authoring import LESSON, outline_of


def outline(*titles: str) -> Outline:
    return Outline.model_validate(outline_of(*titles))


def test_lessons_of_the_same_name_or_without_latin_letters_have_slugs_of_their_own() -> None:
    modules = modules_of(outline("Über uns!", "Uber uns", "水の循環", "雨"), {})
    assert [lesson.slug for _, lessons in modules for lesson in lessons] == [
        "uber-uns",
        "uber-uns-2",
        "lesson",
        "lesson-2",
    ]


def test_neighbours_of_the_same_module_are_one_chapter() -> None:
    modules = modules_of(outline("A", "B", "C"), {1: "words"})
    assert [(title, [lesson.markdown for lesson in lessons]) for title, lessons in modules] == [
        ("Up", ["", "words"]),
        ("Down", [""]),
    ]


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```py\nx", "```py\nx\n```"),
        ("~~~~\n```\nx", "~~~~\n```\nx\n~~~~"),
        ("```\nx\n```\nand", "```\nx\n```\nand"),
        ("```\nx\n```py\ny", "```\nx\n```py\ny\n```"),
        ("```x``` and", "```x``` and"),
        ("`x`", "`x`"),
    ],
)
def test_an_open_fence_is_closed_before_what_follows(text: str, closed: str) -> None:
    lesson = LessonAnswer.model_validate(LESSON | {"text": text})
    assert f"\n\n{closed}\n\n## Beispiel\n\n" in lesson_markdown(lesson, LANGUAGES["de"])


def test_an_exercise_of_several_lines_stays_in_its_list() -> None:
    lesson = LessonAnswer.model_validate(LESSON)
    assert lesson_markdown(lesson, LANGUAGES["en"]).endswith("## Exercises\n\n- Where does it go?\n  Say why.")


def test_a_zip_names_its_files_whatever_titles_say() -> None:
    plan = outline("../../etc/passwd", "[a](b)")
    with ZipFile(BytesIO(course_zip(plan, modules_of(plan, {0: "x", 1: "y"})))) as archive:
        assert archive.namelist() == ["README.md", "01-etc-passwd.md", "02-a-b.md"]
        assert "2. [\\[a\\](b)](02-a-b.md)" in archive.read("README.md").decode()
    assert zip_name(outline_titled("日本")) == "course.zip"


def outline_titled(title: str) -> Outline:
    return Outline.model_validate(outline_of("A") | {"title": title})


def test_texts_lose_what_no_column_can_hold() -> None:
    lesson = LessonAnswer.model_validate(LESSON | {"text": " a\0b\ud800 "})
    assert lesson.text == "ab\N{REPLACEMENT CHARACTER}"
    with pytest.raises(ValidationError):
        LessonAnswer.model_validate(LESSON | {"text": " \0 "})


@pytest.mark.parametrize("lessons", range(1, MOST_LESSONS + 1))
def test_a_small_models_outline_fits_its_limit(lessons: int) -> None:
    request = CourseRequest(topic="Bread", audience="Bakers", lessons=lessons)
    schema = outline_prompt(request, 512).response_schema
    assert schema is not None
    parts = schema.schema["properties"]
    each = sum(part["maxLength"] for part in parts["lessons"]["items"]["properties"].values())
    assert parts["title"]["maxLength"] + parts["summary"]["maxLength"] + lessons * each <= 512


def test_a_model_without_a_small_limit_is_given_no_lengths() -> None:
    request = CourseRequest(topic="Bread", audience="Bakers", lessons=2)
    for limit in (None, 4_000):
        schema = outline_prompt(request, limit).response_schema
        assert schema is not None
        assert "max" not in str(schema.schema)
