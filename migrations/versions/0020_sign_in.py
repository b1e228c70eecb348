"""Devices that signed in before, notices to owners of accounts, and who made a token, whose name may come again."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("device_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_known_devices_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "device_hash", name="pk_known_devices"),
    )
    op.create_index("ix_known_devices_last_used_at", "known_devices", ["last_used_at"])
    op.create_table(
        "account_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("browser", sa.String(), server_default="", nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "notice IN ('password_set', 'email_changed', 'new_device', 'sign_in_attempts')",
            name="ck_account_notices_notice",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_account_notices_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_account_notices"),
    )
    op.create_index("ix_account_notices_user_id", "account_notices", ["user_id", "at"])
    op.create_index("ix_account_notices_at", "account_notices", ["at"])
    op.create_index("ix_login_failures_place", "login_failures", ["email", "address", "at"])
    op.add_column("api_tokens", sa.Column("created_by", sa.String(), server_default="", nullable=False))
    op.execute("""
        UPDATE api_tokens t SET created_by = a.actor FROM audit_log a
        WHERE a.action = 'token.create' AND a.object_type = 'token' AND a.object_id = t.name
    """)
    op.drop_constraint("uq_api_tokens_name", "api_tokens", type_="unique")
    op.create_index("uq_api_tokens_name", "api_tokens", ["name"], unique=True, postgresql_where="revoked_at IS NULL")


def downgrade() -> None:
    op.drop_index("uq_api_tokens_name", table_name="api_tokens")
    op.execute("""
        UPDATE api_tokens t SET name = t.name || ' ' || t.id WHERE t.revoked_at IS NOT NULL
        AND EXISTS (SELECT FROM api_tokens o WHERE o.name = t.name AND o.id <> t.id)
    """)
    op.create_unique_constraint("uq_api_tokens_name", "api_tokens", ["name"])
    op.drop_column("api_tokens", "created_by")
    op.drop_index("ix_login_failures_place", table_name="login_failures")
    op.drop_table("account_notices")
    op.drop_table("known_devices")
