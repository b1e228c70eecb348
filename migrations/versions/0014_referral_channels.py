"""List the invites of a channel, newest first, also of one that is hardly used."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "loyalty_referral_invites"


def upgrade() -> None:
    op.create_index(f"ix_{TABLE}_channel", TABLE, ["channel", "created_at"])


def downgrade() -> None:
    op.drop_index(f"ix_{TABLE}_channel", table_name=TABLE)
