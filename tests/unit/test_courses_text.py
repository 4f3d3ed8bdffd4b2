"""Cutting lessons into blocks, and the text that comes with Stoa."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.courses.demo import demo_courses
from backend.courses.writing import split_blocks
from backend.wiring import DEMO_SECTIONS


def test_a_lesson_is_cut_at_its_headings() -> None:
    assert split_blocks("Intro.\n\n## One\n\nText.\n\n### Part\n\n## Two\nMore.") == [
        "Intro.",
        "## One\n\nText.\n\n### Part",
        "## Two\nMore.",
    ]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_a_heading_inside_a_fence_cuts_nothing(fence: str) -> None:
    text = f"## One\n\n{fence}python\n## a comment\n{fence}\n\n## Two\n\nText."
    assert split_blocks(text) == [f"## One\n\n{fence}python\n## a comment\n{fence}", "## Two\n\nText."]


def test_nothing_gives_no_blocks() -> None:
    assert split_blocks(" \n\n ") == []


@given(st.lists(st.sampled_from(["## H\n", "text\n", "```\n", "\n", "## ", "~~~\n", "# "]), max_size=30).map("".join))
def test_no_text_is_lost_or_doubled_by_cutting(text: str) -> None:
    assert "".join("".join(split_blocks(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("course", demo_courses(), ids=lambda course: course.slug)
def test_a_demo_course_has_six_lessons_or_more_with_real_text(course) -> None:
    lessons = [lesson for _, lessons in course.modules for lesson in lessons]
    assert len(lessons) >= 6
    assert len({lesson.slug for lesson in lessons}) == len(lessons)
    for lesson in lessons:
        assert len(lesson.markdown.split()) > 200, lesson.slug
        assert lesson.markdown.count("```") % 2 == 0, lesson.slug
        assert lesson.minutes > 0
        assert len(split_blocks(lesson.markdown)) > 1, lesson.slug


def test_each_demo_course_has_graded_work_and_two_sections() -> None:
    for course in demo_courses():
        assert any(lesson.graded for _, lessons in course.modules for lesson in lessons)
        assert len(DEMO_SECTIONS[course.slug]) == 2
    assert set(DEMO_SECTIONS) == {course.slug for course in demo_courses()}
