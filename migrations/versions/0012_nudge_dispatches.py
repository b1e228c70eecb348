"""Find the newest dispatches of nudges by how they ended."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "loyalty_nudge_dispatch_events"


def upgrade() -> None:
    op.create_index(f"ix_{TABLE}_status", TABLE, ["status", "id"])
    op.drop_index(f"ix_{TABLE}_id", table_name=TABLE)


def downgrade() -> None:
    op.create_index(f"ix_{TABLE}_id", TABLE, ["id"])
    op.drop_index(f"ix_{TABLE}_status", table_name=TABLE)
