"""Importing and exporting the catalogue file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from sqlmodel import col, select

from backend.access import ANONYMOUS, SYSTEM, Actor, AuditEntry, ensure_person
from backend.access.models import Role
from backend.core.crypto import decrypt
from backend.core.database import dispose_engine, transaction
from backend.core.errors import Forbidden, Invalid, NotSignedIn
from backend.core.ids import new_id
from backend.genai import Catalogue, export_catalogue, import_catalogue, parse_catalogue, resolve
from backend.genai.models import ChainLink, RegisteredModel
from backend.genai.queries import model_by_name
from backend.genai.schemas import Feature
from tests.support.genai import make_section, nothing_remembered, store
from tests.support.services import Databases, environment

KEY = "sk-very-secret-1234"
ORGANIZATION = "org-very-secret"
FULL = {
    "models": [
        {
            "name": "big", "provider": "claude", "model": "claude-1", "url_template": "https://example.org/",
            "api_key": KEY, "organization": ORGANIZATION, "max_concurrent": 8, "requests_per_minute": 60,
            "tokens_per_minute": 90_000, "connect_timeout": 1.5, "first_token_timeout": 20, "stall_timeout": 30,
            "total_timeout": 300, "breaker_min_samples": 7, "breaker_window": 90, "breaker_error_rate": 0.3,
            "breaker_rate_limit_rate": 0, "breaker_first_token_p95": 4, "breaker_cooldown": 60,
            "supports_tools": False, "supports_json_schema": False, "supports_assistant_prefill": True,
            "context_window": 200_000, "max_output_tokens": 8_000, "price_input": 3, "price_output": 15.5,
            "price_cached": 0.3, "price_effective_from": "2026-05-01", "enabled": False, "dev_only": True,
        },
        {"name": "small", "provider": "openai", "model": "gpt-1", "api_key_env": "OPENAI_API_KEY"},
        {"name": "yes", "provider": "ollama", "model": "1.0"},
        {"name": "none", "provider": "null", "model": "null"},
        {"name": "vectors", "kind": "embedding", "provider": "openai", "model": "embed-1", "dimensions": 1536},
    ],
    "service_configs": [
        {
            "name": "Tutor", "primary_model": "big", "secondary_model": "small", "fallbacks": ["yes"],
            "backup_model": "none", "temperature": 0.25, "max_output_tokens": 900, "budget_usd": 99.95,
        },
        {"name": "Plain", "primary_model": "small"},
        {"name": "Search", "primary_model": "vectors"},
    ],
    "feature_configs": [
        {"feature": "student_dialogue", "service_config": "Tutor"},
        {"feature": "semantic_search", "service_config": "Search"},
        {"feature": "student_dialogue", "section": "python-autumn", "service_config": "Plain"},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
async def _own_database(database: str) -> AsyncIterator[None]:
    async with nothing_remembered():
        yield


async def exported() -> dict[str, list[dict[str, Any]]]:
    return await export_catalogue(SYSTEM)


async def named(name: str) -> RegisteredModel:
    async with transaction() as session:
        model = await model_by_name(session, name)
    assert model is not None
    return model


async def audit() -> list[AuditEntry]:
    async with transaction() as session:
        return list((await session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))).all())


def one(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


async def test_an_export_imported_elsewhere_exports_the_same(databases: Databases, tmp_path: Path) -> None:
    await make_section()
    await store(**FULL)
    first = await exported()
    file = tmp_path / "catalogue.yaml"
    file.write_text(yaml.safe_dump(first, sort_keys=False, allow_unicode=True), "utf-8")
    entry = one(first["models"], "big")
    given = {key: value for key, value in FULL["models"][0].items() if key not in {"api_key", "organization"}}
    assert entry == given | {"kind": "chat", "provider": "anthropic", "url_template": "https://example.org"}
    assert first["service_configs"][-1] == {"name": "Tutor", **FULL["service_configs"][0]}
    assert first["feature_configs"][-1] == FULL["feature_configs"][-1]

    await elsewhere(databases, file, first)


async def elsewhere(databases: Databases, file: Path, first: dict[str, Any]) -> None:
    await dispose_engine()
    url = databases.create()
    with environment(DATABASE_URL=url):
        await make_section()
        await import_catalogue(SYSTEM, parse_catalogue(yaml.safe_load(file.read_text("utf-8"))))
        assert await exported() == first
        await dispose_engine()
    databases.drop(url)


async def test_an_export_imported_again_changes_nothing(database: str) -> None:
    await make_section()
    await store(**FULL)
    before, lines = await exported(), len(await audit())
    await import_catalogue(SYSTEM, parse_catalogue(before))
    assert await exported() == before
    assert len(await audit()) == lines
    assert decrypt((await named("big")).api_key or b"") == KEY


async def test_what_a_model_entry_leaves_out_stays() -> None:
    await store(models=FULL["models"])
    before = await named("big")
    await store(models=[{"name": "big", "provider": "anthropic", "model": "claude-2", "enabled": True}])
    after = await named("big")
    assert (after.model, after.enabled) == ("claude-2", True)
    changed = {"model", "enabled", "version"}
    assert after.model_dump(exclude=changed) == before.model_dump(exclude=changed)
    assert after.version == before.version + 1


async def test_what_an_entry_sets_to_null_is_cleared() -> None:
    await store(models=FULL["models"])
    cleared = {"api_key": None, "organization": None, "max_concurrent": None, "price_cached": None}
    await store(models=[{"name": "big", "provider": "anthropic", "model": "claude-1", **cleared}])
    model = await named("big")
    assert (model.api_key, model.organization, model.max_concurrent, model.price_cached) == (None, None, None, None)
    assert model.price_input == 3


async def test_a_chain_is_replaced_as_a_whole_and_its_settings_stay() -> None:
    await store(models=FULL["models"], service_configs=FULL["service_configs"])
    await store(service_configs=[{"name": "Tutor", "primary_model": "none", "fallbacks": ["big"]}])
    config = one((await exported())["service_configs"], "Tutor")
    assert config == {
        "name": "Tutor", "primary_model": "none", "fallbacks": ["big"],
        "temperature": 0.25, "max_output_tokens": 900, "budget_usd": 99.95,
    }  # fmt: skip


async def test_a_chain_is_stored_in_the_order_it_is_walked() -> None:
    await store(models=FULL["models"], service_configs=FULL["service_configs"][:1])
    async with transaction() as session:
        rows = await session.exec(
            select(ChainLink.position, ChainLink.role, RegisteredModel.name)
            .join(RegisteredModel, col(RegisteredModel.id) == col(ChainLink.model_id))
            .order_by(col(ChainLink.position))
        )
        assert rows.all() == [
            (0, "primary", "big"), (1, "secondary", "small"), (2, "fallback", "yes"), (3, "backup", "none"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "rule"),
    [
        (
            {"service_configs": [{"name": "x", "primary_model": "nobody"}]},
            "service_configs: “x”: “nobody” isn't a registered model.",
        ),
        (
            {"feature_configs": [{"feature": "course_outline", "service_config": "nothing"}]},
            "feature_configs: there is no service config “nothing”.",
        ),
        (
            {"feature_configs": [{"feature": "course_outline", "section": "nowhere", "service_config": "Plain"}]},
            "feature_configs: there is no section “nowhere”.",
        ),
        (
            {"feature_configs": [{"feature": "course_outline", "service_config": "Search"}]},
            "feature_configs: course_outline needs chat models, “Search” has others.",
        ),
        (
            {"feature_configs": [{"feature": "semantic_search", "service_config": "Plain"}]},
            "feature_configs: semantic_search needs embedding models, “Plain” has others.",
        ),
        (
            {"service_configs": [{"name": "x", "primary_model": "small", "fallbacks": ["vectors"]}]},
            "service_configs: “x”: Chat and embedding models don't go together in one chain.",
        ),
    ],
)
async def test_a_fault_in_the_last_entry_leaves_nothing(last: dict[str, Any], rule: str) -> None:
    first = {"models": FULL["models"], "service_configs": FULL["service_configs"]}
    file = {key: [*first.get(key, ()), *last.get(key, ())] for key in ("models", "service_configs", "feature_configs")}
    with pytest.raises(Invalid) as refused:
        await store(**file)
    assert refused.value.message == rule
    assert await exported() == {"models": [], "service_configs": [], "feature_configs": []}
    assert await audit() == []


async def test_a_chain_in_use_cannot_become_one_of_the_wrong_kind() -> None:
    await store(
        models=FULL["models"], service_configs=FULL["service_configs"], feature_configs=FULL["feature_configs"][:2]
    )
    with pytest.raises(Invalid, match="student_dialogue needs chat models, “Tutor” has others"):
        await store(service_configs=[{"name": "Tutor", "primary_model": "vectors"}])
    chain = await resolve(Feature.STUDENT_DIALOGUE)
    assert [spec.name for spec in chain.models] == ["small", "yes", "none"]  # the first one is disabled


async def test_a_chain_of_two_embedding_models_is_refused() -> None:
    other = {**FULL["models"][-1], "name": "other"}
    with pytest.raises(Invalid, match="A chain has one embedding model"):
        await store(
            models=[FULL["models"][-1], other],
            service_configs=[{"name": "x", "primary_model": "vectors", "fallbacks": ["other"]}],
        )


async def test_a_models_kind_cannot_change() -> None:
    await store(models=FULL["models"])
    with pytest.raises(Invalid, match="“small” is a chat model; its kind can't change"):
        await store(models=[{**FULL["models"][1], "kind": "embedding", "dimensions": 3}])


async def test_a_key_is_sealed_at_rest_and_stands_nowhere_else(database: str) -> None:
    await store(models=FULL["models"])
    with psycopg.connect(database) as connection:
        everything = "".join(
            str(connection.execute(f"SELECT to_jsonb(t)::text, t::text FROM {table} t").fetchall())
            for table in ("registered_models", "audit_log", "completion_requests")
        )
        (sealed,) = connection.execute("SELECT api_key FROM registered_models WHERE name = 'big'").fetchone() or ()
    for secret in (KEY, ORGANIZATION):
        assert secret not in everything
        assert secret.encode().hex() not in everything
        assert secret not in str(await exported())
    assert KEY.encode() not in sealed
    assert decrypt(sealed) == KEY


async def test_a_key_replaces_its_variable_and_the_other_way_round() -> None:
    await store(models=[FULL["models"][1]])
    await store(models=[{"name": "small", "provider": "openai", "model": "gpt-1", "api_key": KEY}])
    model = await named("small")
    assert (model.api_key_env, decrypt(model.api_key or b"")) == (None, KEY)
    await store(models=[FULL["models"][1]])
    model = await named("small")
    assert (model.api_key_env, model.api_key) == ("OPENAI_API_KEY", None)


@pytest.mark.parametrize("role", list(Role))
async def test_only_administrators_import_and_export(role: Role) -> None:
    section = await make_section()
    member = Actor(person_id=new_id(), roles={section: role})
    for actor, error in ((member, Forbidden), (ANONYMOUS, NotSignedIn)):
        with pytest.raises(error):
            await import_catalogue(actor, Catalogue())
        with pytest.raises(error):
            await export_catalogue(actor)


async def test_the_audit_log_says_who_changed_what_before_and_after() -> None:
    async with transaction() as session:
        person, _ = await ensure_person(session, "pia@example.org", "Pia", "a long password", is_administrator=True)
    administrator = Actor(person_id=person.id, is_administrator=True)
    model = {"name": "small", "provider": "openai", "model": "gpt-1", "api_key": KEY}
    await import_catalogue(administrator, parse_catalogue({"models": [model]}))
    await import_catalogue(administrator, parse_catalogue({"models": [{**model, "enabled": False}]}))
    created, changed = await audit()
    assert {entry.actor_id for entry in (created, changed)} == {person.id}
    assert (created.action, created.subject, created.before) == ("model.created", "small", None)
    assert (changed.action, changed.subject) == ("model.changed", "small")
    assert changed.before is not None
    assert changed.after is not None
    assert {key for key in changed.after if changed.after[key] != changed.before[key]} == {"enabled"}
    assert changed.after["api_key"] == "set"


async def test_the_audit_log_says_that_a_key_was_replaced_or_cleared() -> None:
    model = {"name": "small", "provider": "openai", "model": "gpt-1"}
    for key in (KEY, KEY, "sk-another", None):
        await store(models=[{**model, "api_key": key}])
    states = [entry.after["api_key"] for entry in await audit() if entry.after]
    assert states == ["set", "replaced", None]


async def test_the_audit_log_names_chains_and_features() -> None:
    await make_section()
    await store(**FULL)
    await store(
        feature_configs=[{"feature": "student_dialogue", "section": "python-autumn", "service_config": "Tutor"}]
    )
    entry = (await audit())[-1]
    assert (entry.action, entry.subject) == ("feature_config.changed", "student_dialogue@python-autumn")
    assert (entry.before, entry.after) == ({"service_config": "Plain"}, {"service_config": "Tutor"})
    chain = next(entry for entry in await audit() if entry.subject == "Tutor")
    assert chain.after is not None
    assert (chain.action, chain.after["fallbacks"]) == ("service_config.created", ["yes"])
