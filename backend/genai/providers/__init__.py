"""The language models' wires: one class per provider, the same events and errors from each.

Nothing here knows chains, prices, people or the database; `backend.genai.completions` stands on top.
"""

from backend.core.masking import conceal
from backend.genai.providers.protocol import Provider
from backend.genai.providers.tokens import estimate_tokens, estimate_usage
from backend.genai.schemas import ModelSpec, ProviderName

__all__ = ["Provider", "estimate_tokens", "estimate_usage", "open_provider"]


def open_provider(spec: ModelSpec) -> Provider:
    """A provider for `spec`, with its own connection pool. Nothing is sent before its first `stream`.

    Raises `AuthenticationFailed` for an address or key that can't be used. The SDKs take seconds to import, so each is
    imported with the first model that needs it: from an event loop, call this in a thread. From now on logs mask the
    model's secrets, wherever they came from.
    """
    conceal(spec.api_key)
    conceal(spec.organization)
    match spec.provider:
        case ProviderName.OPENAI:
            from backend.genai.providers.openai import OpenAIProvider

            return OpenAIProvider(spec)
        case ProviderName.OLLAMA:
            from backend.genai.providers.ollama import OllamaProvider

            return OllamaProvider(spec)
        case ProviderName.ANTHROPIC:
            from backend.genai.providers.anthropic import AnthropicProvider

            return AnthropicProvider(spec)
        case ProviderName.NULL:
            from backend.genai.providers.null import NullProvider

            return NullProvider()
