"""Writing courses with a language model: a job that makes a draft version of a section's course, lesson by lesson."""

from backend.authoring.generating import COURSE_GENERATE
from backend.authoring.languages import LANGUAGES
from backend.authoring.reading import GENERATIONS, list_generations, open_draft
from backend.authoring.schemas import MOST_LESSONS, CourseRequest, Draft, DraftLesson, DraftModule, Generation
from backend.authoring.starting import start_generation

__all__ = [
    "COURSE_GENERATE",
    "GENERATIONS",
    "LANGUAGES",
    "MOST_LESSONS",
    "CourseRequest",
    "Draft",
    "DraftLesson",
    "DraftModule",
    "Generation",
    "list_generations",
    "open_draft",
    "start_generation",
]
