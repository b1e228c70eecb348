"""What the consoles show of a night, of runs by hand, of checks of the ledger, and of messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "loyalty_analytics_snapshots", sa.Column("details", JSONB, server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("job_runs", sa.Column("asked_by", sa.String(), nullable=True))
    op.create_index("ix_job_runs_slot", "job_runs", ["slot"])
    op.create_table(
        "ledger_checks",
        sa.Column("slot", TIME, nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("examples", JSONB, nullable=False),
        sa.CheckConstraint("differences >= 0", name=op.f("ck_ledger_checks_differences")),
        sa.PrimaryKeyConstraint("slot", "check_name", name=op.f("pk_ledger_checks")),
    )
    op.create_index("ix_messages_status", "messages", ["status", "created_at", "id"])
    op.create_index(
        "ix_messages_preview", "messages", ["created_at", "id"], postgresql_where=sa.text("backend = 'preview'")
    )
    op.create_index("ix_message_suppressions_created_at", "message_suppressions", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_message_suppressions_created_at", table_name="message_suppressions")
    op.drop_index("ix_messages_preview", table_name="messages")
    op.drop_index("ix_messages_status", table_name="messages")
    op.drop_table("ledger_checks")
    op.drop_index("ix_job_runs_slot", table_name="job_runs")
    op.drop_column("job_runs", "asked_by")
    op.drop_column("loyalty_analytics_snapshots", "details")
