"""Messages to people, how they ended, and who wants none."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_message_suppressions()
    _create_message_totals()
    _create_messages()


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("message_totals")
    op.drop_table("message_suppressions")


def _create_message_suppressions() -> None:
    op.create_table(
        "message_suppressions",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f("ck_message_suppressions_channel")),
        sa.PrimaryKeyConstraint("channel", "address_hash", name=op.f("pk_message_suppressions")),
    )
    op.create_index("ix_message_suppressions_created_at", "message_suppressions", ["created_at"], unique=False)


def _create_message_totals() -> None:
    op.create_table(
        "message_totals",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "channel", "outcome", "part", name=op.f("pk_message_totals")),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("backend", sa.String(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("recipient", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body_text", sa.String(), nullable=True),
        sa.Column("body_html", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_messages_sent")),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push')", name=op.f("ck_messages_channel")),
        sa.CheckConstraint(
            "status IN ('claimed', 'sent', 'failed', 'suppressed', 'deferred', 'uncertain')",
            name=op.f("ck_messages_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('claimed', 'sent') OR channel IS NOT NULL", name=op.f("ck_messages_channel_known")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_messages_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_messages_dedupe_key")),
    )
    op.create_index("ix_messages_created_at", "messages", ["created_at"], unique=False)
    op.create_index(
        "ix_messages_open",
        "messages",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('claimed', 'uncertain')"),
    )
    op.create_index(
        "ix_messages_preview",
        "messages",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("backend = 'preview'"),
    )
    op.create_index("ix_messages_status", "messages", ["status", "created_at", "id"], unique=False)
    op.create_index("ix_messages_user_id", "messages", ["user_id", "id"], unique=False)
