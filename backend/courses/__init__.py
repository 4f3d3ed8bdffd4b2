"""Courses as they are written and as they are run."""

from backend.courses.reading import (
    find_sections,
    list_sections,
    open_lesson,
    open_lesson_by_key,
    open_section,
    open_section_by_id,
    place_exercise,
)
from backend.courses.schemas import (
    BlockView,
    LessonLink,
    LessonView,
    ModuleView,
    PlacedExercise,
    SectionCard,
    SectionName,
    SectionView,
)
from backend.courses.switches import LessonChoice, SwitchesView, read_switches, save_switches
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
    "BlockView",
    "CourseText",
    "LessonChoice",
    "LessonLink",
    "LessonText",
    "LessonView",
    "ModuleView",
    "Modules",
    "PlacedExercise",
    "SectionCard",
    "SectionName",
    "SectionView",
    "SwitchesView",
    "draft_version",
    "ensure_course",
    "ensure_section",
    "find_sections",
    "list_sections",
    "open_lesson",
    "open_lesson_by_key",
    "open_section",
    "open_section_by_id",
    "place_exercise",
    "read_switches",
    "save_switches",
    "version_modules",
]
