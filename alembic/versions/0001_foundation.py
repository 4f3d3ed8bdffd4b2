"""People, courses, models and conversations."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_actor_id"), "audit_log", ["actor_id"], unique=False)
    op.create_table(
        "completion_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("config_id", sa.Uuid(), nullable=True),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("requested_model", sa.String(), nullable=False),
        sa.Column("reported_model", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error_class", sa.String(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("tokens_estimated", sa.Boolean(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=8), nullable=True),
        sa.Column("unpriced", sa.Boolean(), nullable=False),
        sa.Column("price", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'cancelled')", name=op.f("ck_completion_requests_outcome")
        ),
        sa.CheckConstraint("(cost_usd IS NULL) = unpriced", name=op.f("ck_completion_requests_unpriced")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion_requests")),
        sa.UniqueConstraint("request_id", "attempt", name=op.f("uq_completion_requests_request_id_attempt")),
    )
    op.create_index(op.f("ix_completion_requests_person_id"), "completion_requests", ["person_id"], unique=False)
    op.create_index(op.f("ix_completion_requests_section_id"), "completion_requests", ["section_id"], unique=False)
    op.create_index("ix_completion_requests_spending", "completion_requests", ["config_id", "created_at"], unique=False)
    op.create_table(
        "courses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
        sa.UniqueConstraint("slug", name=op.f("uq_courses_slug")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("is_administrator", sa.Boolean(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("theme IN ('system', 'light', 'dark')", name=op.f("ck_people_theme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index("uq_people_email_lower", "people", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "registered_models",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("url_template", sa.String(), nullable=True),
        sa.Column("api_key", sa.LargeBinary(), nullable=True),
        sa.Column("api_key_env", sa.String(120), nullable=True),
        sa.Column("organization", sa.LargeBinary(), nullable=True),
        sa.Column("max_concurrent", sa.Integer(), nullable=True),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("tokens_per_minute", sa.Integer(), nullable=True),
        sa.Column("connect_timeout", sa.Float(), nullable=False),
        sa.Column("first_token_timeout", sa.Float(), nullable=False),
        sa.Column("stall_timeout", sa.Float(), nullable=False),
        sa.Column("total_timeout", sa.Float(), nullable=False),
        sa.Column("breaker_min_samples", sa.Integer(), nullable=False),
        sa.Column("breaker_window", sa.Float(), nullable=False),
        sa.Column("breaker_error_rate", sa.Float(), nullable=False),
        sa.Column("breaker_rate_limit_rate", sa.Float(), nullable=False),
        sa.Column("breaker_first_token_p95", sa.Float(), nullable=True),
        sa.Column("breaker_cooldown", sa.Float(), nullable=False),
        sa.Column("supports_tools", sa.Boolean(), nullable=False),
        sa.Column("supports_json_schema", sa.Boolean(), nullable=False),
        sa.Column("supports_assistant_prefill", sa.Boolean(), nullable=False),
        sa.Column("context_window", sa.Integer(), nullable=True),
        sa.Column("max_output_tokens", sa.Integer(), nullable=True),
        sa.Column("dimensions", sa.Integer(), nullable=True),
        sa.Column("price_input", sa.Float(), nullable=True),
        sa.Column("price_output", sa.Float(), nullable=True),
        sa.Column("price_cached", sa.Float(), nullable=True),
        sa.Column("price_effective_from", sa.Date(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("dev_only", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'embedding') = (dimensions IS NOT NULL)", name=op.f("ck_registered_models_dimensions")
        ),
        sa.CheckConstraint("kind IN ('chat', 'embedding')", name=op.f("ck_registered_models_kind")),
        sa.CheckConstraint(
            "provider IN ('openai', 'anthropic', 'ollama', 'null')", name=op.f("ck_registered_models_provider")
        ),
        sa.CheckConstraint(
            "url_template IS NULL OR url_template ~ '^https?://'", name=op.f("ck_registered_models_url_template")
        ),
        sa.CheckConstraint("api_key IS NULL OR api_key_env IS NULL", name=op.f("ck_registered_models_one_key")),
        sa.CheckConstraint("breaker_cooldown > 0", name=op.f("ck_registered_models_breaker_cooldown")),
        sa.CheckConstraint("breaker_error_rate BETWEEN 0 AND 1", name=op.f("ck_registered_models_breaker_error_rate")),
        sa.CheckConstraint("breaker_first_token_p95 > 0", name=op.f("ck_registered_models_breaker_first_token_p95")),
        sa.CheckConstraint("breaker_min_samples > 0", name=op.f("ck_registered_models_breaker_min_samples")),
        sa.CheckConstraint(
            "breaker_rate_limit_rate BETWEEN 0 AND 1", name=op.f("ck_registered_models_breaker_rate_limit_rate")
        ),
        sa.CheckConstraint("breaker_window > 0", name=op.f("ck_registered_models_breaker_window")),
        sa.CheckConstraint("connect_timeout > 0", name=op.f("ck_registered_models_connect_timeout")),
        sa.CheckConstraint("context_window > 0", name=op.f("ck_registered_models_context_window")),
        sa.CheckConstraint("first_token_timeout > 0", name=op.f("ck_registered_models_first_token_timeout")),
        sa.CheckConstraint("max_concurrent > 0", name=op.f("ck_registered_models_max_concurrent")),
        sa.CheckConstraint("max_output_tokens > 0", name=op.f("ck_registered_models_max_output_tokens")),
        sa.CheckConstraint(
            "price_input >= 0 AND price_output >= 0 AND price_cached >= 0", name=op.f("ck_registered_models_prices")
        ),
        sa.CheckConstraint("requests_per_minute > 0", name=op.f("ck_registered_models_requests_per_minute")),
        sa.CheckConstraint("stall_timeout > 0", name=op.f("ck_registered_models_stall_timeout")),
        sa.CheckConstraint("tokens_per_minute > 0", name=op.f("ck_registered_models_tokens_per_minute")),
        sa.CheckConstraint("total_timeout > 0", name=op.f("ck_registered_models_total_timeout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_models")),
        sa.UniqueConstraint("name", name=op.f("uq_registered_models_name")),
    )
    op.create_table(
        "service_configs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("max_output_tokens", sa.Integer(), nullable=True),
        sa.Column("budget_usd", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.CheckConstraint("budget_usd > 0", name=op.f("ck_service_configs_budget_usd")),
        sa.CheckConstraint("max_output_tokens > 0", name=op.f("ck_service_configs_max_output_tokens")),
        sa.CheckConstraint("temperature BETWEEN 0 AND 2", name=op.f("ck_service_configs_temperature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_configs")),
        sa.UniqueConstraint("name", name=op.f("uq_service_configs_name")),
    )
    op.create_table(
        "course_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('draft', 'published')", name=op.f("ck_course_versions_status")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_versions_course_id_courses"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_versions")),
        sa.UniqueConstraint("course_id", "number", name=op.f("uq_course_versions_course_id_number")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.CheckConstraint("role IN ('student', 'assistant', 'instructor')", name=op.f("ck_memberships_role")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_memberships_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sa.UniqueConstraint("section_id", "person_id", name=op.f("uq_memberships_section_id_person_id")),
    )
    op.create_index(op.f("ix_memberships_person_id"), "memberships", ["person_id"], unique=False)
    op.create_table(
        "service_config_models",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(position = 0) = (role = 'primary')", name=op.f("ck_service_config_models_primary_first")),
        sa.CheckConstraint(
            "role IN ('primary', 'secondary', 'fallback', 'backup')", name=op.f("ck_service_config_models_role")
        ),
        sa.ForeignKeyConstraint(
            ["config_id"],
            ["service_configs.id"],
            name=op.f("fk_service_config_models_config_id_service_configs"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["registered_models.id"],
            name=op.f("fk_service_config_models_model_id_registered_models"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_config_models")),
        sa.UniqueConstraint("config_id", "model_id", name=op.f("uq_service_config_models_config_id_model_id")),
        sa.UniqueConstraint("config_id", "position", name=op.f("uq_service_config_models_config_id_position")),
    )
    op.create_index(op.f("ix_service_config_models_model_id"), "service_config_models", ["model_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_agent", sa.String(300), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_sessions_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"], unique=False)
    op.create_table(
        "modules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["course_versions.id"],
            name=op.f("fk_modules_version_id_course_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modules")),
        sa.UniqueConstraint("version_id", "id", name=op.f("uq_modules_version_id_id")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_modules_version_id_position")),
    )
    op.create_table(
        "sections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("assistant_enabled", sa.Boolean(), nullable=False),
        sa.Column("prompt_template", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name=op.f("ck_sections_dates")
        ),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_sections_course_id_courses")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["course_versions.id"], name=op.f("fk_sections_version_id_course_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sections")),
        sa.UniqueConstraint("slug", name=op.f("uq_sections_slug")),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_key", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_conversations_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_conversations_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    op.create_index(
        "ix_conversations_history", "conversations", ["person_id", "section_id", "updated_at", "id"], unique=False
    )
    op.create_table(
        "feature_configs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=True),
        sa.Column("config_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "feature IN ('student_dialogue', 'instructor_dashboard', 'course_outline', 'assessment_generation', 'grading_feedback', 'instructor_email', 'semantic_search')",
            name=op.f("ck_feature_configs_feature"),
        ),
        sa.ForeignKeyConstraint(
            ["config_id"],
            ["service_configs.id"],
            name=op.f("fk_feature_configs_config_id_service_configs"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_feature_configs_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_configs")),
    )
    op.create_index(op.f("ix_feature_configs_config_id"), "feature_configs", ["config_id"], unique=False)
    op.create_index(
        "uq_feature_configs_default",
        "feature_configs",
        ["feature"],
        unique=True,
        postgresql_where=sa.text("section_id IS NULL"),
    )
    op.create_index(
        "uq_feature_configs_override",
        "feature_configs",
        ["feature", "section_id"],
        unique=True,
        postgresql_where=sa.text("section_id IS NOT NULL"),
    )
    op.create_table(
        "lessons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("graded", sa.Boolean(), nullable=False),
        sa.Column("assistant", sa.String(), nullable=False),
        sa.CheckConstraint("assistant IN ('auto', 'on', 'off')", name=op.f("ck_lessons_assistant")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_lessons_minutes")),
        sa.ForeignKeyConstraint(
            ["version_id", "module_id"],
            ["modules.version_id", "modules.id"],
            name=op.f("fk_lessons_version_id_module_id_modules"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons")),
        sa.UniqueConstraint("module_id", "position", name=op.f("uq_lessons_module_id_position")),
        sa.UniqueConstraint("version_id", "key", name=op.f("uq_lessons_version_id_key")),
        sa.UniqueConstraint("version_id", "slug", name=op.f("uq_lessons_version_id_slug")),
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('markdown')", name=op.f("ck_blocks_kind")),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lessons.id"], name=op.f("fk_blocks_lesson_id_lessons"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint("lesson_id", "key", name=op.f("uq_blocks_lesson_id_key")),
        sa.UniqueConstraint("lesson_id", "position", name=op.f("uq_blocks_lesson_id_position")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("tokens_estimated", sa.Boolean(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=8), nullable=True),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("duration_ms", sa.Float(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rating_reason", sa.String(500), nullable=False),
        sa.CheckConstraint("role IN ('user', 'assistant')", name=op.f("ck_messages_role")),
        sa.CheckConstraint(
            "status IN ('queued', 'streaming', 'finished', 'stopped', 'interrupted', 'failed')",
            name=op.f("ck_messages_status"),
        ),
        sa.CheckConstraint("rating IN (-1, 1)", name=op.f("ck_messages_rating")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["messages.id"], name=op.f("fk_messages_replaced_by_messages"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(op.f("ix_messages_conversation_id"), "messages", ["conversation_id"], unique=False)
    op.create_index(
        "ix_messages_thread",
        "messages",
        ["conversation_id", "id"],
        unique=False,
        postgresql_where=sa.text("replaced_by IS NULL"),
    )
    op.create_table(
        "turns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'streaming', 'finished', 'stopped', 'interrupted', 'failed')",
            name=op.f("ck_turns_status"),
        ),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["messages.id"], name=op.f("fk_turns_answer_id_messages"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_turns_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["messages.id"], name=op.f("fk_turns_prompt_id_messages"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    op.create_index(op.f("ix_turns_answer_id"), "turns", ["answer_id"], unique=False)
    op.create_index(op.f("ix_turns_conversation_id"), "turns", ["conversation_id"], unique=False)
    op.create_index(
        "ix_turns_heartbeat",
        "turns",
        ["heartbeat_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'streaming')"),
    )
    op.create_index(
        "uq_turns_active",
        "turns",
        ["conversation_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'streaming')"),
    )


def downgrade() -> None:
    op.drop_index("uq_turns_active", table_name="turns", postgresql_where=sa.text("status IN ('queued', 'streaming')"))
    op.drop_index(
        "ix_turns_heartbeat", table_name="turns", postgresql_where=sa.text("status IN ('queued', 'streaming')")
    )
    op.drop_index(op.f("ix_turns_conversation_id"), table_name="turns")
    op.drop_index(op.f("ix_turns_answer_id"), table_name="turns")
    op.drop_table("turns")
    op.drop_index("ix_messages_thread", table_name="messages", postgresql_where=sa.text("replaced_by IS NULL"))
    op.drop_index(op.f("ix_messages_conversation_id"), table_name="messages")
    op.drop_table("messages")
    op.drop_table("blocks")
    op.drop_table("lessons")
    op.drop_index(
        "uq_feature_configs_override", table_name="feature_configs", postgresql_where=sa.text("section_id IS NOT NULL")
    )
    op.drop_index(
        "uq_feature_configs_default", table_name="feature_configs", postgresql_where=sa.text("section_id IS NULL")
    )
    op.drop_index(op.f("ix_feature_configs_config_id"), table_name="feature_configs")
    op.drop_table("feature_configs")
    op.drop_index("ix_conversations_history", table_name="conversations")
    op.drop_table("conversations")
    op.drop_table("sections")
    op.drop_table("modules")
    op.drop_index(op.f("ix_sessions_person_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_service_config_models_model_id"), table_name="service_config_models")
    op.drop_table("service_config_models")
    op.drop_index(op.f("ix_memberships_person_id"), table_name="memberships")
    op.drop_table("memberships")
    op.drop_table("course_versions")
    op.drop_table("service_configs")
    op.drop_table("registered_models")
    op.drop_index("uq_people_email_lower", table_name="people")
    op.drop_table("people")
    op.drop_table("courses")
    op.drop_index("ix_completion_requests_spending", table_name="completion_requests")
    op.drop_index(op.f("ix_completion_requests_section_id"), table_name="completion_requests")
    op.drop_index(op.f("ix_completion_requests_person_id"), table_name="completion_requests")
    op.drop_table("completion_requests")
    op.drop_index(op.f("ix_audit_log_actor_id"), table_name="audit_log")
    op.drop_table("audit_log")
