"""Requests for rewards, and the points that they hold."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_redemptions()
    op.create_foreign_key(
        "fk_loyalty_hold_allocations_member_id_redemption_id_loy_4293",
        "loyalty_hold_allocations",
        "loyalty_redemptions",
        ["member_id", "redemption_id"],
        ["member_id", "id"],
    )


def downgrade() -> None:
    op.drop_constraint(
        "fk_loyalty_hold_allocations_member_id_redemption_id_loy_4293", "loyalty_hold_allocations", type_="foreignkey"
    )
    op.drop_table("loyalty_redemptions")


def _create_loyalty_redemptions() -> None:
    op.create_table(
        "loyalty_redemptions",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), server_default="requested", nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("restored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column("ledger_entry_id", sa.Uuid(), nullable=True),
        sa.Column("checkout_intent_id", sa.String(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('fulfilled', 'refunded')) = (ledger_entry_id IS NOT NULL) AND "
            "(status IN ('fulfilled', 'refunded')) = (fulfilled_at IS NOT NULL)",
            name=op.f("ck_loyalty_redemptions_fulfilled"),
        ),
        sa.CheckConstraint("(status = 'requested') = (closed_at IS NULL)", name=op.f("ck_loyalty_redemptions_closed")),
        sa.CheckConstraint(
            "(status IN ('failed', 'cancelled')) = (failure_reason IS NOT NULL)",
            name=op.f("ck_loyalty_redemptions_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'fulfilled', 'failed', 'cancelled', 'refunded')",
            name=op.f("ck_loyalty_redemptions_status"),
        ),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_redemptions_points")),
        sa.CheckConstraint(
            "restored >= 0 AND restored <= points AND (status = 'refunded') = (restored = points) AND "
            "(restored = 0 OR status IN ('fulfilled', 'refunded'))",
            name=op.f("ck_loyalty_redemptions_restored"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "ledger_entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_redemptions_member_id_ledger_entry_id_loyalty_ledger_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "retry_of"],
            ["loyalty_redemptions.member_id", "loyalty_redemptions.id"],
            name=op.f("fk_loyalty_redemptions_member_id_retry_of_loyalty_redemptions"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_redemptions_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"], ["loyalty_rewards.id"], name=op.f("fk_loyalty_redemptions_reward_id_loyalty_rewards")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_redemptions")),
        sa.UniqueConstraint(
            "member_id", "checkout_intent_id", name=op.f("uq_loyalty_redemptions_member_id_checkout_intent_id")
        ),
    )
    op.create_index("ix_loyalty_redemptions_id", "loyalty_redemptions", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_redemptions_open",
        "loyalty_redemptions",
        ["hold_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index(
        "ix_loyalty_redemptions_queue",
        "loyalty_redemptions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index("ix_loyalty_redemptions_status", "loyalty_redemptions", ["member_id", "status", "id"], unique=False)
    op.create_index(
        "ix_loyalty_redemptions_taken",
        "loyalty_redemptions",
        ["member_id", "reward_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('requested', 'fulfilled') AND reward_id IS NOT NULL"),
    )
    op.create_index(
        "ix_loyalty_redemptions_timeline", "loyalty_redemptions", ["member_id", "requested_at", "id"], unique=False
    )
    op.create_index(
        "ix_loyalty_redemptions_waiting",
        "loyalty_redemptions",
        ["requested_at", "member_id"],
        unique=False,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_index(
        "uq_loyalty_redemptions_retry_of",
        "loyalty_redemptions",
        ["member_id", "retry_of"],
        unique=True,
        postgresql_where=sa.text("retry_of IS NOT NULL"),
    )
