"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.bootstrap import seed_configuration
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.defaults import DEFAULT_URLS
from backend.genai.errors import CompletionError
from backend.genai.model_entry import MODEL_FIELDS
from backend.genai.model_forms import delete_model, save_model, set_model_enabled
from backend.genai.model_trial import Trial, test_model
from backend.genai.model_views import (
    ModelFilter,
    ModelForm,
    ModelRow,
    blank_model,
    list_models,
    model_defaults,
    read_model,
)
from backend.genai.provider_limits import LimitsForm, list_provider_limits, save_provider_limits
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
    "DEFAULT_URLS",
    "MODEL_FIELDS",
    "AssistantMessage",
    "Catalogue",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "Event",
    "Feature",
    "Finished",
    "LimitsForm",
    "ModelFilter",
    "ModelForm",
    "ModelRow",
    "Prompt",
    "Restarted",
    "Routed",
    "SystemMessage",
    "TextDelta",
    "ToolCall",
    "Trial",
    "Usage",
    "UserMessage",
    "blank_model",
    "close_providers",
    "context_window",
    "delete_model",
    "export_catalogue",
    "generate",
    "import_catalogue",
    "list_models",
    "list_provider_limits",
    "model_defaults",
    "model_notice",
    "parse_catalogue",
    "read_model",
    "resolve",
    "save_model",
    "save_provider_limits",
    "seed_configuration",
    "set_model_enabled",
    "stream",
    "test_model",
]
