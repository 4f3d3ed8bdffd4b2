"""Every state event and every API route, tried by everybody. A public method without its row here fails the suite."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import reflex as rx
from structlog.testing import capture_logs

from app.state.session import Session
from app.state.teach_transcripts import TeachTranscriptsState
from app.state.tutor import TutorState
from backend.access import SYSTEM
from backend.api import Guard, create_api
from backend.dialogue.models import TurnStatus
from backend.genai import Feature, read_model, resolve, save_model
from backend.jobs import JobStatus
from tests.support.jobs import add_job, job_of
from tests.support.loaves import add_attempt
from tests.support.replay import Replay
from tests.support.school import ROLES, School, begin_turn, change, converse, found_school, messages_of
from tests.support.tab import Tab, Told, running_app
from tests.support.tutoring import tutoring

OK, REFUSED, SIGN_IN = "ok", "refused", "sign in"
Outcomes = dict[str, str]


def only(*allowed: str, anonymous: str = SIGN_IN) -> Outcomes:
    """`allowed` may, the others are refused, nobody is sent to the sign-in page."""
    return {role: OK if role in allowed else REFUSED for role in ROLES} | {"anonymous": anonymous}


ANYONE = dict.fromkeys(ROLES, OK)
SIGNED_IN = only(*ROLES[1:])
READERS = only("student", "assistant", "instructor", "administrator")
MEMBERS = only("student", "assistant", "instructor")
OWNER = only("student")
INSTRUCTORS = only("instructor")
ADMINISTRATORS = only("administrator")
STAFF = only("assistant", "instructor", "administrator")
CONFIGURERS = only("instructor", "administrator")
TEACHERS = only("assistant", "instructor")
AUTHORS = only("instructor", "administrator")
OWN_JOB = only("student", "administrator")
NOTHING_TO_HIDE = ANYONE
"""It changes only what this tab shows of its own."""


@dataclass(slots=True)
class Stage:
    """The school, and a conversation of its student that somebody else may be after."""

    school: School
    conversation: UUID
    question: UUID
    answer: UUID
    turn: UUID | None = None
    model: UUID | None = None
    attempt: UUID | None = None
    """The student's, at the exercise."""
    job: UUID | None = None

    async def again(self) -> "Stage":
        """Another conversation like it, for the next who tries."""
        student, flour = self.school.members["student"], self.school.lessons["flour"]
        conversation = await converse(student, self.school.here, "Why flour?", "Gluten.", lesson_key=flour)
        question, answer = await messages_of(conversation)
        model = (await resolve(Feature.STUDENT_DIALOGUE)).models[0].id
        return Stage(self.school, conversation, question.id, answer.id, model=model)


@dataclass(frozen=True, slots=True)
class Case:
    """An event: what it is sent with, who may, and what must be there first."""

    outcomes: Outcomes
    payload: Callable[[Stage], dict[str, Any]] = lambda _: {}
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    in_conversation: bool = False
    """The tab's state is made to name the student's conversation, whoever's tab it is."""
    in_transcript: bool = False
    """The tab's state is made to show it as a transcript."""
    running: bool = False
    """An answer is being written in it."""
    with_model: bool = False
    """The tab's form is about a registered model, whoever's tab it is."""
    at_exercise: bool = False
    """The tab's state names the exercise, whoever's tab it is."""
    job: JobStatus | None = None
    """The address is that of a job of the student with this status."""

    @property
    def forged(self) -> bool:
        """Whether the tab's state is made to hold something before the event."""
        return self.in_conversation or self.in_transcript or self.with_model or self.at_exercise or self.job is not None


THE_JOB = UUID(int=7)
"""What the tab of `at_exercise` follows."""
HERE = (("section", "baking-autumn"),)
LESSON = (*HERE, ("lesson", "flour"))
TEACH = "/s/[section]/teach"
SETTINGS = f"{TEACH}/settings"
MODEL_FORM = {"name": "Changed", "provider": "null", "model": "null", "version": "1"}
AUTHOR = "/s/[section]/teach/author"
NEW_COURSE = {"topic": "Bread", "audience": "Bakers", "lessons": "2", "language": "en"}
NEW_SERVICE = (("service", "new"),)

