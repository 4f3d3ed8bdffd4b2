"""The record of runs in the sandbox."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "sandbox_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("image", sa.String(120), nullable=False),
        sa.Column("runtime", sa.String(40), nullable=False),
        sa.Column("containers", json, nullable=False),
        sa.Column("limits", json, nullable=False),
        sa.Column("commands", json, nullable=False),
        sa.Column("events", json, nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("max_rss_kb", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('accepted', 'wrong_answer', 'runtime_error', 'time_limit', 'memory_limit', 'output_limit', 'process_limit', 'format_error', 'sandbox_error')",
            name=op.f("ck_sandbox_runs_verdict"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_runs")),
    )
    op.create_index("ix_sandbox_runs_created_at", "sandbox_runs", ["created_at", "id"])
    op.create_index("ix_sandbox_runs_owner", "sandbox_runs", ["owner"])


def downgrade() -> None:
    op.drop_table("sandbox_runs")
