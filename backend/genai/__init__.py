"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.bootstrap import seed_configuration
from backend.genai.budgets import Budget, BudgetState, budget_states
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.errors import CompletionError
from backend.genai.limit_forms import (
    LimitsView,
    default_limits,
    list_limits,
    remove_limits,
    save_limits,
    section_limits,
    seed_demo_limits,
)
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
from backend.genai.standing import Allowance, Limits, Notice, Standing

__all__ = [
    "Allowance",
    "AssistantMessage",
    "Budget",
    "BudgetState",
    "Catalogue",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "Event",
    "Feature",
    "Finished",
    "Limits",
    "LimitsView",
    "Notice",
    "Prompt",
    "Restarted",
    "Routed",
    "Standing",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Usage",
    "UserMessage",
    "allowance",
    "budget_states",
    "close_providers",
    "context_window",
    "count_message",
    "default_limits",
    "export_catalogue",
    "generate",
    "import_catalogue",
    "list_limits",
    "model_notice",
    "parse_catalogue",
    "refuse_over_limits",
    "remove_limits",
    "resolve",
    "save_limits",
    "section_limits",
    "seed_configuration",
    "seed_demo_limits",
    "stream",
]