EVENTS: dict[str, Case] = {
    "session.tell": Case(NOTHING_TO_HIDE, lambda _: {"text": "hello", "tone": "plain"}),
    "login_state.load": Case(ANYONE, path="/login"),
    "home_state.load": Case(SIGNED_IN),
    "section_state.load": Case(READERS, path="/s/[section]", query=HERE),
    "lesson_state.load": Case(READERS, path="/s/[section]/l/[lesson]", query=LESSON),
    "author_state.load": Case(AUTHORS, path=AUTHOR, query=HERE),
    "author_state.beat": Case(AUTHORS, path=AUTHOR, query=HERE),
    "author_state.show_older": Case(AUTHORS, path=AUTHOR, query=HERE),
    "author_state.show_newer": Case(AUTHORS, path=AUTHOR, query=HERE),
    "author_state.start": Case(AUTHORS, lambda _: {"values": NEW_COURSE}, path=AUTHOR, query=HERE),
    "author_state.renew": Case(NOTHING_TO_HIDE),
    "draft_state.load": Case(only(), path=f"{AUTHOR}/[draft]", query=(*HERE, ("draft", str(uuid4())))),
    "draft_state.beat": Case(only(), path=f"{AUTHOR}/[draft]", query=(*HERE, ("draft", str(uuid4())))),
    "account_state.load": Case(SIGNED_IN, path="/account"),
    "account_state.set_theme": Case(SIGNED_IN, lambda _: {"theme": "dark"}),
    "account_state.end": Case(only(), lambda _: {"session_id": str(uuid4())}),
    "chat_state.load": Case(READERS, path="/s/[section]/chat/[[conversation]]", query=HERE),
    "chat_state.search_for": Case(MEMBERS, lambda _: {"text": "bread"}, in_conversation=True),
    "chat_state.export": Case(READERS, in_conversation=True),
    "chat_state.show_more": Case(NOTHING_TO_HIDE),
    "chat_state.refresh": Case(MEMBERS, in_conversation=True),
    "chat_state.ask_rename": Case(NOTHING_TO_HIDE, lambda stage: {"conversation_id": str(stage.conversation)}),
    "chat_state.ask_delete": Case(NOTHING_TO_HIDE, lambda stage: {"conversation_id": str(stage.conversation)}),
    "chat_state.rename": Case(OWNER, lambda _: {"form": {"title": "Mine now"}}, in_conversation=True),
    "chat_state.delete": Case(OWNER, lambda stage: {"conversation_id": str(stage.conversation)}),
    "tutor_state.send": Case(OWNER, lambda _: {"text": "And salt?"}, in_conversation=True),
    "tutor_state.edit_message": Case(OWNER, lambda stage: {"message_id": str(stage.question), "text": "Why rye?"}),
    "tutor_state.regenerate_answer": Case(OWNER, lambda stage: {"message_id": str(stage.answer)}),
    "tutor_state.stop_turn": Case(OWNER, lambda stage: {"turn_id": str(stage.turn)}, running=True),
    "tutor_state.rate_answer": Case(
        OWNER, lambda stage: {"message_id": str(stage.answer), "rating": 1, "reason": "good"}
    ),
    "tutor_state.turn_ended": Case(OWNER, lambda _: {"turn_id": str(uuid4())}, in_conversation=True),
    "tutor_state.show_earlier": Case(OWNER, in_conversation=True),
    "tutor_state.new_conversation": Case(NOTHING_TO_HIDE),
    "models_state.load": Case(ADMINISTRATORS, path="/admin/models"),
    "models_state.search_for": Case(ADMINISTRATORS, lambda _: {"text": "gpt"}),
    "models_state.choose_provider": Case(ADMINISTRATORS, lambda _: {"provider": "openai"}),
    "models_state.choose_condition": Case(ADMINISTRATORS, lambda _: {"condition": "unused"}),
    "models_state.choose_order": Case(ADMINISTRATORS, lambda _: {"order": "newest"}),
    "models_state.show_more": Case(ADMINISTRATORS),
    "models_state.switch": Case(
        ADMINISTRATORS, lambda stage: {"model_id": str(stage.model), "version": 1, "enabled": False}, with_model=True
    ),
    "models_state.save_limits": Case(
        ADMINISTRATORS, lambda _: {"values": {"provider": "ollama", "version": "0", "max_concurrent": "3"}}
    ),
    "models_state.reload_limits": Case(ADMINISTRATORS, lambda _: {"provider": "ollama"}),
    "model_form_state.load": Case(ADMINISTRATORS, path="/admin/models/[model]", query=(("model", "new"),)),
    "model_form_state.save": Case(
        ADMINISTRATORS, lambda stage: {"values": MODEL_FORM | {"id": str(stage.model)}}, with_model=True
    ),
    "model_form_state.test": Case(
        ADMINISTRATORS, lambda stage: {"values": MODEL_FORM | {"id": str(stage.model)}}, with_model=True
    ),
    "model_form_state.reload": Case(ADMINISTRATORS, with_model=True),
    "model_form_state.delete": Case(ADMINISTRATORS, lambda stage: {"model_id": str(stage.model)}, with_model=True),
    "tutor_state.look_at_allowance": Case(MEMBERS, in_conversation=True),
    "limits_state.load": Case(ADMINISTRATORS, path="/admin/limits/[[section]]", query=HERE),
    "limits_state.search_for": Case(ADMINISTRATORS, lambda _: {"text": "baking"}),
    "limits_state.save": Case(ADMINISTRATORS, lambda _: {"values": {"messages_per_minute": "many"}}),
    "limits_state.reload": Case(ADMINISTRATORS),
    "limits_state.remove": Case(ADMINISTRATORS, lambda _: {"section_id": str(uuid4()), "version": "1"}),
    "services_state.load": Case(ADMINISTRATORS, path="/admin/services"),
    "services_state.search_for": Case(ADMINISTRATORS, lambda _: {"text": "chain"}),
    "services_state.sort_by": Case(ADMINISTRATORS, lambda _: {"key": "spent"}),
    "services_state.show_only": Case(ADMINISTRATORS, lambda _: {"which": "unused"}),
    "service_state.load": Case(ADMINISTRATORS, path="/admin/services/[service]", query=NEW_SERVICE),
    "service_state.save": Case(
        ADMINISTRATORS, lambda _: {"values": {"name": "x", "chain": '[["primary", "primary"]]'}}
    ),
    "service_state.reload": Case(ADMINISTRATORS, path="/admin/services/[service]", query=NEW_SERVICE),
    "service_state.delete": Case(ADMINISTRATORS, lambda _: {"service_id": str(uuid4()), "version": "1"}),
    "features_state.load": Case(ADMINISTRATORS, path="/admin/features"),
    "features_state.save": Case(
        ADMINISTRATORS, lambda _: {"values": {"student_dialogue": f"{uuid4()}:1:edited"}}, path="/admin/features"
    ),
    "features_state.reload": Case(ADMINISTRATORS, path="/admin/features"),
    "features_state.search": Case(SIGNED_IN, lambda _: {"text": "baking"}),
    "features_state.show_more": Case(ADMINISTRATORS, lambda _: {"feature": "student_dialogue"}),
    "features_state.look_up": Case(ADMINISTRATORS, lambda stage: {"section_id": str(stage.school.here.id)}),
    "teach_settings_state.load": Case(STAFF, path=SETTINGS, query=HERE),
    "teach_settings_state.save": Case(CONFIGURERS, lambda _: {"values": {"version": "1"}}, path=SETTINGS, query=HERE),
    "teach_settings_state.reload": Case(STAFF, path=SETTINGS, query=HERE),
    "teach_prompt_state.save": Case(
        CONFIGURERS, lambda _: {"values": {"number": "0", "text": "{course}"}}, path=SETTINGS, query=HERE
    ),
    "teach_prompt_state.reload": Case(STAFF, path=SETTINGS, query=HERE),
    "teach_prompt_state.reset_to_default": Case(CONFIGURERS, lambda _: {"number": "0"}, path=SETTINGS, query=HERE),
    "teach_prompt_state.preview": Case(
        only(anonymous=REFUSED), lambda _: {"values": {"text": "{course}"}}, path=SETTINGS, query=HERE
    ),
    "teach_prompt_state.choose_lesson": Case(
        only(anonymous=REFUSED), lambda stage: {"key": str(stage.school.lessons["flour"])}, path=SETTINGS, query=HERE
    ),
    "teach_prompt_state.look_at": Case(STAFF, lambda _: {"number": 1}, path=SETTINGS, query=HERE),  # that save made
    "teach_prompt_state.look_away": Case(NOTHING_TO_HIDE),
    "teach_prompt_state.restore": Case(only(), lambda _: {"number": 9, "newest": "1"}, path=SETTINGS, query=HERE),
    "teach_limits_state.save": Case(CONFIGURERS, lambda _: {"values": {"version": ""}}, path=SETTINGS, query=HERE),
    "teach_limits_state.reload": Case(STAFF, path=SETTINGS, query=HERE),
    "teach_privacy_state.save": Case(
        only("instructor"), lambda _: {"values": {"version": "0", "transcripts": "off"}}, path=SETTINGS, query=HERE
    ),
    "teach_privacy_state.reload": Case(STAFF, path=SETTINGS, query=HERE),
    "teaching_state.load": Case(SIGNED_IN),
    "teach_overview_state.load": Case(STAFF, path=TEACH, query=HERE),
    "teach_overview_state.choose_measure": Case(NOTHING_TO_HIDE, lambda _: {"measure": "active"}),
    "teach_recommendation_state.look": Case(STAFF, path=TEACH, query=HERE),
    "teach_recommendation_state.ask": Case(only("instructor"), path=TEACH, query=HERE),
    "teach_recommendation_state.rate": Case(only(anonymous=REFUSED), lambda _: {"rating": 1}, path=TEACH, query=HERE),
    "teach_recommendation_state.comment": Case(
        only(anonymous=REFUSED), lambda _: {"form": {"comment": "x"}}, path=TEACH, query=HERE
    ),
    "teach_questions_state.load": Case(TEACHERS, path=f"{TEACH}/questions", query=HERE),
    "teach_questions_state.search_for": Case(TEACHERS, lambda _: {"text": "x"}, path=f"{TEACH}/questions", query=HERE),
    "teach_questions_state.show_more": Case(TEACHERS, path=f"{TEACH}/questions", query=HERE),
    "teach_questions_state.resolve": Case(
        only(),
        lambda stage: {"message_id": str(stage.question), "resolved": True},
        path=f"{TEACH}/questions",
        query=HERE,
    ),
    "teach_ask_state.load": Case(STAFF, path=f"{TEACH}/ask/[[conversation]]", query=HERE),
    "teach_ask_state.refresh": Case(NOTHING_TO_HIDE),
    "teach_students_state.load": Case(TEACHERS, path=f"{TEACH}/students", query=HERE),
    "teach_students_state.search_for": Case(NOTHING_TO_HIDE, lambda _: {"text": "Ada"}),
    "teach_students_state.choose_kind": Case(NOTHING_TO_HIDE, lambda _: {"kind": "silent"}),
    "teach_students_state.sort_by": Case(NOTHING_TO_HIDE, lambda _: {"column": "name"}),
    "teach_transcripts_state.load": Case(TEACHERS, path=f"{TEACH}/transcripts", query=HERE),
    "teach_transcripts_state.search_for": Case(
        TEACHERS, lambda _: {"pseudonym": "x"}, path=f"{TEACH}/transcripts", query=HERE
    ),
    "teach_transcripts_state.show_more": Case(TEACHERS, path=f"{TEACH}/transcripts", query=HERE),
    "teach_transcripts_state.ask_why": Case(NOTHING_TO_HIDE),
    "teach_transcripts_state.never_mind": Case(NOTHING_TO_HIDE),
    "teach_transcripts_state.reveal": Case(
        only("instructor"),
        lambda _: {"form": {"reason": "She asked for help."}},
        path=f"{TEACH}/transcripts",
        query=HERE,
        in_transcript=True,
    ),
    "teach_cost_state.load": Case(STAFF, path=f"{TEACH}/cost", query=HERE),
    "usage_state.load": Case(ADMINISTRATORS, path="/admin/usage"),
    "usage_state.in_zone": Case(ADMINISTRATORS, lambda _: {"zone": "Europe/Paris"}, path="/admin/usage"),
    "usage_state.choose_range": Case(ADMINISTRATORS, lambda _: {"preset": "7"}),
    "usage_state.choose_days": Case(ADMINISTRATORS, lambda _: {"form": {"from": "2026-03-01", "to": "2026-03-02"}}),
    "usage_state.choose_by": Case(ADMINISTRATORS, lambda _: {"by": "person"}),
    "usage_state.choose_measure": Case(ADMINISTRATORS, lambda _: {"measure": "tokens"}),
    "usage_state.pick": Case(only(anonymous=REFUSED), lambda _: {"key": "student_dialogue"}),
    "usage_state.pick_day": Case(only(anonymous=REFUSED), lambda _: {"day": "2026-03-01"}),
    "usage_state.drop": Case(ADMINISTRATORS, lambda _: {"by": "day"}),
    "usage_state.show_unpriced": Case(ADMINISTRATORS),
    "usage_state.search_for": Case(NOTHING_TO_HIDE, lambda _: {"text": "Ada"}),
    "usage_state.sort_by": Case(NOTHING_TO_HIDE, lambda _: {"column": "cost"}),
    "usage_state.show_more": Case(NOTHING_TO_HIDE),
    "audit_state.load": Case(ADMINISTRATORS, path="/admin/audit"),
    "audit_state.search_for": Case(ADMINISTRATORS, lambda _: {"text": "Tutor"}),
    "audit_state.choose_kind": Case(ADMINISTRATORS, lambda _: {"kind": "model"}),
    "audit_state.show_older": Case(NOTHING_TO_HIDE),
    "exercise_state.run_code": Case(
        READERS, lambda stage: {"key": str(stage.school.exercise), "code": "pass"}, at_exercise=True
    ),
    "exercise_state.submit_code": Case(
        OWNER, lambda stage: {"key": str(stage.school.exercise), "code": "pass"}, at_exercise=True
    ),
    "exercise_state.job_ended": Case(
        READERS, lambda stage: {"key": str(stage.school.exercise), "job_id": str(THE_JOB)}, at_exercise=True
    ),
    "exercise_state.show_attempt": Case(
        MEMBERS,
        lambda stage: {"key": str(stage.school.exercise), "submission_id": str(stage.attempt)},
        at_exercise=True,
    ),
    "exercise_terms_state.save": Case(
        INSTRUCTORS, lambda stage: {"values": {"key": str(stage.school.exercise), "version": "0"}}, at_exercise=True
    ),
    "exercise_terms_state.reload": Case(INSTRUCTORS, at_exercise=True),
    "sandbox_state.load": Case(ADMINISTRATORS, path="/admin/sandbox"),
    "sandbox_state.search_for": Case(ADMINISTRATORS, lambda _: {"text": "ada"}),
    "sandbox_state.choose_verdict": Case(ADMINISTRATORS, lambda _: {"verdict": "accepted"}),
    "sandbox_state.choose_period": Case(ADMINISTRATORS, lambda _: {"period": "day"}),
    "sandbox_state.show_older": Case(NOTHING_TO_HIDE),
    "jobs_state.load": Case(SIGNED_IN, path="/jobs"),
    "jobs_state.beat": Case(SIGNED_IN, path="/jobs"),
    "jobs_state.choose_status": Case(SIGNED_IN, lambda _: {"status": "dead"}, path="/jobs"),
    "jobs_state.choose_kind": Case(SIGNED_IN, lambda _: {"kind": "export"}, path="/jobs"),
    "jobs_state.show_older": Case(SIGNED_IN, path="/jobs"),
    "jobs_state.show_newer": Case(SIGNED_IN, path="/jobs"),
    "job_state.load": Case(OWN_JOB, job=JobStatus.QUEUED),
    "job_state.refresh": Case(OWN_JOB, job=JobStatus.QUEUED),
    "job_state.cancel": Case(OWN_JOB, job=JobStatus.QUEUED),
    "job_state.retry": Case(OWN_JOB, job=JobStatus.DEAD),
    "job_state.show_earlier": Case(OWN_JOB, job=JobStatus.QUEUED),
    "home_state.look_at_jobs": Case(SIGNED_IN),
    "job_news_state.look": Case(ANYONE),
    "jobs_admin_state.load": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.beat": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.choose_status": Case(ADMINISTRATORS, lambda _: {"status": "dead"}, path="/admin/jobs"),
    "jobs_admin_state.show_dead": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.choose_kind": Case(ADMINISTRATORS, lambda _: {"kind": "export"}, path="/admin/jobs"),
    "jobs_admin_state.choose_lane": Case(ADMINISTRATORS, lambda _: {"lane": "io"}, path="/admin/jobs"),
    "jobs_admin_state.search_person": Case(ADMINISTRATORS, lambda _: {"text": "Ada"}, path="/admin/jobs"),
    "jobs_admin_state.search_section": Case(ADMINISTRATORS, lambda _: {"text": "baking"}, path="/admin/jobs"),
    "jobs_admin_state.show_older": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.show_newer": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.retry": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.cancel": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.discard": Case(ADMINISTRATORS, path="/admin/jobs"),
    "jobs_admin_state.resume": Case(ADMINISTRATORS, lambda _: {"subject": "lane:io"}, path="/admin/jobs"),
    "jobs_admin_state.pause": Case(ADMINISTRATORS, lambda _: {"subject": "lane:io"}, path="/admin/jobs"),
    "jobs_admin_state.select": Case(NOTHING_TO_HIDE, lambda _: {"job_id": str(uuid4()), "on": True}),
    "jobs_admin_state.select_page": Case(NOTHING_TO_HIDE, lambda _: {"on": True}),
    "jobs_admin_state.clear_selection": Case(NOTHING_TO_HIDE),
    "jobs_admin_state.choose_to_pause": Case(NOTHING_TO_HIDE, lambda _: {"subject": "lane:io"}),
    "health_state.load": Case(ADMINISTRATORS, path="/admin/health"),
    "health_state.beat": Case(ADMINISTRATORS, path="/admin/health"),
    "health_state.take_out": Case(ADMINISTRATORS, lambda stage: {"model_id": str(stage.model)}),
    "health_state.put_back": Case(ADMINISTRATORS, lambda stage: {"model_id": str(stage.model)}),
}


