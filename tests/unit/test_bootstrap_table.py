"""Every combination of the variables of genai.md, section 2, against what that section says, written down once more.

The oracle below knows the words of the specification and nothing of the code: it never looks at settings, catalogue
or defaults. `QDRANT_URL` is not among the variables: it says where vectors are, and no chain depends on it.
"""

from itertools import cycle, product

import pytest
from structlog.testing import capture_logs

from backend.core.settings import Settings
from backend.genai import Feature, parse_catalogue
from backend.genai.bootstrap import catalogue_from

Environment = dict[str, str]

ANTHROPIC_KEY = ("", "sk-ant-planted")
OPENAI_KEY = ("", "sk-planted")
OPENAI_ADDRESS = ("", "http://127.0.0.1:8000/v1")
OLLAMA_ADDRESS = ("", "http://127.0.0.1:11434")
FIRST = ("", "anthropic", "claude", "openai", "ollama", "nobody")
CHAIN = ("", "openai,anthropic", "ollama, claude ,openai", "anthropic", "ollama,ollama", "nobody")
EMBEDDING = ("", "openai", "ollama", "anthropic")
APP_ENV = ("development", "production")
LOCAL_MODEL = (False, True, True)
"""Whether the local model is installed, environment by environment: three, so that each other value meets both."""

AUTHORING = ("course_outline", "assessment_generation", "grading_feedback")
CONVERSING = ("student_dialogue", "instructor_dashboard", "instructor_email")


def served(environment: Environment) -> list[str]:
    """Keys present → their models: Claude, OpenAI (a server of one's own needs no key), Ollama."""
    usable = {
        "claude": environment["ANTHROPIC_API_KEY"],
        "openai": environment["OPENAI_API_KEY"] or environment["OPENAI_BASE_URL"],
        "ollama": environment["OLLAMA_BASE_URL"],
    }
    return [name for name, given in usable.items() if given]


def named(text: str) -> list[str]:
    """Providers as a variable lists them; `claude` and `anthropic` are one."""
    names = [each.strip().replace("anthropic", "claude") for each in text.split(",")]
    return [name for place, name in enumerate(names) if name and name not in names[:place]]


def expected_chain(environment: Environment, feature: str, local: bool) -> list[str]:
    """The fallback chain as far as its keys are there, else every key; the provider named first leads.

    Authoring and grading keep Claude before OpenAI unless the chain says otherwise. Without any key: the local model
    if one is installed, else none.
    """
    usable = served(environment)
    if not usable:
        return ["local"] if local else ["none"]
    chain = [name for name in named(environment["MIYABI_LLM_FALLBACK_CHAIN"]) if name in usable]
    if feature in AUTHORING and not chain:
        return usable
    first = [name for name in named(environment["MIYABI_LLM_PROVIDER"]) if name in usable]
    return first + [name for name in chain or usable if name not in first]


def expected_embedding(environment: Environment) -> str:
    """Ollama in development, OpenAI in production, or who is named; nobody else stands in, for vectors don't mix."""
    usual = {"development": "ollama", "production": "openai"}[environment["APP_ENV"]]
    wanted = environment["MIYABI_EMBEDDING_PROVIDER"] or usual
    return f"{wanted} embeddings" if wanted != "anthropic" and wanted in served(environment) else "no embeddings"


def chains(environment: Environment, monkeypatch: pytest.MonkeyPatch, local: bool) -> dict[str, list[str]]:
    """What a first start registers: each feature's models by name, and every secret and address where it belongs."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    catalogue = parse_catalogue(catalogue_from(Settings(), local=local))
    models = {model.name: model for model in catalogue.models}
    if claude := models.get("claude"):
        assert claude.api_key == environment["ANTHROPIC_API_KEY"]
    if openai := models.get("openai"):
        assert (openai.api_key or "", openai.url_template or "") == (
            environment["OPENAI_API_KEY"],
            environment["OPENAI_BASE_URL"],
        )
    if ollama := models.get("ollama"):
        assert ollama.url_template == environment["OLLAMA_BASE_URL"]
    assert all(models[name].dev_only for name in ("local", "none", "no embeddings") if name in models)
    configs = {config.name: [name for _, name in config.chain()] for config in catalogue.service_configs}
    assert {name for chain in configs.values() for name in chain} <= set(models)
    return {row.feature.value: configs[row.service_config] for row in catalogue.feature_configs}


def environments(keys: tuple[str, str, str, str]) -> list[Environment]:
    """Every environment with these keys and addresses."""
    anthropic, openai, openai_address, ollama = keys
    return [
        {
            "ANTHROPIC_API_KEY": anthropic,
            "OPENAI_API_KEY": openai,
            "OPENAI_BASE_URL": openai_address,
            "OLLAMA_BASE_URL": ollama,
            "MIYABI_LLM_PROVIDER": first,
            "MIYABI_LLM_FALLBACK_CHAIN": chain,
            "MIYABI_EMBEDDING_PROVIDER": embedding,
            "APP_ENV": app_env,
        }
        for app_env, first, chain, embedding in product(APP_ENV, FIRST, CHAIN, EMBEDDING)
    ]


@pytest.mark.parametrize("keys", product(ANTHROPIC_KEY, OPENAI_KEY, OPENAI_ADDRESS, OLLAMA_ADDRESS))
def test_every_environment_gives_the_chains_of_the_specification(
    keys: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    with capture_logs():
        for environment, local in zip(environments(keys), cycle(LOCAL_MODEL), strict=False):
            made = chains(environment, monkeypatch, local)
            assert set(made) == {feature.value for feature in Feature}
            for feature in (*AUTHORING, *CONVERSING):
                assert made[feature] == expected_chain(environment, feature, local), (feature, environment)
            assert made["semantic_search"] == [expected_embedding(environment)], environment


NONE = {"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "OLLAMA_BASE_URL": ""}
ALL = {
    "ANTHROPIC_API_KEY": "sk-ant-planted",
    "OPENAI_API_KEY": "sk-planted",
    "OPENAI_BASE_URL": "",
    "OLLAMA_BASE_URL": "http://127.0.0.1:11434",
}
PLAIN = {"MIYABI_LLM_PROVIDER": "", "MIYABI_LLM_FALLBACK_CHAIN": "", "MIYABI_EMBEDDING_PROVIDER": ""}


@pytest.mark.parametrize(
    ("changes", "tutor", "grading", "search"),
    [
        (NONE, ["none"], ["none"], "no embeddings"),
        ({**NONE, "OPENAI_BASE_URL": "http://gpu:8000/v1"}, ["openai"], ["openai"], "no embeddings"),
        ({}, ["claude", "openai", "ollama"], ["claude", "openai", "ollama"], "ollama embeddings"),
        (
            {"APP_ENV": "production"},
            ["claude", "openai", "ollama"],
            ["claude", "openai", "ollama"],
            "openai embeddings",
        ),
        (
            {"MIYABI_LLM_PROVIDER": "openai"},
            ["openai", "claude", "ollama"],
            ["claude", "openai", "ollama"],
            "ollama embeddings",
        ),
        ({"MIYABI_LLM_FALLBACK_CHAIN": "openai"}, ["openai"], ["openai"], "ollama embeddings"),
    ],
)
def test_the_oracle_itself_says_what_the_words_say(
    changes: Environment, tutor: list[str], grading: list[str], search: str
) -> None:
    environment = {**ALL, **PLAIN, "APP_ENV": "development", **changes}
    assert expected_chain(environment, "student_dialogue", local=False) == tutor
    assert expected_chain(environment, "grading_feedback", local=False) == grading
    assert expected_embedding(environment) == search
