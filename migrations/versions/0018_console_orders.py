"""Members are listed by balance, by points earned and by when they joined, also those of one tier; the audit log by
what was done and on what.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_loyalty_members_balance": ("loyalty_members", ["balance", "id"]),
    "ix_loyalty_members_joined_at": ("loyalty_members", ["joined_at", "id"]),
    "ix_loyalty_members_tier_balance": ("loyalty_members", ["tier_id", "balance", "id"]),
    "ix_loyalty_members_tier_earned": ("loyalty_members", ["tier_id", "lifetime_earned", "id"]),
    "ix_loyalty_members_tier_joined_at": ("loyalty_members", ["tier_id", "joined_at", "id"]),
    "ix_audit_log_action": ("audit_log", ["action", "id"]),
    "ix_audit_log_object_id": ("audit_log", ["object_id", "id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
