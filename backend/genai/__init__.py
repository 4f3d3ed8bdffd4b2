"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.bootstrap import seed_configuration
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.errors import CompletionError
from backend.genai.health import HealthReport, ModelHealth, close_breaker, open_breaker, read_health
from backend.genai.periods import Period, period, zone_named
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
from backend.genai.spending import Budget, Drift, read_budgets, read_drifts
from backend.genai.usage import (
    ExportRow,
    Figures,
    Measure,
    UsageQuery,
    UsageReport,
    UsageRow,
    export_usage,
    read_usage,
)
from backend.genai.usage_queries import Dimension

__all__ = [
    "AssistantMessage",
    "Budget",
    "Catalogue",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "Dimension",
    "Drift",
    "Event",
    "ExportRow",
    "Feature",
    "Figures",
    "Finished",
    "HealthReport",
    "Measure",
    "ModelHealth",
    "Period",
    "Prompt",
    "Restarted",
    "Routed",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Usage",
    "UsageQuery",
    "UsageReport",
    "UsageRow",
    "UserMessage",
    "close_breaker",
    "close_providers",
    "context_window",
    "export_catalogue",
    "export_usage",
    "generate",
    "import_catalogue",
    "model_notice",
    "open_breaker",
    "parse_catalogue",
    "period",
    "read_budgets",
    "read_drifts",
    "read_health",
    "read_usage",
    "resolve",
    "seed_configuration",
    "stream",
    "zone_named",
]
