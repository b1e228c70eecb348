"""Runs that wait, retry and are shared in parts; messages with their outcome."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
TIME = sa.DateTime(timezone=True)
NEW = {
    "status": "status IN ('due', 'running', 'succeeded', 'failed')",
    "finished": "(status IN ('due', 'running')) = (finished_at IS NULL)",
    "started": "status = 'due' OR started_at IS NOT NULL",
}
OLD = {
    "status": "status IN ('running', 'succeeded', 'failed')",
    "finished": "(status = 'running') = (finished_at IS NULL)",
}


def upgrade() -> None:
    op.drop_index("ix_job_runs_running", table_name="job_runs")
    for name in OLD:
        op.drop_constraint(op.f(f"ck_job_runs_{name}"), "job_runs", type_="check")
    op.add_column("job_runs", sa.Column("by_hand", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("job_runs", sa.Column("next_attempt_at", TIME, nullable=True))
    op.execute("UPDATE job_runs SET next_attempt_at = coalesce(lease_until, finished_at)")
    op.alter_column("job_runs", "next_attempt_at", nullable=False)
    op.alter_column("job_runs", "started_at", nullable=True)
    for name in ("fence", "attempts"):
        op.alter_column("job_runs", name, server_default="0")
    for name, rule in NEW.items():
        op.create_check_constraint(op.f(f"ck_job_runs_{name}"), "job_runs", rule)
    op.create_index(
        "ix_job_runs_open", "job_runs", ["next_attempt_at"], postgresql_where=sa.text("status IN ('due', 'running')")
    )
    op.create_index("ix_job_runs_started_at", "job_runs", ["job_id", "started_at"])
    _create_parts()
    _create_messages()


def _create_parts() -> None:
    op.create_table(
        "job_parts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("slot", TIME, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), server_default="due", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("metrics", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("status IN ('due', 'running', 'done')", name=op.f("ck_job_parts_status")),
        sa.CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_job_parts_lease")),
        sa.CheckConstraint("shard >= 0 AND shard < shards", name=op.f("ck_job_parts_shard")),
        sa.ForeignKeyConstraint(
            ["job_id", "slot"], ["job_runs.job_id", "job_runs.slot"], name=op.f("fk_job_parts_job_id_job_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "slot", "step", "shard", name=op.f("pk_job_parts")),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("backend", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body_text", sa.String(), nullable=True),
        sa.Column("body_html", sa.String(), nullable=True),
        sa.Column("details", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("sent_at", TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('claimed', 'sent', 'failed', 'suppressed', 'deferred', 'uncertain')",
            name=op.f("ck_messages_status"),
        ),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push')", name=op.f("ck_messages_channel")),
        sa.CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_messages_sent")),
        sa.CheckConstraint(
            "status NOT IN ('claimed', 'sent') OR channel IS NOT NULL", name=op.f("ck_messages_channel_known")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_messages_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_messages_dedupe_key")),
    )
    op.create_index("ix_messages_user_id", "messages", ["user_id", "id"])
    op.create_index("ix_messages_created_at", "messages", ["created_at"])
    op.create_index(
        "ix_messages_open", "messages", ["updated_at"], postgresql_where=sa.text("status IN ('claimed', 'uncertain')")
    )


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("job_parts")
    op.execute("DELETE FROM job_runs WHERE status = 'due'")
    op.drop_index("ix_job_runs_started_at", table_name="job_runs")
    op.drop_index("ix_job_runs_open", table_name="job_runs")
    for name in NEW:
        op.drop_constraint(op.f(f"ck_job_runs_{name}"), "job_runs", type_="check")
    for name in ("fence", "attempts"):
        op.alter_column("job_runs", name, server_default="1")
    op.alter_column("job_runs", "started_at", nullable=False)
    op.drop_column("job_runs", "next_attempt_at")
    op.drop_column("job_runs", "by_hand")
    for name, rule in OLD.items():
        op.create_check_constraint(op.f(f"ck_job_runs_{name}"), "job_runs", rule)
    op.create_index(
        "ix_job_runs_running", "job_runs", ["lease_until"], postgresql_where=sa.text("status = 'running'")
    )
