"""Find a member's events by their time, and know which redemption asks again for a failed one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIMELINE = {
    "loyalty_ledger_entries": ["member_id", "occurred_at", "seq"],
    "loyalty_redemptions": ["member_id", "requested_at", "id"],
    "loyalty_referral_invites": ["member_id", "created_at", "id"],
}


def upgrade() -> None:
    for table, columns in TIMELINE.items():
        op.create_index(f"ix_{table}_timeline", table, columns)
    op.add_column("loyalty_redemptions", sa.Column("retry_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_loyalty_redemptions_member_id_retry_of_loyalty_redemptions"),
        "loyalty_redemptions",
        "loyalty_redemptions",
        ["member_id", "retry_of"],
        ["member_id", "id"],
    )
    op.create_index(
        "uq_loyalty_redemptions_retry_of",
        "loyalty_redemptions",
        ["member_id", "retry_of"],
        unique=True,
        postgresql_where=sa.text("retry_of IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_loyalty_redemptions_retry_of", table_name="loyalty_redemptions")
    op.drop_constraint(op.f("fk_loyalty_redemptions_member_id_retry_of_loyalty_redemptions"), "loyalty_redemptions")
    op.drop_column("loyalty_redemptions", "retry_of")
    for table in TIMELINE:
        op.drop_index(f"ix_{table}_timeline", table_name=table)
