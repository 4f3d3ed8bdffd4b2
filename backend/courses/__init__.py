"""Courses as they are written and as they are run."""

from backend.courses.reading import (
    find_sections,
    list_sections,
    open_lesson,
    open_lesson_by_key,
    open_section,
    open_section_by_id,
)
from backend.courses.schemas import LessonLink, LessonView, ModuleView, SectionCard, SectionName, SectionView
from backend.courses.writing import (
    CourseText,
    LessonText,
    Modules,
    draft_version,
    ensure_course,
    ensure_section,
    version_modules,
)

__all__ = [
    "CourseText",
    "LessonLink",
    "LessonText",
    "LessonView",
    "ModuleView",
    "Modules",
    "SectionCard",
    "SectionName",
    "SectionView",
    "draft_version",
    "ensure_course",
    "ensure_section",
    "find_sections",
    "list_sections",
    "open_lesson",
    "open_lesson_by_key",
    "open_section",
    "open_section_by_id",
    "version_modules",
]
