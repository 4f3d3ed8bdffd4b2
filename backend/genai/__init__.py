"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.bootstrap import seed_configuration
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.errors import CompletionError
from backend.genai.registry import export_catalogue, import_catalogue
from backend.genai.resealing import Resealed, reseal_secrets
from backend.genai.routing import context_window, model_notice, resolve
from backend.genai.schemas import (
    AssistantMessage,
    Completion,
    Event,
    Feature,
    Finished,
    Prompt,
    Restarted,
    Routed,
    SystemMessage,
    TextDelta,
    ToolCall,
    Usage,
    UserMessage,
)

__all__ = [
    "AssistantMessage",
    "Catalogue",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "Event",
    "Feature",
    "Finished",
    "Prompt",
    "Resealed",
    "Restarted",
    "Routed",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Usage",
    "UserMessage",
    "close_providers",
    "context_window",
    "export_catalogue",
    "generate",
    "import_catalogue",
    "model_notice",
    "parse_catalogue",
    "reseal_secrets",
    "resolve",
    "seed_configuration",
    "stream",
]
