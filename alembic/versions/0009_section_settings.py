"""What instructors set for their section: switches by lesson, the prompt's versions, limits for each student."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sections", sa.Column("run_python_enabled", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("sections", "run_python_enabled", server_default=None)
    op.add_column("sections", sa.Column("settings_version", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("sections", "settings_version", server_default=None)
    op.create_table(
        "lesson_switches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_key", sa.Uuid(), nullable=False),
        sa.Column("assistant", sa.String(), nullable=False),
        sa.CheckConstraint("assistant IN ('auto', 'on', 'off')", name=op.f("ck_lesson_switches_assistant")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_lesson_switches_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_switches")),
        sa.UniqueConstraint("section_id", "lesson_key", name=op.f("uq_lesson_switches_section_id_lesson_key")),
    )
    op.create_table(
        "student_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("messages_per_minute", sa.Integer(), nullable=True),
        sa.Column("tokens_per_day_person", sa.Integer(), nullable=True),
        sa.CheckConstraint("messages_per_minute > 0", name=op.f("ck_student_limits_messages_per_minute")),
        sa.CheckConstraint("tokens_per_day_person > 0", name=op.f("ck_student_limits_tokens_per_day_person")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_student_limits_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_limits")),
        sa.UniqueConstraint("section_id", name=op.f("uq_student_limits_section_id")),
    )
    op.create_table(
        "prompt_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("saved_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["saved_by"], ["people.id"], name=op.f("fk_prompt_templates_saved_by_people"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_prompt_templates_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_templates")),
        sa.UniqueConstraint("section_id", "number", name=op.f("uq_prompt_templates_section_id_number")),
    )
    op.execute(
        "INSERT INTO prompt_templates (id, created_at, section_id, number, text)"
        " SELECT gen_random_uuid(), now(), id, 1, prompt_template FROM sections WHERE prompt_template IS NOT NULL"
    )
    op.drop_column("sections", "prompt_template")


def downgrade() -> None:
    op.add_column("sections", sa.Column("prompt_template", sa.Text(), nullable=True))
    op.execute(
        "UPDATE sections SET prompt_template = (SELECT text FROM prompt_templates"
        " WHERE section_id = sections.id ORDER BY number DESC LIMIT 1)"
    )
    for table in ("prompt_templates", "student_limits", "lesson_switches"):
        op.drop_table(table)
    for column in ("settings_version", "run_python_enabled"):
        op.drop_column("sections", column)