def states() -> list[type[rx.State]]:
    found: list[type[rx.State]] = [Session]
    for cls in found:
        found += cls.__subclasses__()
    return found


def event_names() -> set[str]:
    """Every public event of ours. Reflex adds `setvar` to each state; a test below shows that it sets nothing."""
    return {
        f"{cls.get_name().rpartition('____')[2]}.{name}" for cls in states() for name in cls.event_handlers
    } - {f"{cls.get_name().rpartition('____')[2]}.setvar" for cls in states()}  # fmt: skip


def full_name(event: str) -> str:
    state, _, handler = event.partition(".")
    cls = next(each for each in states() if each.get_name().endswith(f"____{state}"))
    return f"{cls.get_full_name()}.{handler}"


def outcome(told: Told) -> str:
    if told.redirect.startswith("/login"):
        return SIGN_IN
    return REFUSED if told.refusal else OK


def test_every_event_has_its_row() -> None:
    assert event_names() == set(EVENTS)


@pytest.fixture
async def stage(services: None) -> AsyncIterator[Stage]:
    async with Replay.openai("Knead it.") as replay, tutoring(replay), running_app():
        nothing = uuid4()
        yield await Stage(await found_school(), nothing, nothing, nothing).again()


@pytest.mark.parametrize("state", sorted({event.partition(".")[0] for event in EVENTS}))
async def test_events(state: str, stage: Stage) -> None:
    events = [event for event in EVENTS if event.startswith(f"{state}.")]
    outcomes = {event: await outcomes_of(event, stage) for event in events}
    assert outcomes == {event: EVENTS[event].outcomes for event in events}


