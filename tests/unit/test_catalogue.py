"""The catalogue file: what it may hold, and that a fault names the field and the rule."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from backend.core.errors import Invalid
from backend.genai import parse_catalogue
from backend.genai.catalogue import Catalogue, ModelEntry
from backend.genai.models import RegisteredModel
from backend.genai.schemas import ModelKind, ProviderName

SECONDS = [
    "connect_timeout", "first_token_timeout", "stall_timeout", "total_timeout",
    "breaker_window", "breaker_cooldown", "breaker_first_token_p95",
]  # fmt: skip
COUNTS = [
    "max_concurrent", "requests_per_minute", "tokens_per_minute", "breaker_min_samples", "context_window",
    "max_output_tokens",
]  # fmt: skip
RATES = ["breaker_error_rate", "breaker_rate_limit_rate"]
PRICES = ["price_input", "price_output", "price_cached"]


def model(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "provider": "openai", "model": "m-1", **fields}


def parsed_model(**fields: Any) -> ModelEntry:
    return parse_catalogue({"models": [model(**fields)]}).models[0]


def refusal(data: object) -> list[str]:
    """The lines of what a file is refused with."""
    with pytest.raises(Invalid) as refused:
        parse_catalogue(data)
    return refused.value.message.split("\n")


def refusal_of_model(**fields: Any) -> str:
    """The one line that a model with these fields is refused with."""
    (line,) = refusal({"models": [model(**fields)]})
    return line


def refusal_of_config(**fields: Any) -> str:
    (line,) = refusal({"service_configs": [{"name": "c", "primary_model": "a", **fields}]})
    return line


def test_a_model_needs_no_more_than_name_provider_and_version() -> None:
    entry = parsed_model()
    assert (entry.kind, entry.enabled, entry.dev_only) == (ModelKind.CHAT, True, False)
    limits = (entry.connect_timeout, entry.first_token_timeout, entry.stall_timeout, entry.total_timeout)
    assert limits == (5, 12, 15, 180)


def test_defaults_of_the_file_are_those_of_the_table() -> None:
    for name, field in ModelEntry.model_fields.items():
        if not field.is_required():
            assert field.default == RegisteredModel.model_fields[name].default, name


def test_every_column_can_be_given() -> None:
    assert set(ModelEntry.model_fields) == set(RegisteredModel.model_fields) - {"id", "created_at", "version"}


@pytest.mark.parametrize("field", SECONDS)
@pytest.mark.parametrize("value", [0, -1])
def test_a_time_that_is_not_positive_is_refused(field: str, value: float) -> None:
    assert refusal_of_model(**{field: value}) == f"models[0].{field}: Input should be greater than 0"


@pytest.mark.parametrize("field", COUNTS)
@pytest.mark.parametrize("value", [0, -3])
def test_a_cap_below_one_is_refused(field: str, value: int) -> None:
    assert refusal_of_model(**{field: value}) == f"models[0].{field}: Input should be greater than or equal to 1"


@pytest.mark.parametrize("field", RATES)
@pytest.mark.parametrize(
    ("value", "rule"),
    [(-0.01, "Input should be greater than or equal to 0"), (1.01, "Input should be less than or equal to 1")],
)
def test_a_rate_outside_0_to_1_is_refused(field: str, value: float, rule: str) -> None:
    assert refusal_of_model(**{field: value}) == f"models[0].{field}: {rule}"


@pytest.mark.parametrize("field", RATES)
@pytest.mark.parametrize("value", [0, 1])
def test_rates_0_and_1_are_taken(field: str, value: int) -> None:
    assert getattr(parsed_model(**{field: value}), field) == value


@pytest.mark.parametrize("field", [*RATES, *SECONDS])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(field: str, value: float) -> None:
    assert refusal_of_model(**{field: value}) == f"models[0].{field}: Input should be a finite number"


@pytest.mark.parametrize("field", PRICES)
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (-0.1, "Input should be greater than or equal to 0"),
        (float("inf"), "Input should be a finite number"),
        (1e9, "Input should be less than or equal to 100000"),
    ],
)
def test_a_senseless_price_is_refused(field: str, value: float, rule: str) -> None:
    assert refusal_of_model(**{"price_input": 1, "price_output": 1, field: value}) == f"models[0].{field}: {rule}"


@pytest.mark.parametrize("field", ["price_input", "price_output"])
def test_half_a_price_is_refused(field: str) -> None:
    assert refusal_of_model(**{field: 1}) == "models[0]: price_input and price_output go together"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "https://example.org", "http://[::1]:9", "http://127.0.0.1:{local_model_port}/v1"],
)
def test_a_web_address_is_taken(url: str) -> None:
    assert parsed_model(url_template=url).url_template == url
    assert parsed_model(url_template=url + "/").url_template == url


@pytest.mark.parametrize(
    "url",
    [
        "example.org", "ftp://example.org", "file:///etc/passwd", "http://", "http:///v1", "http://host:port/v1",
        "http://host:0/v1", "http://host:99999", "http://[::1", "http://example.org/a b", "http://:8000/v1", "", "HTTP",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str) -> None:
    rule = "must start with http:// or https:// and name a host"
    assert refusal_of_model(url_template=url) == f"models[0].url_template: {rule}"


def test_an_unknown_placeholder_is_refused() -> None:
    line = refusal_of_model(url_template="http://{host}:{local_model_port}/v1")
    assert line == "models[0].url_template: knows no placeholder but {local_model_port}"


def test_credentials_in_an_address_are_refused() -> None:
    line = refusal_of_model(url_template="https://me:hunter2@example.org/v1")
    assert line == "models[0].url_template: must not hold a user name or password; give api_key instead"
    assert "hunter2" not in line


def test_claude_is_another_word_for_anthropic() -> None:
    assert parsed_model(provider="claude").provider is ProviderName.ANTHROPIC


def test_an_unknown_provider_is_refused() -> None:
    line = refusal_of_model(provider="gemini")
    assert line == "models[0].provider: Input should be 'openai', 'anthropic', 'ollama' or 'null'"


def test_a_key_and_a_variable_for_it_are_refused() -> None:
    line = refusal_of_model(api_key="sk-1", api_key_env="OPENAI_API_KEY")
    assert line == "models[0]: give api_key or api_key_env, not both"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "GROQ_API_KEY", "HF_TOKEN", "MY_KEY"])
def test_a_variable_of_a_provider_key_is_taken(name: str) -> None:
    assert parsed_model(api_key_env=name).api_key_env == name


@pytest.mark.parametrize(
    "name",
    ["SECRET_KEY", "STOA_METRICS_TOKEN", "DATABASE_URL", "PATH", "openai_api_key", "", "A KEY", "KEY=1", "É_KEY"],
)
def test_a_variable_of_another_secret_is_refused(name: str) -> None:
    rule = "must name an environment variable of a provider, ending in KEY or TOKEN"
    assert refusal_of_model(api_key_env=name) == f"models[0].api_key_env: {rule}"


def test_a_fault_beside_a_key_does_not_repeat_the_key() -> None:
    lines = refusal({"models": [model(api_key="sk-very-secret", stall_timeout=0, provider="x")], "more": 1})
    assert len(lines) == 3
    assert "sk-very-secret" not in "".join(lines)
    assert "sk-very-secret" not in repr(parsed_model(api_key="sk-very-secret"))


def test_an_empty_key_is_refused() -> None:
    assert refusal_of_model(api_key="  ") == "models[0].api_key: String should have at least 1 character"


@pytest.mark.parametrize(
    ("fields", "is_fine"),
    [
        ({"kind": "embedding", "dimensions": 768}, True),
        ({"kind": "embedding"}, False),
        ({"kind": "chat", "dimensions": 768}, False),
    ],
)
def test_dimensions_belong_to_embedding_models(fields: Mapping[str, Any], is_fine: bool) -> None:
    if is_fine:
        assert parsed_model(**fields).dimensions == 768
    else:
        assert refusal_of_model(**fields) == "models[0]: an embedding model has dimensions, a chat model has none"


@pytest.mark.parametrize("field", ["name", "provider", "model"])
def test_a_missing_field_is_named(field: str) -> None:
    (line,) = refusal({"models": [{key: value for key, value in model().items() if key != field}]})
    assert line == f"models[0].{field}: Field required"


@pytest.mark.parametrize(("field", "length"), [("name", 120), ("model", 200), ("api_key_env", 120)])
def test_what_does_not_fit_its_column_is_refused(field: str, length: int) -> None:
    text = "A" * (length - 4) + "_KEY"
    assert getattr(parsed_model(**{field: text}), field) == text
    line = refusal_of_model(**{field: "A" + text})
    assert line == f"models[0].{field}: String should have at most {length} characters"


@pytest.mark.parametrize("field", ["name", "model", "api_key", "organization"])
@pytest.mark.parametrize("text", ["a\0b", "two\nlines", "\x1b[31mred"])
def test_control_characters_are_refused(field: str, text: str) -> None:
    rule = "must not hold line breaks or other control characters"
    assert refusal_of_model(**{field: text}) == f"models[0].{field}: {rule}"


def test_names_may_be_of_any_script() -> None:
    assert parsed_model(name="模型　一").name == "模型　一"


def test_an_unknown_field_is_named() -> None:
    assert refusal_of_model(modle="x") == "models[0].modle: Extra inputs are not permitted"


def test_every_fault_has_its_line() -> None:
    lines = refusal({"models": [model(max_concurrent=0), model(name="b", stall_timeout="soon")], "modles": []})
    assert [line.partition(":")[0] for line in lines] == [
        "models[0].max_concurrent",
        "models[1].stall_timeout",
        "modles",
    ]


def test_the_chain_goes_primary_secondary_fallbacks_backup() -> None:
    config = parse_catalogue(
        {
            "service_configs": [
                {
                    "name": "c",
                    "backup_model": "d",
                    "fallbacks": ["x", "y"],
                    "secondary_model": "b",
                    "primary_model": "a",
                    "budget_usd": 12.5,
                }
            ]
        }
    ).service_configs[0]
    assert config.chain() == [
        ("primary", "a"), ("secondary", "b"), ("fallback", "x"), ("fallback", "y"), ("backup", "d"),
    ]  # fmt: skip
    assert config.budget_usd == Decimal("12.50")


@pytest.mark.parametrize(
    "fields", [{"secondary_model": "a"}, {"backup_model": "a"}, {"fallbacks": ["a"]}, {"fallbacks": ["b", "b"]}]
)
def test_a_model_twice_in_a_chain_is_refused(fields: Mapping[str, Any]) -> None:
    twice = "b" if "b" in fields.get("fallbacks", ()) else "a"
    assert refusal_of_config(**fields) == f"service_configs[0]: “{twice}” stands in the chain twice"


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"temperature": 2.1}, "service_configs[0].temperature: Input should be less than or equal to 2"),
        ({"temperature": -1}, "service_configs[0].temperature: Input should be greater than or equal to 0"),
        ({"temperature": float("nan")}, "service_configs[0].temperature: Input should be a finite number"),
        ({"budget_usd": 0}, "service_configs[0].budget_usd: Input should be greater than 0"),
        ({"budget_usd": float("inf")}, "service_configs[0].budget_usd: Input should be a finite number"),
        ({"max_output_tokens": 0}, "service_configs[0].max_output_tokens: Input should be greater than or equal to 1"),
        ({"primary_model": ""}, "service_configs[0].primary_model: String should have at least 1 character"),
        ({"fallbacks": "b"}, "service_configs[0].fallbacks: Input should be a valid tuple"),
    ],
)
def test_a_chain_that_breaks_a_rule_is_refused(fields: Mapping[str, Any], line: str) -> None:
    assert refusal_of_config(**fields) == line


def test_a_chain_needs_a_primary_model() -> None:
    assert refusal({"service_configs": [{"name": "c"}]}) == ["service_configs[0].primary_model: Field required"]


def test_an_unknown_feature_is_refused() -> None:
    (line,) = refusal({"feature_configs": [{"feature": "horoscopes", "service_config": "c"}]})
    assert line.startswith("feature_configs[0].feature: Input should be 'student_dialogue', ")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"models": [model(), model()]}, "models: “a” is listed twice"),
        (
            {"service_configs": [{"name": "c", "primary_model": "a"}, {"name": " c ", "primary_model": "b"}]},
            "service_configs: “c” is listed twice",
        ),
        (
            {"feature_configs": [{"feature": "student_dialogue", "service_config": x} for x in "cd"]},
            "feature_configs: “student_dialogue in all sections” is listed twice",
        ),
        (
            {"feature_configs": [{"feature": "student_dialogue", "section": "s", "service_config": x} for x in "cd"]},
            "feature_configs: “student_dialogue in s” is listed twice",
        ),
    ],
)
def test_a_duplicate_is_refused(data: object, line: str) -> None:
    assert refusal(data) == [line]


def test_a_default_and_an_override_of_one_feature_are_no_duplicates() -> None:
    rows = [{"feature": "student_dialogue", "service_config": "c", **where} for where in ({}, {"section": "s"})]
    assert len(parse_catalogue({"feature_configs": rows}).feature_configs) == 2


@pytest.mark.parametrize("data", [None, [], "models", 3, [model()]])
def test_a_file_that_is_no_mapping_is_refused(data: object) -> None:
    assert refusal(data) == ["The file must hold the lists models, service_configs and feature_configs."]


@pytest.mark.parametrize("data", [{}, {"models": []}, {"models": None, "service_configs": None}])
def test_empty_lists_are_fine(data: object) -> None:
    assert parse_catalogue(data) == Catalogue()


@pytest.mark.parametrize("data", [{"models": "a"}, {"models": {"a": model()}}, {"models": [["a"]]}, {1: []}])
def test_what_is_no_list_of_entries_is_refused(data: object) -> None:
    assert refusal(data)


def test_yaml_and_json_say_the_same() -> None:
    entry = model(price_input=1.5, price_output=2, price_effective_from="2026-05-01", enabled=False)
    as_json = json.dumps({"models": [entry]})
    from_yaml = yaml.safe_load(
        "models:\n- name: a\n  provider: openai\n  model: m-1\n  price_input: 1.5\n  price_output: 2\n"
        "  price_effective_from: 2026-05-01\n  enabled: no\n"
    )
    assert (
        parse_catalogue(from_yaml) == parse_catalogue(yaml.safe_load(as_json)) == parse_catalogue(json.loads(as_json))
    )
    assert parse_catalogue(from_yaml).models[0].price_effective_from == date(2026, 5, 1)
