"""The job kind `course_generate`: a topic becomes an outline, then lessons, then a draft version of the course.

The outline and each lesson are stored as soon as they are there, in a transaction that names the lease. So whatever
ends an attempt, the next one goes on with the first lesson that is missing, and nothing is paid for twice.
"""

from uuid import UUID

from backend.access import Action
from backend.authoring import queries
from backend.authoring.asking import ask
from backend.authoring.markdown import course_zip, lesson_markdown, modules_of, zip_name
from backend.authoring.models import CourseGeneration
from backend.authoring.prompts import lesson_prompt, outline_prompt
from backend.authoring.schemas import CourseRequest, CourseResult, LessonAnswer, Outline
from backend.core.database import transaction
from backend.courses import draft_version
from backend.genai import CompletionRequest, Feature, Prompt, output_limit
from backend.jobs import JobContext, Kind, Permanent

FEATURE = Feature.COURSE_OUTLINE


async def generate_course(context: JobContext, request: CourseRequest) -> CourseResult:
    """Write the course; see the module."""
    if context.section_id is None:
        raise Permanent("A course is written for a section: name one.")
    limit = await output_limit(FEATURE, context.section_id)
    async with transaction() as session:
        generation = await queries.generation_of(session, context.job_id)
        texts = await queries.lesson_texts(session, generation.id) if generation else {}
    if generation is None:
        generation = await _plan(context, request, limit)
    outline = Outline.model_validate(generation.outline)
    for place in range(len(outline.lessons)):
        if place not in texts:
            texts[place] = await _write(context, request, generation.id, outline, place, limit)
    return await _finish(context, context.section_id, generation.id, outline, texts)


async def _plan(context: JobContext, request: CourseRequest, limit: int | None) -> CourseGeneration:
    """Ask for the outline, and store it."""
    await context.progress(0.0, "Planning the course")

    def right_count(outline: Outline) -> str:
        found = len(outline.lessons)
        return "" if found == request.lessons else f"It has {found} lessons instead of {request.lessons}."

    outline = await ask(context, _completion(context, outline_prompt(request, limit)), Outline, right_count)
    async with context.transaction() as session:
        generation = await queries.add_generation(session, context.job_id, outline)
        await context.log(f"Planned “{outline.title}”.", lessons=[lesson.title for lesson in outline.lessons])
    return generation


async def _write(
    context: JobContext, request: CourseRequest, generation_id: UUID, outline: Outline, place: int, limit: int | None
) -> str:
    """Ask for the lesson at `place`, and store it; its Markdown."""
    lesson, count = outline.lessons[place], len(outline.lessons)
    await context.progress((place + 1) / (count + 1), f"Writing lesson {place + 1} of {count}: {lesson.title}")
    prompt = lesson_prompt(request, outline, lesson, limit)
    markdown = lesson_markdown(await ask(context, _completion(context, prompt), LessonAnswer), request.tongue)
    async with context.transaction() as session:
        await queries.add_lesson(session, generation_id, place, markdown)
        await context.log(f"Wrote lesson {place + 1} of {count}: {lesson.title}", words=len(markdown.split()))
    return markdown


async def _finish(
    context: JobContext, section_id: UUID, generation_id: UUID, outline: Outline, texts: dict[int, str]
) -> CourseResult:
    """Keep the course as a file, and store the draft version together with the job's success."""
    modules = modules_of(outline, texts)
    await context.artifact(zip_name(outline), course_zip(outline, modules), "application/zip")
    async with context.transaction() as session:
        version_id = await draft_version(session, section_id, modules)
        await queries.set_version(session, generation_id, version_id)
        result = CourseResult(title=outline.title, lessons=len(outline.lessons), version_id=version_id)
        await context.log(f"“{outline.title}” is there as a draft.")
        await context.succeed(session, result)
    return result


def _completion(context: JobContext, prompt: Prompt) -> CompletionRequest:
    return CompletionRequest(
        FEATURE, prompt, section_id=context.section_id, person_id=context.requested_by, job_id=context.job_id
    )


COURSE_GENERATE = Kind(
    "course_generate",
    CourseRequest,
    CourseResult,
    generate_course,
    Action.COURSE_GENERATE,
    requestable=True,
    title="Course generation",
    about="topic",
)