async def outcomes_of(event: str, stage: Stage) -> Outcomes:
    """What becomes of it for each role. Who may can have changed the conversation; then the next gets another."""
    stage, outcomes = await stage.again(), {}
    for role in ROLES:
        outcomes[role] = await outcome_of(event, role, stage)
        if outcomes[role] == OK or EVENTS[event].running:
            stage = await stage.again()
    return outcomes


async def outcome_of(event: str, role: str, stage: Stage) -> str:
    case = EVENTS[event]
    if case.running:
        turn = await begin_turn(stage.conversation)
        stage.turn = turn.id
    tab = Tab()
    await tab.connect(stage.school.cookie(role))
    if case.forged:
        await tab.load("/404")  # or the state begins anew with the event
    if case.in_conversation:
        await point_at_the_students(tab, stage)
    if case.in_transcript:
        async with tab.held(TeachTranscriptsState) as transcripts:
            transcripts.opened = str(stage.conversation)
    if case.with_model:
        await point_at_a_model(tab, stage)
    if case.at_exercise:
        await point_at_the_exercise(tab, stage)
    tab._path, tab._query = case.path, dict(case.query)
    if case.job:
        await point_at_the_students_job(tab, stage, case.job)
    told = await tab.send(full_name(event), **case.payload(stage))
    if outcome(told) != OK:
        assert "Gluten." not in told.wire
        await the_students_conversation_is_untouched(stage)
        await the_model_is_untouched(stage)
        if stage.job:
            assert (await job_of(stage.job)).status == case.job
    return outcome(told)


