"""Runs of jobs, and how long they took."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_job_durations()
    _create_job_runs()
    _create_job_parts()


def downgrade() -> None:
    op.drop_table("job_parts")
    op.drop_table("job_runs")
    op.drop_table("job_durations")


def _create_job_durations() -> None:
    op.create_table(
        "job_durations",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'retried')", name=op.f("ck_job_durations_outcome")),
        sa.PrimaryKeyConstraint("job_id", "outcome", "bound", name=op.f("pk_job_durations")),
    )


def _create_job_runs() -> None:
    op.create_table(
        "job_runs",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_job_runs_lease")),
        sa.CheckConstraint("(status IN ('due', 'running')) = (finished_at IS NULL)", name=op.f("ck_job_runs_finished")),
        sa.CheckConstraint("status = 'due' OR started_at IS NOT NULL", name=op.f("ck_job_runs_started")),
        sa.CheckConstraint("status IN ('due', 'running', 'succeeded', 'failed')", name=op.f("ck_job_runs_status")),
        sa.PrimaryKeyConstraint("job_id", "slot", name=op.f("pk_job_runs")),
    )
    op.create_index(
        "ix_job_runs_open",
        "job_runs",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('due', 'running')"),
    )
    op.create_index("ix_job_runs_slot", "job_runs", ["slot"], unique=False)
    op.create_index("ix_job_runs_started_at", "job_runs", ["job_id", "started_at"], unique=False)


def _create_job_parts() -> None:
    op.create_table(
        "job_parts",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("shards", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), server_default="due", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_job_parts_lease")),
        sa.CheckConstraint("status IN ('due', 'running', 'done')", name=op.f("ck_job_parts_status")),
        sa.CheckConstraint("shard >= 0 AND shard < shards", name=op.f("ck_job_parts_shard")),
        sa.ForeignKeyConstraint(
            ["job_id", "slot"],
            ["job_runs.job_id", "job_runs.slot"],
            name=op.f("fk_job_parts_job_id_slot_job_runs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "slot", "step", "shard", name=op.f("pk_job_parts")),
    )
