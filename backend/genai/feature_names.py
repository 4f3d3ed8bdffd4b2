"""What people call the features, and what each is."""

from collections.abc import Mapping

from backend.genai.schemas import Feature

FEATURE_NAMES: Mapping[Feature, tuple[str, str]] = {
    Feature.STUDENT_DIALOGUE: ("Tutor", "Answers students beside their lessons and on the tutor's own page."),
    Feature.INSTRUCTOR_DASHBOARD: (
        "Instructor dashboard",
        "Answers instructors' questions about their section and recommends what to do next.",
    ),
    Feature.COURSE_OUTLINE: ("Course outlines", "Drafts the modules and lessons of a new course."),
    Feature.ASSESSMENT_GENERATION: ("Assessments", "Writes quizzes and exercises for instructors to review."),
    Feature.GRADING_FEEDBACK: ("Grading", "Suggests grades and writes feedback on what students hand in."),
    Feature.INSTRUCTOR_EMAIL: ("E-mail drafts", "Drafts e-mails from instructors to their students."),
    Feature.SEMANTIC_SEARCH: ("Search", "Finds passages of courses by meaning. Needs an embedding model."),
}


def feature_name(feature: str) -> str:
    """A feature as a person says it; a former one by its bare name, since ledgers outlive features."""
    return FEATURE_NAMES[Feature(feature)][0] if feature in list(Feature) else feature


def name_of(feature: str, section: str | None = None) -> str:
    """A feature as a person says it, in the section with this slug or everywhere."""
    name = FEATURE_NAMES[Feature(feature)][0]
    return f"{name} in {section}" if section else f"{name} (default)"
