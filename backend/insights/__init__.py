"""What a section's instructors see of it: figures by day and lesson, questions, signals, transcripts, cost, advice.

Signatures the pages are written against:

    filters(first: str, last: str, lesson: str = "") -> Filters          # raises Invalid naming from, to, lesson
    open_section_head(actor, section_slug) -> SectionHead                  # raises NotFound for those without access
    read_overview(actor, section_id, filters: Filters | None = None) -> Overview            # None: last four weeks
    note_visit(actor, section_id) -> None                                  # call once when the overview is opened
    read_questions(actor, section_id, filters=None, *, search="", after="") -> QuestionPage
    read_complaints(actor, section_id, filters=None, *, resolved=False, search="", after="") -> ComplaintPage
    resolve_complaint(actor, section_id, message_id, *, resolved: bool) -> None
    read_students(actor, section_id, filters=None) -> StudentList
    read_transcripts(actor, section_id, filters=None, *, pseudonym="", after="") -> TranscriptPage
    open_transcript(actor, section_id, conversation_id) -> Transcript
    reveal_student(actor, section_id, conversation_id, reason) -> Transcript   # Invalid("reason: …") when empty
    read_cost(actor, section_id, filters=None) -> CostReport
    export_cost(actor, section_id, filters) -> list[CostLine]              # GET /api/v1/sections/{slug}/cost.csv?from&to
    read_recommendation(actor, section_id) -> Recommendation
    ask_recommendation(actor, section_id, *, again: bool = False) -> Recommendation   # again: regenerate
    rate_recommendation(actor, recommendation_id, rating: int, comment: str = "") -> None   # -1, 0, 1
    read_switches(actor, section_id) -> SectionSwitches
    save_switches(actor, section_id, switches: SectionSwitches) -> SectionSwitches
"""