async def point_at_the_students(tab: Tab, stage: Stage) -> None:
    """What a tab's state can never hold of somebody else's, held all the same."""
    from app.state.chat import ChatState

    async with tab.held(TutorState) as tutor:
        tutor._section_id, tutor._lesson_key = stage.school.here.id, stage.school.lessons["flour"]
        tutor.conversation_id = str(stage.conversation)
        tutor.messages = [{"id": str(stage.answer)}]
    async with tab.held(ChatState) as chat:
        chat.renaming, chat.slug = str(stage.conversation), "baking-autumn"


async def point_at_the_students_job(tab: Tab, stage: Stage, status: JobStatus) -> None:
    from app.state.job import JobState

    stage.job = await add_job(stage.school.members["student"].id, status)
    tab._path, tab._query = "/jobs/[job]", {"job": str(stage.job)}
    async with tab.held(JobState) as job:
        job.lines = [{"sequence": 5, "at": "", "level": "info", "message": ""}]


async def point_at_a_model(tab: Tab, stage: Stage) -> None:
    from app.state.model_form import ModelFormState

    form = {"name": f"Model {uuid4()}", "provider": "null", "model": "null"}
    stage.model = (await save_model(SYSTEM, None, None, form)).id
    async with tab.held(ModelFormState) as held:
        held.subject = str(stage.model)


