"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.allowance import Allowance, Limits, Notice
from backend.genai.bootstrap import seed_configuration
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.errors import CompletionError
from backend.genai.limits import allowance, count_message, refuse_over_limits
from backend.genai.registry import export_catalogue, import_catalogue
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
    "Allowance",
    "AssistantMessage",
    "Catalogue",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "Event",
    "Feature",
    "Finished",
    "Limits",
    "Notice",
    "Prompt",
    "Restarted",
    "Routed",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Usage",
    "UserMessage",
    "allowance",
    "close_providers",
    "context_window",
    "count_message",
    "export_catalogue",
    "generate",
    "import_catalogue",
    "model_notice",
    "parse_catalogue",
    "refuse_over_limits",
    "resolve",
    "seed_configuration",
    "stream",
]
