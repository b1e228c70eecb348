"""The membership row: balances, holds and the referral code."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_members()


def downgrade() -> None:
    op.drop_table("loyalty_members")


def _create_loyalty_members() -> None:
    op.create_table(
        "loyalty_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("referral_code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lifetime_earned", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=True),
        sa.Column("tier_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_loyalty_members_status")),
        sa.CheckConstraint("(tier_id IS NULL) = (tier_since IS NULL)", name=op.f("ck_loyalty_members_tier_since")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_loyalty_members_balance")),
        sa.CheckConstraint("held >= 0 AND held <= balance", name=op.f("ck_loyalty_members_held")),
        sa.CheckConstraint("lifetime_earned >= 0", name=op.f("ck_loyalty_members_lifetime_earned")),
        sa.CheckConstraint("pending >= 0", name=op.f("ck_loyalty_members_pending")),
        sa.CheckConstraint("owed >= 0", name=op.f("ck_loyalty_members_owed")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_loyalty_members_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_members")),
        sa.UniqueConstraint("referral_code", name=op.f("uq_loyalty_members_referral_code")),
        sa.UniqueConstraint("user_id", name=op.f("uq_loyalty_members_user_id")),
    )
    op.create_index("ix_loyalty_members_balance", "loyalty_members", ["balance", "id"], unique=False)
    op.create_index("ix_loyalty_members_joined_at", "loyalty_members", ["joined_at", "id"], unique=False)
    op.create_index("ix_loyalty_members_lifetime_earned", "loyalty_members", ["lifetime_earned", "id"], unique=False)
    op.create_index(
        "ix_loyalty_members_owed",
        "loyalty_members",
        ["owed", "id"],
        unique=False,
        postgresql_where=sa.text("owed > 0"),
    )
    op.create_index(
        "ix_loyalty_members_suspended",
        "loyalty_members",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'suspended'"),
    )
    op.create_index("ix_loyalty_members_tier_balance", "loyalty_members", ["tier_id", "balance", "id"], unique=False)
    op.create_index(
        "ix_loyalty_members_tier_earned", "loyalty_members", ["tier_id", "lifetime_earned", "id"], unique=False
    )
    op.create_index(
        "ix_loyalty_members_tier_id",
        "loyalty_members",
        ["tier_id", "id"],
        unique=False,
        postgresql_where=sa.text("tier_id IS NOT NULL"),
    )
    op.create_index(
        "ix_loyalty_members_tier_joined_at", "loyalty_members", ["tier_id", "joined_at", "id"], unique=False
    )
