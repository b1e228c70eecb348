"""Find the newest dispatches of nudges however they ended, as the console lists them."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_loyalty_nudge_dispatch_events_newest", "loyalty_nudge_dispatch_events", ["id"])


def downgrade() -> None:
    op.drop_index("ix_loyalty_nudge_dispatch_events_newest", table_name="loyalty_nudge_dispatch_events")
