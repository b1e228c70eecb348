"""The queue of redemptions is read in its order, however many have been decided."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_loyalty_redemptions_queue", "loyalty_redemptions", ["id"], postgresql_where="status = 'requested'"
    )


def downgrade() -> None:
    op.drop_index("ix_loyalty_redemptions_queue", table_name="loyalty_redemptions")
