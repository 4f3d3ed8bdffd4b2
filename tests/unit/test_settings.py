"""Settings: documented whole, strict in production, forgiving about spelling."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.core.settings import PROJECT_ROOT, Settings

DOCUMENT = PROJECT_ROOT / "docs" / "settings.md"
SECRET = "x" * 32


def variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return str(alias) if alias else f"STOA_{field.upper()}"


def documented() -> dict[str, list[str]]:
    rows = [
        line.strip("| ").split(" | ") for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row for row in rows}


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_every_setting_is_documented_with_its_own_words(field: str) -> None:
    assert documented()[variable(field)][2] == Settings.model_fields[field].description


def test_nothing_else_is_documented_as_a_setting() -> None:
    assert set(documented()) == {variable(field) for field in Settings.model_fields}


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_documented_default_is_the_default(field: str) -> None:
    default = Settings.model_fields[field].default
    shown = documented()[variable(field)][1]
    if default in (None, ()):
        assert shown == "unset"
    elif isinstance(default, Path):
        assert shown == "`.stoa`"
    else:
        assert shown == f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_production_without_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    with pytest.raises(ValidationError, match="SECRET_KEY"):
        Settings()
    monkeypatch.setenv("SECRET_KEY", "short")
    with pytest.raises(ValidationError, match="32 characters"):
        Settings()


def test_production_with_plain_cookies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("STOA_COOKIE_SECURE", "false")
    with pytest.raises(ValidationError, match="HTTPS"):
        Settings()


def test_an_external_database_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/stoa")
    with pytest.raises(ValidationError, match="SECRET_KEY"):
        Settings()


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OLLAMA_BASE_URL", "OPENAI_API_KEY", "DATABASE_URL", "STOA_PUBLIC_URL"):
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.ollama_base_url is settings.openai_api_key is settings.database_url is settings.public_url is None


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIYABI_LLM_FALLBACK_CHAIN", "claude, openai,,ollama ")
    monkeypatch.setenv("STOA_ALLOWED_ORIGINS", "https://a.example/,https://b.example")
    settings = Settings()
    assert settings.llm_fallback_chain == ("claude", "openai", "ollama")
    assert settings.origins[-2:] == ("https://a.example", "https://b.example")


def test_a_public_address_replaces_the_local_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOA_PUBLIC_URL", "https://stoa.example.org/")
    assert Settings().origins == ("https://stoa.example.org",)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_secrets_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")
    text = repr(Settings())
    assert SECRET not in text
    assert "sk-very-secret-key" not in text