async def point_at_the_exercise(tab: Tab, stage: Stage) -> None:
    from app.state.exercise import ExerciseState
    from app.state.exercise_terms import ExerciseTermsState

    key, here = stage.school.exercise, stage.school.here.id
    stage.attempt = await add_attempt(here, key, stage.school.members["student"].id)
    async with tab.held(ExerciseState) as held:
        held._section_id = here
        held.items = {str(key): {"work": {"purpose": "submit", "job_id": str(THE_JOB)}, "outcome": None}}
    async with tab.held(ExerciseTermsState) as held:
        held._section_id, held.forms = here, {str(key): {}}


async def the_model_is_untouched(stage: Stage) -> None:
    if stage.model is not None:
        form = await read_model(SYSTEM, stage.model)
        assert (form.version, form.values["enabled"]) == (1, "true")


async def the_students_conversation_is_untouched(stage: Stage) -> None:
    standing = [each for each in await messages_of(stage.conversation) if each.id != stage.turn]
    kept = {each.id: each for each in standing}
    assert kept[stage.question].content == "Why flour?"
    assert kept[stage.question].replaced_by is None
    assert kept[stage.answer].replaced_by is None
    assert kept[stage.answer].rating is None


async def test_nobody_sets_a_var_from_outside(stage: Stage) -> None:
    tab = Tab()
    await tab.connect(stage.school.cookie("student"))
    await tab.load("/404")
    update_vars = "reflex___state____state.reflex___state____update_vars_internal_state.update_vars_internal"
    tried = 0
    with capture_logs():  # each failure is logged with its traceback, which takes longer than the event
        for cls in states():
            name = cls.get_full_name()
            for var in [each for each, field in cls.__fields__.items() if field._owner is cls]:
                await tab.send(f"{name}.setvar", var_name=var, value="forged")
                await tab.send(update_vars, vars={f"{name}.{var}": "forged"})
                tried += 1
    assert tried > 40
    assert "forged" not in str(await tab.state())


