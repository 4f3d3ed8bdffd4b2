"""Figures of sections counted beforehand, and what instructors noted, revealed and were advised."""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MARK_INSERTED = """
CREATE FUNCTION insight_mark_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO insight_stale (id, created_at, section_id, day)
  SELECT gen_random_uuid(), now(), marked.section_id, marked.day FROM (
    SELECT DISTINCT c.section_id, (made.created_at AT TIME ZONE s.timezone)::date AS day,
      (now() AT TIME ZONE s.timezone)::date AS today
    FROM made JOIN conversations c ON c.id = made.{conversation} JOIN sections s ON s.id = c.section_id
  ) AS marked WHERE marked.day < marked.today;
  RETURN NULL;
END $$
"""
MARK_CHANGED = """
CREATE FUNCTION insight_mark_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO insight_stale (id, created_at, section_id, day)
  SELECT gen_random_uuid(), now(), s.id, (NEW.created_at AT TIME ZONE s.timezone)::date
  FROM conversations c JOIN sections s ON s.id = c.section_id
  WHERE c.id = NEW.conversation_id
    AND (NEW.created_at AT TIME ZONE s.timezone)::date < (now() AT TIME ZONE s.timezone)::date;
  RETURN NULL;
END $$
"""
MARK_DELETED = """
CREATE FUNCTION insight_mark_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO insight_stale (id, created_at, section_id, day)
  SELECT gen_random_uuid(), now(), OLD.section_id, marked.day FROM (
    SELECT DISTINCT (at.moment AT TIME ZONE s.timezone)::date AS day, (now() AT TIME ZONE s.timezone)::date AS today
    FROM sections s, (
      SELECT OLD.created_at AS moment UNION ALL SELECT created_at FROM messages WHERE conversation_id = OLD.id
    ) AS at WHERE s.id = OLD.section_id
  ) AS marked WHERE marked.day < marked.today;
  RETURN OLD;
END $$
"""
TRIGGERS = (
    MARK_INSERTED.replace("{conversation}", "conversation_id"),
    MARK_INSERTED.replace("{conversation}", "id").replace("mark_inserted", "mark_begun"),
    MARK_CHANGED,
    MARK_DELETED,
    "CREATE TRIGGER insight_inserted AFTER INSERT ON messages REFERENCING NEW TABLE AS made"
    " FOR EACH STATEMENT EXECUTE FUNCTION insight_mark_inserted()",
    "CREATE TRIGGER insight_begun AFTER INSERT ON conversations REFERENCING NEW TABLE AS made"
    " FOR EACH STATEMENT EXECUTE FUNCTION insight_mark_begun()",
    # Answers grow by updates of their text alone, which this doesn't hear of.
    "CREATE TRIGGER insight_changed AFTER UPDATE OF rating, replaced_by, status ON messages FOR EACH ROW"
    " WHEN ((OLD.rating, OLD.replaced_by, OLD.status) IS DISTINCT FROM (NEW.rating, NEW.replaced_by, NEW.status))"
    " EXECUTE FUNCTION insight_mark_changed()",
    "CREATE TRIGGER insight_deleted BEFORE DELETE ON conversations"
    " FOR EACH ROW EXECUTE FUNCTION insight_mark_deleted()",
)
"""What keeps the figures of past days true whoever changes what they count: decision 0019."""


