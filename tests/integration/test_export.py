"""Exports: one's own conversations and nobody else's, as files that every archive program takes."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID

import pytest

from backend import storage
from backend.dialogue import EXPORT, start_export
from backend.dialogue.models import Message
from backend.jobs import JobStatus, list_artifacts, read_job, register
from tests.support.jobs import reaches, working
from tests.support.school import School, change, converse, found_school, messages_of

SECRET = "what another student asked"


@pytest.fixture
async def school(services: None, object_storage: str) -> School:
    register(EXPORT)
    await storage.ensure_bucket()
    return await found_school()


async def exported(school: School, role: str = "student", section: UUID | None = None) -> zipfile.ZipFile:
    """The zip that a person gets, checked as a whole."""
    actor = await school.actor(role)
    job_id = await start_export(actor, section or school.here.id)
    async with working(store=storage):
        await reaches(job_id)
    job = await read_job(actor, job_id)
    assert job.status == JobStatus.SUCCEEDED, job.error_message
    (made,) = await list_artifacts(actor, job_id)
    data = await storage.get_bytes(made.key, 10_000_000)
    assert (made.size, job.result["size"] if job.result else 0) == (len(data), len(data))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


def manifest_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    return dict(json.loads(archive.read("manifest.json")))


async def test_the_own_conversations_of_the_section_and_nothing_else(school: School) -> None:
    student = school.members["student"]
    first = await converse(student, school.here, "Why flour?", "Gluten.", lesson_key=school.lessons["flour"])
    await converse(student, school.here, "Why yeast?", "Gas.")
    await converse(student, school.elsewhere, "elsewhere", "Not asked for.")
    for role in ("assistant", "instructor", "student_elsewhere"):
        await converse(school.members[role], school.here, SECRET, SECRET)
    archive = await exported(school)
    manifest = manifest_of(archive)
    assert manifest["person"] == {"name": "Student", "email": student.email}
    assert [each["messages"] for each in manifest["conversations"]] == [2, 2]
    listed = [name for each in manifest["conversations"] for name in each["files"]]
    assert sorted(archive.namelist()) == sorted([*listed, "manifest.json"])
    everything = "".join(archive.read(name).decode() for name in archive.namelist())
    assert SECRET not in everything
    assert "Not asked for." not in everything
    whole = json.loads(archive.read(manifest["conversations"][0]["files"][0]))
    assert (whole["id"], whole["section"]) == (str(first), "baking-autumn")
    assert [(each["role"], each["content"]) for each in whole["messages"]] == [
        ("user", "Why flour?"), ("assistant", "Gluten."),
    ]  # fmt: skip
    text = archive.read(manifest["conversations"][0]["files"][1]).decode()
    assert text.index("**You**") < text.index("Why flour?") < text.index("**Tutor**") < text.index("Gluten.")


async def test_an_empty_history_is_an_archive_with_a_manifest_alone(school: School) -> None:
    await converse(school.members["student"], school.here, SECRET, SECRET)
    archive = await exported(school, "instructor")
    assert archive.namelist() == ["manifest.json"]
    assert manifest_of(archive)["conversations"] == []


async def test_what_was_edited_away_is_left_out(school: School) -> None:
    conversation = await converse(school.members["student"], school.here, "Old words", "Old answer")
    question, answer = await messages_of(conversation)
    newer = await converse(school.members["student"], school.here, "New words", "New answer")
    by = (await messages_of(newer))[0].id
    await change(Message, question.id, replaced_by=by)
    await change(Message, answer.id, replaced_by=by)
    archive = await exported(school)
    assert [each["messages"] for each in manifest_of(archive)["conversations"]] == [0, 2]
    assert all(b"Old answer" not in archive.read(name) for name in archive.namelist())


async def test_hostile_titles_and_texts_stay_words(school: School) -> None:
    titles = ("../../etc/passwd", "C:\\con", "a/b\tc", "NUL", "\u202egpj.exe", "ünï – cødé", "." * 50, "x" * 80)
    for title in titles:
        await converse(school.members["student"], school.here, f'{title}"]}}]', "# x\n</script>", title=title)
    archive = await exported(school)
    for name in archive.namelist():
        assert ".." not in name
        assert name.isprintable()
        assert name == "manifest.json" or name.startswith("baking-autumn/00")
        if name.endswith(".json"):
            json.loads(archive.read(name))
    assert len({name.lower() for name in archive.namelist()}) == 2 * len(titles) + 1


async def test_asking_again_while_one_is_under_way_begins_no_second(school: School) -> None:
    actor = await school.actor()
    first = await start_export(actor, school.here.id)
    assert await start_export(actor, school.here.id) == first
    assert await start_export(await school.actor("assistant"), school.here.id) != first
