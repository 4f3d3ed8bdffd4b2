"""Ollama through its OpenAI-compatible API: https://docs.ollama.com/openai."""

from backend.genai.defaults import DEFAULT_URLS
from backend.genai.providers.openai import OpenAIProvider
from backend.genai.schemas import ModelSpec, ProviderName

DEFAULT_BASE_URL = DEFAULT_URLS[ProviderName.OLLAMA]


class OllamaProvider(OpenAIProvider):
    """A model that an Ollama serves. The base URL may end in `/v1` or not, as people write it both ways."""

    def __init__(self, spec: ModelSpec) -> None:
        address = (spec.base_url or DEFAULT_BASE_URL).rstrip("/").removesuffix("/v1")
        super().__init__(spec, f"{address}/v1")
