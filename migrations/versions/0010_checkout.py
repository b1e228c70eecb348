"""What a checkout plans and confirms."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_checkout_intents()


def downgrade() -> None:
    op.drop_table("loyalty_checkout_intents")


def _create_loyalty_checkout_intents() -> None:
    op.create_table(
        "loyalty_checkout_intents",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checkout_intent_id", sa.String(), nullable=False),
        sa.Column("by_member", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("order_reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("planned_cost", sa.BigInteger(), nullable=True),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('resolved', 'cancelled', 'expired')) = (resolved_at IS NOT NULL)",
            name=op.f("ck_loyalty_checkout_intents_resolved"),
        ),
        sa.CheckConstraint("kind IN ('redemption', 'referral_share')", name=op.f("ck_loyalty_checkout_intents_kind")),
        sa.CheckConstraint(
            "redemption_id IS NULL OR kind = 'redemption'", name=op.f("ck_loyalty_checkout_intents_redemption")
        ),
        sa.CheckConstraint(
            "status <> 'confirmed' OR confirmed_at IS NOT NULL", name=op.f("ck_loyalty_checkout_intents_confirmed")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'resolved', 'cancelled', 'expired')",
            name=op.f("ck_loyalty_checkout_intents_status"),
        ),
        sa.CheckConstraint("points IS NULL OR points > 0", name=op.f("ck_loyalty_checkout_intents_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "redemption_id"],
            ["loyalty_redemptions.member_id", "loyalty_redemptions.id"],
            name=op.f("fk_loyalty_checkout_intents_member_id_redemption_id_loyalty_redemptions"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_checkout_intents_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"], ["loyalty_rewards.id"], name=op.f("fk_loyalty_checkout_intents_reward_id_loyalty_rewards")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_checkout_intents")),
        sa.UniqueConstraint(
            "member_id", "checkout_intent_id", name=op.f("uq_loyalty_checkout_intents_member_id_checkout_intent_id")
        ),
    )
    op.create_index(
        "ix_loyalty_checkout_intents_due",
        "loyalty_checkout_intents",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_loyalty_checkout_intents_id", "loyalty_checkout_intents", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_checkout_intents_pending",
        "loyalty_checkout_intents",
        ["member_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_loyalty_checkout_intents_of_shop",
        "loyalty_checkout_intents",
        ["checkout_intent_id"],
        unique=True,
        postgresql_where=sa.text("NOT by_member"),
    )