def upgrade() -> None:
    op.create_table(
        "insight_activity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_key", sa.Uuid(), nullable=True),
        sa.Column("conversations", sa.Integer(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("thumbs_up", sa.Integer(), nullable=False),
        sa.Column("thumbs_down", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_insight_activity_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_activity_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_activity")),
    )
    op.create_index(op.f("ix_insight_activity_person_id"), "insight_activity", ["person_id"], unique=False)
    op.create_index(
        "uq_insight_activity",
        "insight_activity",
        ["section_id", "day", "person_id", "lesson_key"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "insight_costs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("feature", sa.String(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.Integer(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=18, scale=8), nullable=False),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_costs_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_costs")),
    )
    op.create_index(
        "uq_insight_costs",
        "insight_costs",
        ["section_id", "day", "feature", "model_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "insight_pseudonyms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(8), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_insight_pseudonyms_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_pseudonyms_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_pseudonyms")),
        sa.UniqueConstraint("section_id", "code", name=op.f("uq_insight_pseudonyms_section_id_code")),
        sa.UniqueConstraint("section_id", "person_id", name=op.f("uq_insight_pseudonyms_section_id_person_id")),
    )
    op.create_index(op.f("ix_insight_pseudonyms_person_id"), "insight_pseudonyms", ["person_id"], unique=False)
    op.create_table(
        "insight_advice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("headline", sa.String(160), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("written_at IS NULL OR failed_at IS NULL", name=op.f("ck_insight_advice_one_end")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_advice_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_advice")),
    )
    op.create_index("ix_insight_advice_section", "insight_advice", ["section_id", "id"], unique=False)
    op.create_index(
        "uq_insight_advice_writing",
        "insight_advice",
        ["section_id"],
        unique=True,
        postgresql_where=sa.text("written_at IS NULL AND failed_at IS NULL"),
    )
    op.create_table(
        "insight_reveals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("revealed_to", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(
            ["revealed_to"], ["people.id"], name=op.f("fk_insight_reveals_revealed_to_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_reveals_section_id_sections"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["people.id"], name=op.f("fk_insight_reveals_student_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_reveals")),
    )
    op.create_index(op.f("ix_insight_reveals_revealed_to"), "insight_reveals", ["revealed_to"], unique=False)
    op.create_index(
        "ix_insight_reveals_standing", "insight_reveals", ["section_id", "student_id", "revealed_to"], unique=False
    )
    op.create_index(op.f("ix_insight_reveals_student_id"), "insight_reveals", ["student_id"], unique=False)
    op.create_table(
        "insight_sections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("rolled_through", sa.Date(), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_sections_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_sections")),
        sa.UniqueConstraint("section_id", name=op.f("uq_insight_sections_section_id")),
    )
    op.create_table(
        "insight_stale",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_stale_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_stale")),
    )
    op.create_index(op.f("ix_insight_stale_section_id"), "insight_stale", ["section_id"], unique=False)
    op.create_table(
        "insight_switches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("transcripts", sa.String(), nullable=False),
        sa.Column("recommendations", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "transcripts IN ('revealable', 'pseudonymous', 'off')", name=op.f("ck_insight_switches_transcripts")
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_switches_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_switches")),
        sa.UniqueConstraint("section_id", name=op.f("uq_insight_switches_section_id")),
    )
    op.create_table(
        "insight_visits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("visited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_insight_visits_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"], ["sections.id"], name=op.f("fk_insight_visits_section_id_sections"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_visits")),
        sa.UniqueConstraint("section_id", "person_id", name=op.f("uq_insight_visits_section_id_person_id")),
    )
    op.create_index(op.f("ix_insight_visits_person_id"), "insight_visits", ["person_id"], unique=False)
    op.create_table(
        "insight_thumbs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recommendation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(500), nullable=False),
        sa.CheckConstraint("rating IN (-1, 1)", name=op.f("ck_insight_thumbs_rating")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_insight_thumbs_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recommendation_id"],
            ["insight_advice.id"],
            name=op.f("fk_insight_thumbs_recommendation_id_insight_advice"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_thumbs")),
        sa.UniqueConstraint(
            "recommendation_id", "person_id", name=op.f("uq_insight_thumbs_recommendation_id_person_id")
        ),
    )
    op.create_index(op.f("ix_insight_thumbs_person_id"), "insight_thumbs", ["person_id"], unique=False)
    op.create_table(
        "insight_resolutions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_insight_resolutions_message_id_messages"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["people.id"], name=op.f("fk_insight_resolutions_resolved_by_people"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insight_resolutions")),
        sa.UniqueConstraint("message_id", name=op.f("uq_insight_resolutions_message_id")),
    )
    op.create_index(op.f("ix_insight_resolutions_resolved_by"), "insight_resolutions", ["resolved_by"], unique=False)
    op.create_index("ix_conversations_section", "conversations", ["section_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_messages_complaints", "messages", ["created_at"], unique=False, postgresql_where=sa.text("rating = -1")
    )
    op.create_index("ix_messages_created_at", "messages", ["created_at"], unique=False)
    for statement in TRIGGERS:
        op.execute(statement)


def downgrade() -> None:
    for trigger, table in (
        ("inserted", "messages"),
        ("changed", "messages"),
        ("begun", "conversations"),
        ("deleted", "conversations"),
    ):
        op.execute(f"DROP TRIGGER insight_{trigger} ON {table}")
        op.execute(f"DROP FUNCTION insight_mark_{trigger}")
    op.drop_index("ix_messages_created_at", table_name="messages")
    op.drop_index("ix_messages_complaints", table_name="messages")
    op.drop_index("ix_conversations_section", table_name="conversations")
    for table in (
        "thumbs",
        "advice",
        "switches",
        "reveals",
        "pseudonyms",
        "resolutions",
        "visits",
        "costs",
        "activity",
        "stale",
        "sections",
    ):
        op.drop_table(f"insight_{table}")
