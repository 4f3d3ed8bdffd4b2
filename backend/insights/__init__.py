"""What a section's instructors see of it: figures by day and lesson, questions, signals, transcripts, cost, advice."""

from backend.insights.advice import RECOMMENDATION
from backend.insights.chat import DASHBOARD_TOOLS
from backend.insights.cost import export_cost, read_cost
from backend.insights.overview import note_visit, read_overview
from backend.insights.questions import read_complaints, read_questions, resolve_complaint
from backend.insights.recommendations import ask_recommendation, rate_recommendation, read_recommendation
from backend.insights.rollups import ROLLUP
from backend.insights.schemas import (
    Activity,
    ActivityDay,
    Changes,
    Complaint,
    ComplaintPage,
    CostDay,
    CostLine,
    CostReport,
    CostRow,
    ExerciseRate,
    Filters,
    LessonActivity,
    Line,
    Overview,
    Question,
    QuestionPage,
    Recommendation,
    RecommendationState,
    SectionBudget,
    SectionHead,
    SectionSwitches,
    Signal,
    SignalKind,
    StudentList,
    StudentRow,
    Transcript,
    TranscriptCard,
    TranscriptPage,
    TranscriptSwitch,
)
from backend.insights.sections import filters, open_section_head
from backend.insights.students import read_students
from backend.insights.switches import read_switches, save_switches
from backend.insights.transcripts import open_transcript, read_transcripts, reveal_student

JOB_KINDS = (ROLLUP, RECOMMENDATION)

__all__ = [
    "DASHBOARD_TOOLS",
    "JOB_KINDS",
    "Activity",
    "ActivityDay",
    "Changes",
    "Complaint",
    "ComplaintPage",
    "CostDay",
    "CostLine",
    "CostReport",
    "CostRow",
    "ExerciseRate",
    "Filters",
    "LessonActivity",
    "Line",
    "Overview",
    "Question",
    "QuestionPage",
    "Recommendation",
    "RecommendationState",
    "SectionBudget",
    "SectionHead",
    "SectionSwitches",
    "Signal",
    "SignalKind",
    "StudentList",
    "StudentRow",
    "Transcript",
    "TranscriptCard",
    "TranscriptPage",
    "TranscriptSwitch",
    "ask_recommendation",
    "export_cost",
    "filters",
    "note_visit",
    "open_section_head",
    "open_transcript",
    "rate_recommendation",
    "read_complaints",
    "read_cost",
    "read_overview",
    "read_questions",
    "read_recommendation",
    "read_students",
    "read_switches",
    "read_transcripts",
    "resolve_complaint",
    "reveal_student",
    "save_switches",
]
