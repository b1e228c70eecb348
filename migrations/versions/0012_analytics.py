"""The figures of each night."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_analytics_snapshots()


def downgrade() -> None:
    op.drop_table("loyalty_analytics_snapshots")


def _create_loyalty_analytics_snapshots() -> None:
    op.create_table(
        "loyalty_analytics_snapshots",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("night", name=op.f("pk_loyalty_analytics_snapshots")),
        sa.UniqueConstraint("id", name=op.f("uq_loyalty_analytics_snapshots_id")),
    )
