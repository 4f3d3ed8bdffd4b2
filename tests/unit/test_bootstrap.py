"""What a first start registers, by what the environment names."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.core.settings import Settings
from backend.genai import defaults, parse_catalogue
from backend.genai.bootstrap import catalogue_from
from backend.genai.schemas import Feature

AUTHORING = {Feature.COURSE_OUTLINE, Feature.ASSESSMENT_GENERATION, Feature.GRADING_FEEDBACK}
ALL_KEYS = {
    "anthropic_api_key": "sk-ant-1",
    "openai_api_key": "sk-1",
    "ollama_base_url": "http://127.0.0.1:11434",
}


def chains(*, local: bool = False, **settings: Any) -> dict[Feature, list[str]]:
    """The names of each feature's models, in order; what is registered keeps the catalogue's rules."""
    made = parse_catalogue(catalogue_from(Settings(**settings), local=local))
    configs = {config.name: [name for _, name in config.chain()] for config in made.service_configs}
    assert {name for chain in configs.values() for name in chain} <= {model.name for model in made.models}
    return {row.feature: configs[row.service_config] for row in made.feature_configs}


def warnings(**settings: Any) -> list[tuple[str, str]]:
    """(event, provider) of the warnings."""
    with capture_logs() as lines:
        chains(**settings)
    return [(line["event"], line["provider"]) for line in lines]


def models(**settings: Any) -> dict[str, Any]:
    entries = parse_catalogue(catalogue_from(Settings(**settings), local=False)).models
    return {entry.name: entry for entry in entries}


@pytest.mark.parametrize("local", [True, False])
def test_without_a_key_one_stand_in_serves_every_feature(local: bool) -> None:
    made = chains(local=local)
    assert set(made) == set(Feature)
    assert made.pop(Feature.SEMANTIC_SEARCH) == ["no embeddings"]
    assert all(chain == ["local" if local else "none"] for chain in made.values())


def test_the_local_model_is_for_development_and_finds_its_port() -> None:
    made = parse_catalogue(catalogue_from(Settings(), local=True))
    model = next(model for model in made.models if model.name == "local")
    assert model.dev_only
    assert model.url_template == defaults.LOCAL_URL_TEMPLATE


@pytest.mark.parametrize(
    ("settings", "chain"),
    [
        ({"openai_api_key": "sk-1"}, ["openai"]),
        ({"openai_base_url": "http://127.0.0.1:8000/v1"}, ["openai"]),
        ({"anthropic_api_key": "sk-ant-1"}, ["claude"]),
        ({"ollama_base_url": "http://127.0.0.1:11434"}, ["ollama"]),
        (ALL_KEYS, ["claude", "openai", "ollama"]),
    ],
)
def test_keys_give_models_and_a_default_for_every_feature(settings: dict[str, Any], chain: list[str]) -> None:
    made = chains(local=True, **settings)
    assert set(made) == set(Feature)
    del made[Feature.SEMANTIC_SEARCH]
    assert all(each == chain for each in made.values())


def test_a_provider_named_first_leads_all_but_authoring_and_grading() -> None:
    made = chains(**ALL_KEYS, llm_provider="openai")
    del made[Feature.SEMANTIC_SEARCH]
    for feature, chain in made.items():
        first = ["claude", "openai"] if feature in AUTHORING else ["openai", "claude"]
        assert chain == [*first, "ollama"], feature


def test_an_explicit_chain_wins_for_every_feature() -> None:
    made = chains(**ALL_KEYS, llm_fallback_chain="ollama, openai")
    del made[Feature.SEMANTIC_SEARCH]
    assert all(chain == ["ollama", "openai"] for chain in made.values())


def test_a_provider_named_first_moves_to_the_front_of_an_explicit_chain() -> None:
    made = chains(**ALL_KEYS, llm_fallback_chain="ollama,openai,claude", llm_provider="claude")
    del made[Feature.SEMANTIC_SEARCH]
    assert all(chain == ["claude", "ollama", "openai"] for chain in made.values())


def test_a_provider_named_first_is_added_to_a_chain_without_it() -> None:
    assert chains(**ALL_KEYS, llm_fallback_chain="ollama", llm_provider="OpenAI")[Feature.STUDENT_DIALOGUE] == [
        "openai",
        "ollama",
    ]


def test_a_chain_names_no_provider_twice() -> None:
    chain = chains(**ALL_KEYS, llm_fallback_chain="claude,anthropic,openai,openai")[Feature.STUDENT_DIALOGUE]
    assert chain == ["claude", "openai"]


def test_a_provider_without_key_is_left_out_with_a_warning() -> None:
    settings = {"openai_api_key": "sk-1", "llm_fallback_chain": "anthropic,openai,ollama", "llm_provider": "ollama"}
    assert chains(**settings)[Feature.STUDENT_DIALOGUE] == ["openai"]
    assert sorted(warnings(**settings)) == [
        ("provider_left_out", "anthropic"),
        ("provider_left_out", "ollama"),
        ("provider_left_out", "ollama"),
    ]


def test_a_chain_of_providers_without_keys_counts_as_none() -> None:
    assert chains(openai_api_key="sk-1", llm_fallback_chain="anthropic,ollama")[Feature.COURSE_OUTLINE] == ["openai"]
    assert chains(local=True, llm_fallback_chain="anthropic")[Feature.COURSE_OUTLINE] == ["local"]


def test_an_unknown_provider_is_left_out_with_a_warning() -> None:
    assert warnings(openai_api_key="sk-1", llm_fallback_chain="gemini,openai") == [("provider_unknown", "gemini")]


def test_an_unset_address_is_no_ollama() -> None:
    assert chains(llm_provider="ollama", llm_fallback_chain="ollama")[Feature.STUDENT_DIALOGUE] == ["none"]
    assert chains(ollama_model="qwen3:8b", ollama_base_url="")[Feature.STUDENT_DIALOGUE] == ["none"]


def test_ollama_is_asked_for_the_model_that_is_named() -> None:
    assert models(ollama_base_url="http://127.0.0.1:1")["ollama"].model == "gpt-oss:20b"
    assert models(ollama_base_url="http://127.0.0.1:1", ollama_model="qwen3:8b")["ollama"].model == "qwen3:8b"


def test_every_key_and_address_reaches_its_model() -> None:
    made = models(
        **ALL_KEYS, openai_base_url="http://127.0.0.1:8000/v1", anthropic_base_url="https://proxy.example.org"
    )
    assert (made["openai"].api_key, made["openai"].url_template) == ("sk-1", "http://127.0.0.1:8000/v1")
    assert (made["claude"].api_key, made["claude"].url_template) == ("sk-ant-1", "https://proxy.example.org")
    assert (made["ollama"].api_key, made["ollama"].url_template) == (None, "http://127.0.0.1:11434")


@pytest.mark.parametrize(
    "wrong",
    [{"openai_base_url": "127.0.0.1:8000"}, {"openai_api_key": "  "}, {"openai_base_url": "http://me:pw@host/v1"}],
)
def test_what_the_environment_names_wrongly_is_left_out_with_a_warning(wrong: dict[str, Any]) -> None:
    settings = {"anthropic_api_key": "sk-ant-1", "llm_provider": "openai", **wrong}
    assert chains(**settings)[Feature.STUDENT_DIALOGUE] == ["claude"]
    assert ("provider_left_out", "openai") in warnings(**settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (ALL_KEYS, "ollama embeddings"),
        ({"openai_api_key": "sk-1"}, "no embeddings"),
        ({**ALL_KEYS, "app_env": "production"}, "openai embeddings"),
        ({"ollama_base_url": "http://127.0.0.1:1", "app_env": "production"}, "no embeddings"),
        ({**ALL_KEYS, "embedding_provider": "openai"}, "openai embeddings"),
        ({**ALL_KEYS, "app_env": "production", "embedding_provider": "ollama"}, "ollama embeddings"),
        ({"openai_api_key": "sk-1", "embedding_provider": "ollama"}, "no embeddings"),
        ({**ALL_KEYS, "embedding_provider": "anthropic"}, "no embeddings"),
        ({**ALL_KEYS, "embedding_provider": "gemini"}, "ollama embeddings"),
    ],
)
def test_embeddings_follow_the_environment(settings: dict[str, Any], name: str) -> None:
    secret = {"secret_key": "x" * 32} if settings.get("app_env") == "production" else {}
    assert chains(**settings, **secret)[Feature.SEMANTIC_SEARCH] == [name]


@pytest.mark.parametrize("provider", ["ollama", "anthropic", "gemini"])
def test_a_provider_that_cannot_embed_is_left_out_with_a_warning(provider: str) -> None:
    event = "provider_unknown" if provider == "gemini" else "provider_left_out"
    assert warnings(anthropic_api_key="sk-ant-1", embedding_provider=provider) == [(event, provider)]
