"""Whether a job's person was told that it ended; nobody is told of what ended before."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE jobs SET told_at = finished_at WHERE finished_at > now() - interval '2 days'")


def downgrade() -> None:
    op.drop_column("jobs", "told_at")
