"""The Reflex app: pages, the API beside them, and the guard around both."""

from pathlib import Path

import reflex as rx
from reflex.utils import prerequisites
from reflex_base import constants
from starlette.types import ASGIApp

from app import theme
from app.components.boundary import boundary
from app.components.frame import framed
from app.pages.account import account
from app.pages.audit import audit
from app.pages.author import author
from app.pages.chat import chat
from app.pages.draft import draft
from app.pages.features import features
from app.pages.health import health
from app.pages.home import home
from app.pages.job import job
from app.pages.jobs import jobs
from app.pages.jobs_admin import jobs_admin
from app.pages.lesson import lesson
from app.pages.limits import limits
from app.pages.login import login
from app.pages.model import model
from app.pages.models import models
from app.pages.not_found import not_found
from app.pages.sandbox import sandbox
from app.pages.section import section
from app.pages.service import service
from app.pages.services import services
from app.pages.teach_ask import teach_ask
from app.pages.teach_cost import teach_cost
from app.pages.teach_overview import teach_overview
from app.pages.teach_questions import teach_questions
from app.pages.teach_settings import teach_settings
from app.pages.teach_students import teach_students
from app.pages.teach_transcripts import teach_transcripts
from app.pages.usage import usage
from app.state.account import AccountState
from app.state.audit import AuditState
from app.state.author import AuthorState
from app.state.chat import ChatState
from app.state.draft import DraftState
from app.state.features import FeaturesState
from app.state.health import HealthState
from app.state.home import HomeState
from app.state.job import JobState
from app.state.jobs import JobsState
from app.state.jobs_admin import JobsAdminState
from app.state.lesson import LessonState
from app.state.limits import LimitsState
from app.state.login import LoginState
from app.state.model_form import ModelFormState
from app.state.models import ModelsState
from app.state.sandbox import SandboxState
from app.state.section import SectionState
from app.state.service import ServiceState
from app.state.services import ServicesState
from app.state.session import Identity, explain
from app.state.teach_ask import TeachAskState
from app.state.teach_cost import TeachCostState
from app.state.teach_overview import TeachOverviewState
from app.state.teach_questions import TeachQuestionsState
from app.state.teach_settings import TeachSettingsState
from app.state.teach_students import TeachStudentsState
from app.state.teach_transcripts import TeachTranscriptsState
from app.state.teaching import TeachingState
from app.state.tutor import TutorState
from app.state.usage import UsageState
from backend.api import Guard, create_api, lifespan, page_script_hashes
from backend.wiring import register_job_kinds, register_tools

DESCRIPTION = "Courses with a tutor that knows them."
STYLESHEETS = ["/stoa.css"]


def guard(inner: ASGIApp) -> ASGIApp:
    """Security headers and checks around pages, websocket and API."""
    build = Path(prerequisites.get_web_dir()) / constants.Dirs.STATIC
    return Guard(inner, page_script_hashes(build) if build.exists() else ())


app = rx.App(
    stylesheets=STYLESHEETS,
    head_components=[
        rx.el.style(theme.tokens_css()),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
    ],
    html_lang="en",
    api_transformer=[create_api(), guard],
    backend_exception_handler=explain,
    app_wraps={(55, "ErrorBoundary"): lambda _: boundary()},
    toaster=None,
)
app.add_middleware(Identity(), index=0)
app.register_lifespan_task(lifespan)
register_job_kinds()
register_tools()


def titled(subject: rx.Var[str], until_known: str) -> rx.Var[str]:
    """A page's title: what it is about, with the course, or its kind until that is known."""
    return rx.cond(subject != "", f"{subject} · {SectionState.course} · Stoa", f"{until_known} · Stoa")


def taught(tab: str) -> rx.Var[str]:
    """The title of an instructors' page."""
    return rx.cond(SectionState.course != "", f"{tab} · {SectionState.course} · Stoa", f"{tab} · Stoa")


MODEL_TITLE = rx.cond(ModelFormState.title != "", f"{ModelFormState.title} · Models · Stoa", "Register a model · Stoa")

PAGES = (
    (login, "/login", "Sign in · Stoa", LoginState.load),
    (home, "/", "My courses · Stoa", [HomeState.load, TeachingState.load]),
    (section, "/s/[section]", titled(SectionState.title, "Course"), SectionState.load),
    (lesson, "/s/[section]/l/[lesson]", titled(LessonState.title, "Lesson"), LessonState.load),
    (chat, "/s/[section]/chat/[[conversation]]", titled(TutorState.title, "Tutor"), ChatState.load),
    (teach_overview, "/s/[section]/teach", taught("Teach"), TeachOverviewState.load),
    (teach_questions, "/s/[section]/teach/questions", taught("Questions"), TeachQuestionsState.load),
    (teach_ask, "/s/[section]/teach/ask/[[conversation]]", taught("Ask"), TeachAskState.load),
    (teach_students, "/s/[section]/teach/students", taught("Students"), TeachStudentsState.load),
    (teach_transcripts, "/s/[section]/teach/transcripts", taught("Transcripts"), TeachTranscriptsState.load),
    (teach_cost, "/s/[section]/teach/cost", taught("Cost"), TeachCostState.load),
    (teach_settings, "/s/[section]/teach/settings", taught("Settings"), TeachSettingsState.load),
    (author, "/s/[section]/teach/author", titled(AuthorState.title, "Author"), AuthorState.load),
    (draft, "/s/[section]/teach/author/[draft]", titled(DraftState.title, "Draft"), DraftState.load),
    (account, "/account", "Account · Stoa", AccountState.load),
    (jobs, "/jobs", "My jobs · Stoa", JobsState.load),
    (job, "/jobs/[job]", rx.cond(JobState.title != "", f"{JobState.title} · Stoa", "Job · Stoa"), JobState.load),
    (models, "/admin/models", "Models · Stoa", ModelsState.load),
    (model, "/admin/models/[model]", MODEL_TITLE, ModelFormState.load),
    (services, "/admin/services", "Service configs · Stoa", ServicesState.load),
    (
        service,
        "/admin/services/[service]",
        rx.cond(ServiceState.title != "", f"{ServiceState.title} · Stoa", "Service config · Stoa"),
        ServiceState.load,
    ),
    (limits, "/admin/limits/[[section]]", "Limits · Stoa", LimitsState.load),
    (features, "/admin/features", "Features · Stoa", FeaturesState.load),
    (jobs_admin, "/admin/jobs", "Jobs · Stoa", JobsAdminState.load),
    (health, "/admin/health", "Health · Stoa", HealthState.load),
    (usage, "/admin/usage", "Usage and cost · Stoa", UsageState.load),
    (sandbox, "/admin/sandbox", "Sandbox · Stoa", SandboxState.load),
    (audit, "/admin/audit", "Audit · Stoa", AuditState.load),
)
for view, route, title, on_load in PAGES:
    app.add_page(framed(view()), route=route, title=title, description=DESCRIPTION, on_load=on_load)
app.add_page(framed(not_found()), route="404", title="Not found · Stoa", description=DESCRIPTION)
