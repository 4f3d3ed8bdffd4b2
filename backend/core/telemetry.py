"""Metrics. They live in one registry that `/api/metrics` exposes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

TURNS = Counter("stoa_turns", "Turns by how they ended.", ["status"], registry=REGISTRY)
TURNS_ACTIVE = Gauge("stoa_turns_active", "Turns this process is running.", registry=REGISTRY)
FOLLOWERS = Gauge("stoa_event_followers", "Open event streams.", registry=REGISTRY)
COMPLETIONS = Counter(
    "stoa_completions", "Attempts by model and outcome.", ["model", "outcome", "error"], registry=REGISTRY
)
TOKENS = Counter("stoa_completion_tokens", "Tokens by model and direction.", ["model", "direction"], registry=REGISTRY)
FIRST_TOKEN = Histogram(
    "stoa_first_token_seconds", "Time to the first token.", ["model"], registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20),
)  # fmt: skip
SIGN_INS = Counter("stoa_sign_ins", "Sign-ins by result.", ["result"], registry=REGISTRY)

ROUTING_DECISIONS = Counter(
    "stoa_routing_decisions", "Models chosen, and why.", ["feature", "model", "reason"], registry=REGISTRY
)
BREAKER_CHANGES = Counter("stoa_breaker_changes", "Changes of a model's breaker.", ["model", "to"], registry=REGISTRY)
ADMISSIONS = Counter(
    "stoa_admissions", "Requests for a model's slot by result.", ["model", "result"], registry=REGISTRY
)

OPERATION_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
OPERATION_TOKENS = tuple(float(4**power) for power in range(14))
"""Both are the boundaries that OpenTelemetry's GenAI conventions name."""
SERVED_BY = (
    "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "server_address", "server_port",
    "error_type",
)  # fmt: skip
"""The response's model is left out: a server that names another one each time would make series without end."""
OPERATION_DURATION = Histogram(
    "gen_ai_client_operation_duration_seconds", "Duration of attempts at models (gen_ai.client.operation.duration).",
    SERVED_BY, registry=REGISTRY, buckets=OPERATION_SECONDS,
)  # fmt: skip
TOKEN_USAGE = Histogram(
    "gen_ai_client_token_usage", "Tokens of attempts at models (gen_ai.client.token.usage).",
    (*SERVED_BY, "gen_ai_token_type"), registry=REGISTRY, buckets=OPERATION_TOKENS,
)  # fmt: skip