# The API. Refusals are status codes: 401 for nobody, 403 or 404 for somebody who may not.


@dataclass(frozen=True, slots=True)
class Route:
    """A route: how it is called, and who may."""

    outcomes: Outcomes
    body: Callable[[Stage], dict[str, Any] | None] = lambda _: None
    form: Callable[[Stage], dict[str, Any] | None] = lambda _: None
    query: Mapping[str, str] = field(default_factory=dict)
    leads_to: str = ""
    running: bool = False
    job: JobStatus | None = None
    """The student has a job with this status."""


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/health"): Route(ANYONE),
    ("GET", "/api/metrics"): Route(only("administrator")),
    ("GET", "/api/docs"): Route(ANYONE),
    ("GET", "/api/openapi.json"): Route(ANYONE),
    ("POST", "/api/sign-in"): Route(
        ANYONE,
        form=lambda stage: {
            "email": stage.school.members["student"].email,
            "password": "correct horse battery",
            "next": "/account",
        },
        leads_to="/account",
    ),
    ("POST", "/api/sign-out"): Route(ANYONE, leads_to="/login"),
    ("POST", "/api/v1/session"): Route(
        ANYONE, lambda stage: {"email": stage.school.members["student"].email, "password": "correct horse battery"}
    ),
    ("GET", "/api/v1/session"): Route(SIGNED_IN),
    ("DELETE", "/api/v1/session"): Route(ANYONE),
    ("POST", "/api/v1/turns"): Route(MEMBERS, lambda _: {"section": "baking-autumn", "text": "Why salt?"}),
    ("POST", "/api/v1/turns/{turn_id}/stop"): Route(OWNER, running=True),
    ("GET", "/api/v1/turns/{turn_id}/events"): Route(OWNER, running=True),
    ("GET", "/api/v1/conversations/{conversation_id}"): Route(OWNER),
    ("POST", "/api/v1/jobs"): Route(READERS, lambda _: {"kind": "export", "section": "baking-autumn"}),
    ("GET", "/api/v1/jobs"): Route(SIGNED_IN),
    ("GET", "/api/v1/jobs/{job_id}"): Route(OWN_JOB, job=JobStatus.FAILED),
    ("POST", "/api/v1/jobs/{job_id}/cancel"): Route(OWN_JOB, job=JobStatus.QUEUED),
    ("POST", "/api/v1/jobs/{job_id}/retry"): Route(OWN_JOB, job=JobStatus.FAILED),
    # The owner's job has no such file either; tests/hostile/test_jobs_api.py downloads one.
    ("GET", "/api/v1/jobs/{job_id}/artifacts/{name}"): Route(only(), job=JobStatus.FAILED),
    ("GET", "/api/v1/jobs/{job_id}/events"): Route(OWN_JOB, job=JobStatus.FAILED),
    ("GET", "/api/v1/sandbox/runs.jsonl"): Route(ADMINISTRATORS),
    ("GET", "/api/v1/usage.csv"): Route(ADMINISTRATORS, query={"from": "2026-03-01", "to": "2026-03-02"}),
    ("GET", "/api/v1/sections/{section}/cost.csv"): Route(
        only("assistant", "instructor", "administrator"), query={"from": "2026-03-01", "to": "2026-03-02"}
    ),
}


