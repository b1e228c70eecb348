"""Find an invite by its friend's address and by status, and keep who looked at a conversion's signals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "loyalty_referral_invites"
INDEXES = {
    "invitee_email": (["invitee_email"], "invitee_email IS NOT NULL"),
    "newest": (["status", "created_at"], None),
    "signals": (["converted_at"], "signals <> '{}'"),
    "unreviewed": (["converted_at"], "signals <> '{}' AND reviewed_at IS NULL"),
}


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("reviewed_by", sa.String(), nullable=True))
    op.add_column(TABLE, sa.Column("review_note", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f(f"ck_{TABLE}_reviewed"),
        TABLE,
        "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (review_note IS NULL)",
    )
    for name, (columns, where) in INDEXES.items():
        op.create_index(f"ix_{TABLE}_{name}", TABLE, columns, postgresql_where=sa.text(where) if where else None)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(f"ix_{TABLE}_{name}", table_name=TABLE)
    op.drop_constraint(op.f(f"ck_{TABLE}_reviewed"), TABLE)
    for column in ("review_note", "reviewed_by", "reviewed_at"):
        op.drop_column(TABLE, column)
