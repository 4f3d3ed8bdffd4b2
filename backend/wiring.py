"""The composition point: sees every package below it and puts them together."""

import os
import secrets
from dataclasses import dataclass
from importlib import import_module

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from backend import authoring, dialogue, genai, grading, insights, jobs, sandbox, storage
from backend.access import Role, enrol, ensure_person
from backend.core.database import transaction
from backend.core.settings import get_settings
from backend.courses import ensure_course, ensure_section
from backend.courses.demo import demo_courses
from backend.courses.models import Section
from backend.insights.demo import seed_activity

TABLE_MODULES = (
    "backend.access.models",
    "backend.courses.models",
    "backend.genai.models",
    "backend.sandbox.models",
    "backend.jobs.models",
    "backend.grading.models",
    "backend.dialogue.models",
    "backend.authoring.models",
    "backend.insights.models",
)

JOB_KINDS: tuple[jobs.Kind, ...] = (
    jobs.ARTIFACT_CLEANUP,
    dialogue.EXPORT,
    authoring.COURSE_GENERATE,
    *grading.JOB_KINDS,
    *insights.JOB_KINDS,
)
"""Every kind of job there is; handlers live with their subject."""

DEMO_SECTIONS = {
    "introductory-python": (("python-autumn", "Autumn", "Europe/London"), ("python-evening", "Evening", "Asia/Tokyo")),
    "general-chemistry": (
        ("chemistry-autumn", "Autumn", "America/New_York"),
        ("chemistry-evening", "Evening", "Europe/Berlin"),
    ),
}
DEMO_PEOPLE = {
    "student": ("Ada Byrne", "Benjamin Okafor", "Chiara Rossi", "Daniel Novak", "Emi Tanaka"),
    "assistant": ("Farid Haddad", "Grace Lindqvist", "Hugo Martins", "Ines Calder", "Jonas Weber"),
    "instructor": ("Katya Orlova", "Liam Chen", "Mara Silva", "Nikhil Rao", "Olive Bennett"),
    "administrator": ("Pia Andersson", "Quentin Moreau", "Rosa Iglesias", "Samir Nasser", "Tove Dahl"),
}
ADMINISTRATOR = "administrator"
SIGN_INS_FILE = "demo-sign-ins.txt"


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """An account of the demo, as it is shown once."""

    role: str
    name: str
    email: str
    password: str


def load_tables() -> None:
    """Import every table, so that the metadata is complete."""
    for module in TABLE_MODULES:
        import_module(module)


DIALOGUE_TOOLS = (dialogue.RUN_PYTHON, *insights.DASHBOARD_TOOLS)
"""What models may do while they answer; tools live with their subject."""


def register_tools() -> None:
    """Make every dialogue tool known to this process."""
    for tool in DIALOGUE_TOOLS:
        dialogue.register_tool(tool)


def register_job_kinds() -> None:
    """Make every kind of job known to this process."""
    for kind in JOB_KINDS:
        jobs.register(kind)


async def work(lane: jobs.Lane) -> None:
    """Do jobs of a lane until asked to stop."""
    register_job_kinds()
    genai.use_pool("worker")
    if lane is jobs.Lane.CPU:
        await sandbox.get_sandbox().start()
    try:
        await jobs.work(lane, storage)
    finally:
        await sandbox.close_sandbox()
        await genai.close_providers()


async def seed_configuration() -> None:
    """Register what the environment names; see `genai.seed_configuration`."""
    await genai.seed_configuration()


async def seed_demo() -> list[DemoSignIn]:
    """Create what is missing of the demo: two courses, two sections each, five people per role, gentle limits.

    Returns the sign-ins of the people it made, so an empty list means that all were there. They share one random
    password, which is kept in the data directory too.
    """
    async with transaction() as session:
        sections = await _seed_courses(session)
        made = await _seed_people(session, sections)
        await genai.seed_demo_limits(session)
    if made:
        _keep(made)
    return made


async def seed_demo_activity() -> list[str]:
    """Let a term have happened in the demo's sections that are there and have no conversations; their slugs.

    The same each time on the same day. The first rollup counts it; until then figures are counted when they are read.
    """
    seeded = []
    for slug in (slug for runs in DEMO_SECTIONS.values() for slug, _, _ in runs):
        async with transaction() as session:
            section = (await session.exec(select(Section).where(Section.slug == slug))).one_or_none()
            if section and await seed_activity(session, section.id, slug, section.timezone, section.version_id):
                seeded.append(slug)
    return seeded


async def _seed_courses(session: AsyncSession) -> list[list[Section]]:
    """The demo's sections, by course."""
    found = []
    for text in demo_courses():
        course, version = await ensure_course(session, text)
        found.append(
            [
                await ensure_section(session, course, version.id, slug, title, timezone)
                for slug, title, timezone in DEMO_SECTIONS[text.slug]
            ]
        )
    return found


async def _seed_people(session: AsyncSession, sections: list[list[Section]]) -> list[DemoSignIn]:
    """People of every role, each in one section of each course; administrators in none."""
    given = get_settings().demo_password
    password = given.get_secret_value() if given else f"stoa-{secrets.token_hex(5)}"
    made = []
    for role, names in DEMO_PEOPLE.items():
        for place, name in enumerate(names):
            sign_in = DemoSignIn(role, name, f"{name.split()[0].lower()}@example.org", password)
            person, is_new = await ensure_person(
                session, sign_in.email, name, password, is_administrator=role == ADMINISTRATOR
            )
            if is_new:
                made.append(sign_in)
                for runs in sections if role != ADMINISTRATOR else ():
                    await enrol(session, person, runs[place % len(runs)].id, Role(role))
    return made


def _keep(made: list[DemoSignIn]) -> None:
    """Write the sign-ins where only the operator reads them: they are printed once."""
    data_dir = get_settings().data_dir
    data_dir.mkdir(parents=True, exist_ok=True)
    lines = [f"{each.role:14} {each.email:28} {each.password}" for each in made]
    descriptor = os.open(data_dir / SIGN_INS_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
