"""Versions of what forms edit, limits of providers and of people, and the indexes that usage is read by."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EDITED = ("registered_models", "service_configs", "feature_configs")
PROVIDER_LIMITS = ("max_concurrent", "requests_per_minute", "tokens_per_minute")
USAGE_LIMITS = ("messages_per_minute", "tokens_per_day_person", "tokens_per_day_section")


def upgrade() -> None:
    for table in EDITED:
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        op.alter_column(table, "version", server_default=None)
    op.create_table(
        "providers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in PROVIDER_LIMITS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("provider", name=op.f("uq_providers_provider")),
        sa.CheckConstraint("provider IN ('openai', 'anthropic', 'ollama', 'null')", name=op.f("ck_providers_provider")),
        *(sa.CheckConstraint(f"{name} > 0", name=op.f(f"ck_providers_{name}")) for name in PROVIDER_LIMITS),
    )
    op.create_table(
        "usage_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in USAGE_LIMITS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_limits")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_usage_limits_section_id_sections"), ondelete="CASCADE"
        ),
        *(sa.CheckConstraint(f"{name} > 0", name=op.f(f"ck_usage_limits_{name}")) for name in USAGE_LIMITS),
    )
    op.create_index(
        "uq_usage_limits_default",
        "usage_limits",
        [sa.text("(section_id IS NULL)")],
        unique=True,
        postgresql_where=sa.text("section_id IS NULL"),
    )
    op.create_index(
        "uq_usage_limits_section",
        "usage_limits",
        ["section_id"],
        unique=True,
        postgresql_where=sa.text("section_id IS NOT NULL"),
    )
    op.drop_index("ix_completion_requests_section_id", table_name="completion_requests")
    op.create_index("ix_completion_requests_usage", "completion_requests", ["section_id", "created_at"])
    op.create_index("ix_completion_requests_created_at", "completion_requests", ["created_at"])
    op.create_index("ix_audit_log_created_at", "audit_log", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_audit_log_created_at", table_name="audit_log")
    op.drop_index("ix_completion_requests_created_at", table_name="completion_requests")
    op.drop_index("ix_completion_requests_usage", table_name="completion_requests")
    op.create_index("ix_completion_requests_section_id", "completion_requests", ["section_id"])
    op.drop_table("usage_limits")
    op.drop_table("providers")
    for table in EDITED:
        op.drop_column(table, "version")
