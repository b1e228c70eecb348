"""Versions of the programme's settings. The first one stands for all that was never recorded."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programme_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("jsonb_typeof(settings) = 'object'", name=op.f("ck_programme_versions_settings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_versions")),
    )
    op.execute("INSERT INTO programme_versions (at, settings) VALUES (now(), '{}')")


def downgrade() -> None:
    op.drop_table("programme_versions")
