"""The form of a model, as texts: every rule is told at its field, and a stored key goes to nobody else."""

from typing import Any

import pytest

from backend.core.errors import FieldErrors
from backend.genai.catalogue import ModelEntry
from backend.genai.model_entry import MODEL_FIELDS, entry_of, origin
from backend.genai.models import RegisteredModel

FORM = {"name": "Tutor", "provider": "openai", "model": "gpt-1"}
STORED: dict[str, Any] = {"name": "Tutor", "provider": "openai", "model": "gpt-1", "api_key": b"sealed"}


def faults_of(values: dict[str, str], held: RegisteredModel | None = None) -> dict[str, str]:
    with pytest.raises(FieldErrors) as refused:
        entry_of(FORM | values, held)
    return refused.value.fields


def stored(**fields: Any) -> RegisteredModel:
    return RegisteredModel(**STORED | fields)


EMPTY = "This can't be empty."
NUMBER = "Give a number."
WHOLE = "Give a whole number."
MOST = "At most 2,000,000,000."
RULES = [
    *((field, "  ", EMPTY) for field in ("name", "provider", "model")),
    ("name", "two\nlines", "Must not hold line breaks or other control characters."),
    ("name", "x" * 121, "At most 120 characters."),
    ("model", "x" * 201, "At most 200 characters."),
    ("provider", "gemini", "Choose one of them."),
    ("kind", "image", "Choose one of them."),
    ("url_template", "ftp://example.org", "Must start with http:// or https:// and name a host."),
    ("url_template", "https://", "Must start with http:// or https:// and name a host."),
    ("url_template", "https://ada:secret@example.org", "Must not hold a user name or password; give api_key instead."),
    ("url_template", "https://example.org/{region}", "Knows no placeholder but {local_model_port}."),
    ("api_key", "two\nlines", "Must not hold line breaks or other control characters."),
    ("organization", "two\nlines", "Must not hold line breaks or other control characters."),
    ("api_key_env", "PATH", "Must name an environment variable of a provider, ending in KEY or TOKEN."),
    ("api_key_env", "SECRET_KEY", "Must name an environment variable of a provider, ending in KEY or TOKEN."),
    *(
        (field, wrong, sentence)
        for field in ("max_concurrent", "requests_per_minute", "tokens_per_minute", "context_window",
                      "max_output_tokens", "breaker_min_samples")
        for wrong, sentence in (("0", "At least 1."), ("1.5", WHOLE), ("many", WHOLE), ("2000000001", MOST))
    ),
    *(
        (field, wrong, sentence)
        for field in ("connect_timeout", "first_token_timeout", "stall_timeout", "total_timeout", "breaker_window",
                      "breaker_first_token_p95", "breaker_cooldown")
        for wrong, sentence in (("0", "More than 0."), ("86401", "At most 86,400."), ("soon", NUMBER), ("inf", NUMBER))
    ),
    *(
        (field, wrong, sentence)
        for field in ("breaker_error_rate", "breaker_rate_limit_rate")
        for wrong, sentence in (("-0.1", "At least 0."), ("1.1", "At most 1."), ("nan", NUMBER))
    ),
    *((field, "maybe", "Choose yes or no.") for field in ("enabled", "dev_only", "supports_tools",
                                                          "supports_json_schema", "supports_assistant_prefill")),
    ("price_cached", "-1", "At least 0."),
    ("price_effective_from", "soon", "Give a day such as 2026-05-31."),
]  # fmt: skip


@pytest.mark.parametrize(("field", "typed", "sentence"), RULES)
def test_a_wrong_value_is_refused_at_its_field(field: str, typed: str, sentence: str) -> None:
    assert faults_of({field: typed}) == {field: sentence}


