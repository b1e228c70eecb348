"""Orders, every state of them that was received, and refunds that came before their order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_orders()
    _create_loyalty_order_states()
    _create_loyalty_unmatched_refunds()


def downgrade() -> None:
    op.drop_table("loyalty_unmatched_refunds")
    op.drop_table("loyalty_order_states")
    op.drop_table("loyalty_orders")


def _create_loyalty_orders() -> None:
    op.create_table(
        "loyalty_orders",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("test", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refunds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("restores", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("episode", sa.Integer(), server_default="0", nullable=False),
        sa.Column("change", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stands", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("history", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.BigInteger(), nullable=True),
        sa.Column("granted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reversed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "status IN ('placed', 'paid', 'fulfilled', 'cancelled')", name=op.f("ck_loyalty_orders_status")
        ),
        sa.CheckConstraint("member_id IS NULL OR email_hash IS NULL", name=op.f("ck_loyalty_orders_owner")),
        sa.CheckConstraint("granted >= reversed AND reversed >= 0", name=op.f("ck_loyalty_orders_figures")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_orders_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_loyalty_orders")),
    )
    op.create_index("ix_loyalty_orders_placed_at", "loyalty_orders", ["placed_at", "reference"])
    op.create_index("ix_loyalty_orders_total", "loyalty_orders", ["total", "reference"])
    op.create_index("ix_loyalty_orders_status", "loyalty_orders", ["status", "placed_at", "reference"])
    op.create_index(
        "ix_loyalty_orders_reasons",
        "loyalty_orders",
        ["reasons", "placed_at", "reference"],
        postgresql_where=sa.text("reasons <> '{}'"),
    )
    op.create_index(
        "ix_loyalty_orders_warned",
        "loyalty_orders",
        ["placed_at", "reference"],
        postgresql_where=sa.text("warnings <> '[]'"),
    )
    op.create_index(
        "ix_loyalty_orders_nobody",
        "loyalty_orders",
        ["placed_at", "reference"],
        postgresql_where=sa.text("member_id IS NULL"),
    )
    op.create_index(
        "ix_loyalty_orders_prefix",
        "loyalty_orders",
        ["reference"],
        postgresql_ops={"reference": "text_pattern_ops"},
    )
    op.create_index("ix_loyalty_orders_member", "loyalty_orders", ["member_id", "placed_at", "reference"])
    op.create_index(
        "ix_loyalty_orders_unclaimed", "loyalty_orders", ["email_hash"], postgresql_where=sa.text("member_id IS NULL")
    )
    op.create_index(
        "ix_loyalty_orders_suspended",
        "loyalty_orders",
        ["member_id"],
        postgresql_where=sa.text("reasons @> ARRAY['member_suspended']"),
    )


def _create_loyalty_order_states() -> None:
    op.create_table(
        "loyalty_order_states",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refunds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grants", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_order_states_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["reference"], ["loyalty_orders.reference"], name=op.f("fk_loyalty_order_states_reference_loyalty_orders")
        ),
        sa.PrimaryKeyConstraint("reference", "change", name=op.f("pk_loyalty_order_states")),
    )


def _create_loyalty_unmatched_refunds() -> None:
    op.create_table(
        "loyalty_unmatched_refunds",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("refund_id", sa.String(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reference", "refund_id", name=op.f("pk_loyalty_unmatched_refunds")),
    )
    op.create_index(
        "ix_loyalty_unmatched_refunds_received_at",
        "loyalty_unmatched_refunds",
        ["received_at", "reference", "refund_id"],
    )
