"""Totals for Prometheus: how long runs took and how messages ended, kept as they happen."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_durations",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'retried')", name=op.f("ck_job_durations_outcome")),
        sa.PrimaryKeyConstraint("job_id", "outcome", "bound", name=op.f("pk_job_durations")),
    )
    op.create_table(
        "message_totals",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False, autoincrement=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "channel", "outcome", "part", name=op.f("pk_message_totals")),
    )


def downgrade() -> None:
    op.drop_table("message_totals")
    op.drop_table("job_durations")