def test_rules_about_two_fields_are_told_at_the_one_to_change() -> None:
    together = "Give both prices, of input and of output, or neither."
    assert faults_of({"price_output": "3"}) == {"price_output": together}
    assert faults_of({"price_input": "3"}) == {"price_output": together}
    assert faults_of({"kind": "embedding"}) == {"dimensions": "An embedding model needs its number of dimensions."}
    assert faults_of({"api_key": "sk-1", "api_key_env": "A_KEY"}) == {
        "api_key_env": "Give a key or a variable, not both."
    }


def test_every_fault_is_told_at_once() -> None:
    told = faults_of({"name": "", "connect_timeout": "0", "api_key_change": "replace"}, stored())
    assert told == {
        "name": EMPTY,
        "connect_timeout": "More than 0.",
        "api_key": "Enter the new key, or keep the stored one.",
    }


def test_a_blank_field_is_its_default_and_is_set() -> None:
    entry = entry_of(FORM | dict.fromkeys(set(MODEL_FIELDS) - set(FORM), ""))
    assert entry.model_dump() == ModelEntry.model_validate(FORM).model_dump()
    assert entry.model_fields_set == set(MODEL_FIELDS)


def test_a_chat_model_forgets_dimensions_typed_for_an_embedding_model() -> None:
    assert entry_of(FORM | {"kind": "chat", "dimensions": "three"}).dimensions is None
    assert entry_of(FORM | {"kind": "embedding", "dimensions": "3"}).dimensions == 3


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ({}, {}),
        ({"api_key_change": "keep"}, {}),
        ({"api_key_change": "replace", "api_key": " sk-new "}, {"api_key": "sk-new"}),
        ({"api_key": "sk-new"}, {"api_key": "sk-new"}),
        ({"api_key_change": "clear"}, {"api_key": None}),
        ({"organization_change": "clear", "organization": ""}, {"organization": None}),
    ],
)
def test_a_secret_is_kept_replaced_or_cleared(sent: dict[str, str], given: dict[str, str | None]) -> None:
    entry = entry_of(FORM | sent, stored(organization=b"sealed"))
    secrets = {"api_key", "organization"}
    assert {name: getattr(entry, name) for name in entry.model_fields_set & secrets} == given


AGAIN = "Enter the key again: it would be sent to another address."


@pytest.mark.parametrize(
    "changes",
    [
        {"url_template": "https://evil.example"},
        {"url_template": "http://api.openai.com/v1"},
        {"url_template": "https://api.openai.com:8443/v1"},
        {"url_template": "https://api.openai.com.evil.example/v1"},
        {"provider": "anthropic"},
        {"provider": "ollama"},
        {"provider": "null"},
    ],
)
def test_a_kept_key_is_not_sent_to_another_address(changes: dict[str, str]) -> None:
    assert faults_of(changes, stored()) == {"api_key": AGAIN}
    entry_of(FORM | changes | {"api_key": "sk-new"}, stored())
    entry_of(FORM | changes | {"api_key_change": "clear"}, stored())


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://API.openai.com:443/v2", ""])
def test_a_kept_key_stays_with_its_address(url: str) -> None:
    assert entry_of(FORM | {"url_template": url}, stored()).url_template == (url or None)


def test_a_kept_organization_is_not_sent_to_another_address_either() -> None:
    told = faults_of({"url_template": "https://evil.example"}, stored(api_key=None, organization=b"sealed"))
    assert told == {"organization": "Enter the organization again: it would be sent to another address."}


def test_a_variable_beside_a_stored_key_is_refused() -> None:
    told = faults_of({"api_key_env": "OPENAI_API_KEY"}, stored())
    assert told == {"api_key_env": "A key is stored: clear it to use the variable, or leave this empty."}
    entry_of(FORM | {"api_key_env": "OPENAI_API_KEY", "api_key_change": "clear"}, stored())


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("openai", "https://Example.org/v1") == ("https", "example.org", 443)
    assert origin("ollama", None) == ("http", "localhost", 11434)
    assert origin("openai", "http://127.0.0.1:{local_model_port}/v1") == ("http", "127.0.0.1", 1)
    assert origin("null", None) is None
