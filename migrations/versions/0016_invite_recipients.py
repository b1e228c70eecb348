"""Count what an address is sent by a keyed hash of it, and keep the rise that a completed referral brought."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "loyalty_invite_recipients"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["loyalty_members.id"], name=op.f(f"fk_{TABLE}_member_id_loyalty_members")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(f"ix_{TABLE}_recipient", TABLE, ["recipient", "sent_at"], postgresql_include=["member_id"])
    op.create_index(f"ix_{TABLE}_sent_at", TABLE, ["sent_at"])
    op.add_column("loyalty_referral_invites", sa.Column("tier_upgrade", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("loyalty_referral_invites", "tier_upgrade")
    op.drop_table(TABLE)
