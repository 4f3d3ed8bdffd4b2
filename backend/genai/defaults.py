"""The models Stoa registers by itself. The only place where a model's version string is written."""

from backend.core.settings import Settings
from backend.genai.schemas import ProviderName

ANTHROPIC_MODEL = "claude-sonnet-5-5"
OPENAI_MODEL = "gpt-5.4-mini-2026-03-17"
OLLAMA_MODEL = "gpt-oss:20b"
OLLAMA_EMBEDDING_MODEL = "nomic-embed-text"
OLLAMA_EMBEDDING_DIMENSIONS = 768
OPENAI_EMBEDDING_MODEL = "text-embedding-3-small"
OPENAI_EMBEDDING_DIMENSIONS = 1536
NULL_DIMENSIONS = 1

LOCAL_NAME = "local"
LOCAL_MODEL = "local"
LOCAL_PORT_FIELD = "{local_model_port}"
LOCAL_URL_TEMPLATE = f"http://127.0.0.1:{LOCAL_PORT_FIELD}/v1"
"""The local model's port is known once it runs: the placeholder is filled at the first call, which starts it."""
LOCAL_CONTEXT_WINDOW = 8192
LOCAL_MAX_OUTPUT_TOKENS = 512
"""It rambles: half a minute of that is enough."""
LOCAL_FIRST_TOKEN_TIMEOUT = 120.0
"""Two cores read a lesson at a few hundred tokens per second, and questions queue for them."""

DEFAULT_URLS = {
    ProviderName.OPENAI: "https://api.openai.com/v1",
    ProviderName.ANTHROPIC: "https://api.anthropic.com",
    ProviderName.OLLAMA: "http://localhost:11434",
}
"""Where a model is asked that has no address of its own."""

DEFAULT_ORDER = (ProviderName.ANTHROPIC, ProviderName.OPENAI, ProviderName.OLLAMA)
PROVIDER_ALIASES = {"claude": ProviderName.ANTHROPIC}


def available(settings: Settings, provider: ProviderName) -> bool:
    """Whether the environment names what `provider` needs. An unset `OLLAMA_BASE_URL` is no Ollama."""
    return {
        ProviderName.ANTHROPIC: settings.anthropic_api_key is not None,
        ProviderName.OPENAI: settings.openai_api_key is not None or settings.openai_base_url is not None,
        ProviderName.OLLAMA: settings.ollama_base_url is not None,
    }.get(provider, False)
