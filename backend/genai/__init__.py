"""Models, chains, features and completions: the one door to a language model."""

from backend.genai.admission import use_pool
from backend.genai.bootstrap import seed_configuration
from backend.genai.budgets import Budget, BudgetState, Spending, budget_states, month_start
from backend.genai.catalogue import Catalogue, parse_catalogue
from backend.genai.clients import close_providers
from backend.genai.completions import CompletionRequest, generate, stream
from backend.genai.defaults import DEFAULT_URLS
from backend.genai.drift import Drift, read_drifts
from backend.genai.errors import CompletionError, MalformedAnswer
from backend.genai.feature_forms import Assignment, save_assignments
from backend.genai.feature_names import feature_name
from backend.genai.feature_views import (
    Assigned,
    ConfigChoice,
    FeatureView,
    list_config_choices,
    list_features,
    more_overrides,
    section_features,
    serving,
    warning_of,
)
from backend.genai.health import HealthReport, ModelHealth, close_breaker, open_breaker, read_health
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
from backend.genai.periods import Period, period, zone_named
from backend.genai.provider_limits import LimitsForm, list_provider_limits, save_provider_limits
from backend.genai.registry import export_catalogue, import_catalogue
from backend.genai.resealing import Resealed, reseal_secrets
from backend.genai.routing import context_window, model_notice, output_limit, resolve
from backend.genai.schemas import (
    AssistantMessage,
    Completion,
    Event,
    Feature,
    Finished,
    Message,
    Prompt,
    ResponseSchema,
    Restarted,
    Routed,
    SystemMessage,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
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
from backend.genai.standing import Limits, Notice, Standing
from backend.genai.student_limits import StudentLimitsView, save_student_limits, student_limits
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
    "DEFAULT_URLS",
    "MODEL_FIELDS",
    "Assigned",
    "Assignment",
    "AssistantMessage",
    "Budget",
    "BudgetState",
    "Catalogue",
    "ChainPlace",
    "Completion",
    "CompletionError",
    "CompletionRequest",
    "ConfigChoice",
    "Dimension",
    "Drift",
    "Event",
    "ExportRow",
    "Feature",
    "FeatureView",
    "Figures",
    "Finished",
    "HealthReport",
    "Limits",
    "LimitsForm",
    "LimitsView",
    "MalformedAnswer",
    "Measure",
    "Message",
    "ModelChoice",
    "ModelFilter",
    "ModelForm",
    "ModelHealth",
    "ModelRow",
    "Notice",
    "Period",
    "Prompt",
    "Resealed",
    "ResponseSchema",
    "Restarted",
    "Routed",
    "ServiceDraft",
    "ServiceView",
    "Spending",
    "Standing",
    "StudentLimitsView",
    "SystemMessage",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Trial",
    "Usage",
    "UsageQuery",
    "UsageReport",
    "UsageRow",
    "Use",
    "UserMessage",
    "allowance",
    "blank_model",
    "budget_states",
    "close_breaker",
    "close_providers",
    "context_window",
    "count_message",
    "default_limits",
    "delete_model",
    "delete_service",
    "export_catalogue",
    "export_usage",
    "feature_name",
    "generate",
    "import_catalogue",
    "list_config_choices",
    "list_features",
    "list_limits",
    "list_model_choices",
    "list_models",
    "list_provider_limits",
    "list_services",
    "model_defaults",
    "model_notice",
    "month_start",
    "more_overrides",
    "open_breaker",
    "open_service",
    "output_limit",
    "parse_catalogue",
    "period",
    "read_drifts",
    "read_health",
    "read_model",
    "read_usage",
    "refuse_over_limits",
    "remove_limits",
    "reseal_secrets",
    "resolve",
    "save_assignments",
    "save_limits",
    "save_model",
    "save_provider_limits",
    "save_service",
    "save_student_limits",
    "section_features",
    "section_limits",
    "seed_configuration",
    "seed_demo_limits",
    "serving",
    "set_model_enabled",
    "stream",
    "student_limits",
    "test_model",
    "use_pool",
    "warning_of",
    "zone_named",
]
