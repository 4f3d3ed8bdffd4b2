"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.bootstrap import seed_configuration
from backend.genai.budgets import Spending
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.errors import CompletionError
from backend.genai.feature_forms import Assignment, save_assignments
from backend.genai.feature_views import (
    Assigned,
    ConfigChoice,
    FeatureView,
    list_config_choices,
    list_features,
    more_overrides,
    section_features,
    warning_of,
)
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
from backend.genai.service_entry import ServiceDraft
from backend.genai.service_forms import delete_service, save_service
from backend.genai.service_views import (
    ChainPlace,
    ModelChoice,
    ServiceView,
    Use,
    list_model_choices,
    list_services,
    open_service,
)

__all__ = [
    "Assigned",
    "Assignment",
    "AssistantMessage",
    "Catalogue",
    "ChainPlace",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "ConfigChoice",
    "Event",
    "Feature",
    "FeatureView",
    "Finished",
    "ModelChoice",
    "Prompt",
    "Restarted",
    "Routed",
    "ServiceDraft",
    "ServiceView",
    "Spending",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Usage",
    "Use",
    "UserMessage",
    "close_providers",
    "context_window",
    "delete_service",
    "export_catalogue",
    "generate",
    "import_catalogue",
    "list_config_choices",
    "list_features",
    "list_model_choices",
    "list_services",
    "model_notice",
    "more_overrides",
    "open_service",
    "parse_catalogue",
    "resolve",
    "save_assignments",
    "save_service",
    "section_features",
    "seed_configuration",
    "stream",
    "warning_of",
]
