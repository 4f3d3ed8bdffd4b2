"""Stored secrets move from one SECRET_KEY to the next, all or none."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary
from sqlmodel import SQLModel, col, select

from backend.access import SYSTEM, AuditEntry
from backend.core.crypto import decrypt, encrypt, is_current
from backend.core.database import transaction
from backend.core.embedded.data_dir import DataDir, Holder
from backend.core.errors import Conflict, Forbidden, Unavailable
from backend.genai import Resealed, queries, reseal_secrets
from backend.genai.models import RegisteredModel
from backend.genai.registered_models import SECRETS
from backend.wiring import load_tables
from tests.support.genai import nothing_remembered, store
from tests.support.running import data_directory, stoa
from tests.support.school import found_school
from tests.support.services import environment

# A comma in it, as any text may have.
FIRST, SECOND = "the first secret key, with more than 32 characters", "the second secret key of over 32 characters"
KEY, ORGANIZATION = "sk-planted-0123456789", "org-planted-0123456789"
MODEL = {"provider": "openai", "model": "m"}


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        with environment(SECRET_KEY=FIRST):
            await store(
                models=[
                    {"name": "both", **MODEL, "api_key": KEY, "organization": ORGANIZATION},
                    {"name": "key", **MODEL, "api_key": KEY},
                    {"name": "neither", **MODEL},
                ]
            )
        yield


async def rows() -> dict[str, RegisteredModel]:
    async with transaction() as session:
        return {model.name: model for model in await queries.models(session)}


async def secrets() -> list[str]:
    found = await rows()
    return [
        decrypt(value) for value in (found["both"].api_key, found["both"].organization, found["key"].api_key) if value
    ]


async def rotations() -> list[AuditEntry]:
    async with transaction() as session:
        return list(
            (await session.exec(select(AuditEntry).where(col(AuditEntry.action) == "secret_key.rotated"))).all()
        )


async def test_a_former_key_reads_until_everything_is_sealed_anew() -> None:
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST):
        assert await secrets() == [KEY, ORGANIZATION, KEY]
        assert await reseal_secrets(SYSTEM) == Resealed(total=3, changed=3)
    with environment(SECRET_KEY=SECOND):
        assert await secrets() == [KEY, ORGANIZATION, KEY]
    with environment(SECRET_KEY=FIRST), pytest.raises(Unavailable):
        await secrets()


async def test_a_former_key_is_never_written_with() -> None:
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST):
        sealed = encrypt(KEY)
        assert is_current(sealed)
    with environment(SECRET_KEY=FIRST), pytest.raises(Unavailable):
        decrypt(sealed)


@pytest.mark.parametrize("listed", ["something else entirely, {}", "{} ,something else entirely", "{}"])
async def test_one_of_several_former_keys_is_enough(listed: str) -> None:
    first = "a former key of more than 32 characters"
    with environment(SECRET_KEY=first):
        sealed = encrypt(KEY)
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=listed.format(first)):
        assert decrypt(sealed) == KEY


async def test_a_second_time_changes_nothing() -> None:
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST):
        await reseal_secrets(SYSTEM)
        before = {name: model.api_key for name, model in (await rows()).items()}
        assert await reseal_secrets(SYSTEM) == Resealed(total=3, changed=0)
    assert {name: model.api_key for name, model in (await rows()).items()} == before
    assert len(await rotations()) == 1


async def test_it_is_on_the_record_without_secrets_and_no_change_of_the_models() -> None:
    versions = {name: model.version for name, model in (await rows()).items()}
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST):
        await reseal_secrets(SYSTEM)
    (entry,) = await rotations()
    assert (entry.subject, entry.before, entry.after) == ("SECRET_KEY", None, {"secrets": 3})
    assert {name: model.version for name, model in (await rows()).items()} == versions


async def test_a_secret_that_no_key_reads_stops_everything() -> None:
    with environment(SECRET_KEY="a key that was lost, of more than 32 characters"):
        await store(models=[{"name": "lost", **MODEL, "api_key": KEY}])
    before = {name: model.api_key for name, model in (await rows()).items()}
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST), pytest.raises(Conflict, match="secrets of lost"):
        await reseal_secrets(SYSTEM)
    assert {name: model.api_key for name, model in (await rows()).items()} == before
    assert await rotations() == []


async def test_a_failure_in_the_middle_leaves_every_row_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    real = queries.set_secrets

    async def fail_at_the_second(session: object, model_id: object, sealed: Mapping[str, bytes]) -> None:
        if set(sealed) == {"api_key"}:
            raise Unavailable
        await real(session, model_id, sealed)  # type: ignore[arg-type]

    monkeypatch.setattr(queries, "set_secrets", fail_at_the_second)
    with environment(SECRET_KEY=SECOND, STOA_OLD_SECRET_KEYS=FIRST), pytest.raises(Unavailable):
        await reseal_secrets(SYSTEM)
    with environment(SECRET_KEY=FIRST):
        assert await secrets() == [KEY, ORGANIZATION, KEY]
    assert await rotations() == []


async def test_only_administrators_and_the_command_may() -> None:
    school = await found_school()
    with pytest.raises(Forbidden):
        await reseal_secrets(await school.actor("instructor"))


def test_every_sealed_column_is_known() -> None:
    load_tables()
    binary = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert binary == {"sessions.token_hash", *(f"registered_models.{column}" for column in SECRETS)}


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with data_directory(tmp_path) as made:
        yield made


def test_a_new_key_keeps_the_former_one_until_it_is_forgotten(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    first = directory.secret_key()
    directory.begin_new_secret_key()
    second = directory.secret_key()
    assert (directory.former_secret_key(), second != first) == (first, True)
    directory.begin_new_secret_key()  # the first time was not finished
    assert (directory.former_secret_key(), directory.secret_key()) == (first, second)
    directory.forget_former_secret_key()
    assert (directory.former_secret_key(), directory.secret_key()) == (None, second)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("secret_key*")} == {0o600}


def test_a_stop_between_the_two_files_loses_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = DataDir(tmp_path)
    first = directory.secret_key()
    replace = Path.replace

    def stop_at_the_new_key(path: Path, target: Path) -> Path:
        if target.name == "secret_key":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", stop_at_the_new_key)
        directory.begin_new_secret_key()
    assert (directory.former_secret_key(), directory.secret_key()) == (first, first)
    directory.begin_new_secret_key()
    assert directory.former_secret_key() == first != directory.secret_key()


@pytest.mark.timeout(300)
def test_the_command_replaces_a_generated_key(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(f'models: [{{name: a, provider: openai, model: m, api_key: "{KEY}", organization: o}}]')
    with stoa(data_dir, "genai", "import", str(file)) as command:
        assert command.ends() == 0, command.output
    first = (data_dir / "secret_key").read_text()
    for _ in range(2):  # the second time shows that the first one's key reads everything
        with stoa(data_dir, "rotate-key") as command:
            assert command.ends() == 0, command.output
            assert "2 of 2 stored secrets were encrypted anew" in command.output
        second = (data_dir / "secret_key").read_text()
        assert second != first
        assert not (data_dir / "secret_key.former").exists()
        first = second


@pytest.mark.timeout(300)
def test_the_command_takes_a_chosen_key_from_the_environment(data_dir: Path, database: str) -> None:
    variables = {"DATABASE_URL": database, "SECRET_KEY": SECOND}
    for former, status, said in (
        ("", 1, "reads the secrets of both, key"),
        (FIRST, 0, "3 of 3 stored secrets were encrypted anew"),
        (FIRST, 0, "STOA_OLD_SECRET_KEYS can be unset now"),
        ("", 0, "To change the key, put it into STOA_OLD_SECRET_KEYS"),
    ):
        with stoa(data_dir, "rotate-key", environment={**variables, "STOA_OLD_SECRET_KEYS": former}) as command:
            assert command.ends() == status, command.output
            assert said in command.output
            assert not any(secret in command.output for secret in (KEY, FIRST, SECOND))


@pytest.mark.timeout(300)
def test_the_command_refuses_while_another_uses_the_data_directory(data_dir: Path) -> None:
    with DataDir(data_dir).lock(Holder.me("stoa up")), stoa(data_dir, "rotate-key") as command:
        assert command.ends() == 1
        assert f"stoa up (process {os.getpid()}) is using the data directory {data_dir}" in command.output
        assert "Stop it" in command.output
    assert not (data_dir / "secret_key.former").exists()