def test_every_route_has_its_row() -> None:
    api = create_api()
    described = {(method.upper(), path) for path, methods in api.openapi()["paths"].items() for method in methods}
    assert served(api.routes) | described == set(ROUTES)


def served(routes: Iterable[Any], prefix: str = "") -> set[tuple[str, str]]:
    """Every method and path, those that the documentation leaves out too; static files aside."""
    found: set[tuple[str, str]] = set()
    for route in routes:
        if router := getattr(route, "original_router", None):
            found |= served(router.routes, "/api")
        found |= {(method, prefix + route.path) for method in getattr(route, "methods", None) or () if method != "HEAD"}
    return found


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
async def test_route(method: str, path: str, stage: Stage) -> None:
    outcomes = {role: await route_outcome_of(method, path, role, await stage.again()) for role in ROLES}
    assert outcomes == ROUTES[method, path].outcomes


async def route_outcome_of(method: str, path: str, role: str, stage: Stage) -> str:
    route = ROUTES[method, path]
    if route.running:
        turn = await begin_turn(stage.conversation)
        await change(type(turn), turn.id, status=TurnStatus.STOPPED)
        stage.turn = turn.id
    transport = httpx2.ASGITransport(app=Guard(create_api()))
    job = await add_job(stage.school.members["student"].id, route.job) if route.job else None
    address = path.format(
        turn_id=stage.turn,
        conversation_id=stage.conversation,
        job_id=job,
        name="a.txt",
        section=stage.school.here.slug,
    )
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
        response = await client.request(
            method,
            address,
            json=route.body(stage),
            data=route.form(stage),
            params=route.query,
            headers={"cookie": stage.school.cookie(role)},
        )
    assert response.headers.get("location", "") == route.leads_to
    if (found := answered(response.status_code)) != OK:
        assert "Gluten." not in response.text
        assert set(response.json()["error"]) == {"code", "message"}
    return found


def answered(status: int) -> str:
    if status == 401:
        return SIGN_IN
    return REFUSED if status in {403, 404} else OK if status < 400 else str(status)
