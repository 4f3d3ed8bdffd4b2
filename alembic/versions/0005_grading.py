"""Exercises as blocks, submissions, and what instructors decide about an exercise."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VERDICTS = (
    "accepted",
    "wrong_answer",
    "runtime_error",
    "time_limit",
    "memory_limit",
    "output_limit",
    "process_limit",
    "format_error",
    "sandbox_error",
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_blocks_kind"), "blocks", type_="check")
    op.create_check_constraint(op.f("ck_blocks_kind"), "blocks", "kind IN ('markdown', 'exercise')")
    op.create_table(
        "exercise_settings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("block_key", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late_rule", sa.String(), nullable=False),
        sa.Column("late_percent", sa.Float(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=True),
        sa.Column("results_published", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "late_rule IN ('none', 'percent_per_day', 'closed')", name=op.f("ck_exercise_settings_late_rule")
        ),
        sa.CheckConstraint("late_percent BETWEEN 0 AND 100", name=op.f("ck_exercise_settings_late_percent")),
        sa.CheckConstraint("max_attempts > 0", name=op.f("ck_exercise_settings_max_attempts")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_exercise_settings_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exercise_settings")),
        sa.UniqueConstraint("section_id", "block_key", name=op.f("uq_exercise_settings_section_id_block_key")),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("block_key", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("days_late", sa.Integer(), nullable=False),
        sa.Column("deduction", sa.Float(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("max_score", sa.Float(), nullable=True),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("graded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_back", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ({})".format(", ".join(f"'{verdict}'" for verdict in VERDICTS)),
            name=op.f("ck_submissions_verdict"),
        ),
        sa.CheckConstraint("deduction BETWEEN 0 AND 100", name=op.f("ck_submissions_deduction")),
        sa.CheckConstraint("(verdict IS NULL) = (graded_at IS NULL)", name=op.f("ck_submissions_graded")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_submissions_section_id_sections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_submissions_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        sa.UniqueConstraint(
            "section_id",
            "block_key",
            "person_id",
            "idempotency_key",
            name=op.f("uq_submissions_section_id_block_key_person_id_idempotency_key"),
        ),
        sa.UniqueConstraint(
            "section_id",
            "block_key",
            "person_id",
            "number",
            name=op.f("uq_submissions_section_id_block_key_person_id_number"),
        ),
    )
    op.create_index(op.f("ix_submissions_person_id"), "submissions", ["person_id"])


def downgrade() -> None:
    op.drop_table("submissions")
    op.drop_table("exercise_settings")
    op.execute("DELETE FROM blocks WHERE kind = 'exercise'")
    op.drop_constraint(op.f("ck_blocks_kind"), "blocks", type_="check")
    op.create_check_constraint(op.f("ck_blocks_kind"), "blocks", "kind IN ('markdown')")
