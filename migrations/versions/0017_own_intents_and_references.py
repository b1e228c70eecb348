"""Ids of a member's own checkout, references beside the ledger, and tiers that a job moves members between."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAMED = {"loyalty_checkout_intents": "by_member", "loyalty_redemptions": "checkout_intent_id IS NOT NULL"}


def upgrade() -> None:
    op.add_column(
        "loyalty_checkout_intents", sa.Column("by_member", sa.Boolean(), server_default="false", nullable=False)
    )
    for table in NAMED:
        op.drop_constraint(f"uq_{table}_checkout_intent_id", table)
        name = f"uq_{table}_member_id_checkout_intent_id"
        op.create_unique_constraint(name, table, ["member_id", "checkout_intent_id"])
    op.create_index(
        "uq_loyalty_checkout_intents_of_shop",
        "loyalty_checkout_intents",
        ["checkout_intent_id"],
        unique=True,
        postgresql_where="NOT by_member",
    )
    op.create_index("ix_loyalty_members_qualifying", "loyalty_members", ["tier_id", "lifetime_earned", "id"])
    _create_references()
    _create_requalifications()


def _create_references() -> None:
    op.create_table(
        "loyalty_ledger_references",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "entry_id", name="pk_loyalty_ledger_references"),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name="fk_loyalty_ledger_references_member_id_loyalty_ledger_entries",
        ),
        sa.CheckConstraint("jsonb_typeof(facts) = 'object'", name="facts"),
    )


def _create_requalifications() -> None:
    op.create_table(
        "loyalty_requalifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tier_slug", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("moved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_loyalty_requalifications"),
        sa.CheckConstraint("moved >= 0 AND expected >= 0", name="counts"),
    )
    op.create_index(
        "ix_loyalty_requalifications_open",
        "loyalty_requalifications",
        ["changed_at"],
        postgresql_where="finished_at IS NULL",
    )


def downgrade() -> None:
    op.drop_table("loyalty_requalifications")
    op.drop_table("loyalty_ledger_references")
    op.drop_index("ix_loyalty_members_qualifying", table_name="loyalty_members")
    op.drop_index("uq_loyalty_checkout_intents_of_shop", table_name="loyalty_checkout_intents")
    for table, condition in NAMED.items():
        op.drop_constraint(f"uq_{table}_member_id_checkout_intent_id", table)
        # An id that others have too stays known by the intent's own.
        op.execute(f"""
            UPDATE {table} t SET checkout_intent_id = t.checkout_intent_id || ':' || t.id WHERE {condition} AND EXISTS (
                SELECT FROM {table} o WHERE o.checkout_intent_id = t.checkout_intent_id AND o.id < t.id)
        """)
        op.create_unique_constraint(f"uq_{table}_checkout_intent_id", table, ["checkout_intent_id"])
    op.drop_column("loyalty_checkout_intents", "by_member")
