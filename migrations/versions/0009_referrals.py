"""Invites, what became of them, and how active members are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_loyalty_invite_recipients()
    _create_loyalty_referral_activity()
    _create_loyalty_referral_invites()


def downgrade() -> None:
    op.drop_table("loyalty_referral_invites")
    op.drop_table("loyalty_referral_activity")
    op.drop_table("loyalty_invite_recipients")


def _create_loyalty_invite_recipients() -> None:
    op.create_table(
        "loyalty_invite_recipients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_invite_recipients_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_invite_recipients")),
    )
    op.create_index(
        "ix_loyalty_invite_recipients_recipient",
        "loyalty_invite_recipients",
        ["recipient", "sent_at"],
        unique=False,
        postgresql_include=["member_id"],
    )
    op.create_index("ix_loyalty_invite_recipients_sent_at", "loyalty_invite_recipients", ["sent_at"], unique=False)


def _create_loyalty_referral_activity() -> None:
    op.create_table(
        "loyalty_referral_activity",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("open_invites", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_invite_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device", sa.String(), nullable=True),
        sa.CheckConstraint("open_invites >= 0", name=op.f("ck_loyalty_referral_activity_open_invites")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_referral_activity_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_loyalty_referral_activity")),
    )
    op.create_index(
        "ix_loyalty_referral_activity_last",
        "loyalty_referral_activity",
        ["last_activity_at"],
        unique=False,
        postgresql_include=["member_id", "open_invites"],
        postgresql_where=sa.text("last_activity_at IS NOT NULL"),
    )


def _create_loyalty_referral_invites() -> None:
    op.create_table(
        "loyalty_referral_invites",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("invitee_email", sa.String(), nullable=True),
        sa.Column("invitee_email_normalized", sa.String(), nullable=True),
        sa.Column("invitee_name", sa.String(), nullable=True),
        sa.Column("invitee_phone", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("converted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("referee_user_id", sa.String(), nullable=True),
        sa.Column("order_reference", sa.String(), nullable=True),
        sa.Column("reward_points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("welcome_points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("signals", postgresql.ARRAY(sa.TEXT()), server_default="{}", nullable=False),
        sa.Column("not_sent_reason", sa.String(), nullable=True),
        sa.Column("shared_code", sa.String(), nullable=True),
        sa.Column("attributed_user_id", sa.String(), nullable=True),
        sa.Column("attributed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inviter_device", sa.String(), nullable=True),
        sa.Column("referee_device", sa.String(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("review_note", sa.String(), nullable=True),
        sa.Column("tier_upgrade", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_loyalty_referral_invites_cancelled")
        ),
        sa.CheckConstraint(
            "(status IN ('converted', 'reversed')) = (converted_at IS NOT NULL) AND "
            "(status IN ('converted', 'reversed')) = (referee_user_id IS NOT NULL)",
            name=op.f("ck_loyalty_referral_invites_converted"),
        ),
        sa.CheckConstraint(
            "(status = 'reversed') = (reversed_at IS NOT NULL)", name=op.f("ck_loyalty_referral_invites_reversed")
        ),
        sa.CheckConstraint("status = 'reversed' OR NOT voided", name=op.f("ck_loyalty_referral_invites_voided")),
        sa.CheckConstraint("channel IN ('link', 'email', 'sms')", name=op.f("ck_loyalty_referral_invites_channel")),
        sa.CheckConstraint(
            "status IN ('draft', 'sent', 'converted', 'cancelled', 'expired', 'reversed')",
            name=op.f("ck_loyalty_referral_invites_status"),
        ),
        sa.CheckConstraint(
            "(attributed_user_id IS NULL) = (attributed_at IS NULL)",
            name=op.f("ck_loyalty_referral_invites_attributed"),
        ),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (review_note IS NULL)",
            name=op.f("ck_loyalty_referral_invites_reviewed"),
        ),
        sa.CheckConstraint(
            "reward_points >= 0 AND welcome_points >= 0", name=op.f("ck_loyalty_referral_invites_points")
        ),
        sa.ForeignKeyConstraint(
            ["attributed_user_id"], ["users.id"], name=op.f("fk_loyalty_referral_invites_attributed_user_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_referral_invites_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["referee_user_id"], ["users.id"], name=op.f("fk_loyalty_referral_invites_referee_user_id_users")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_referral_invites")),
        sa.UniqueConstraint("code", name=op.f("uq_loyalty_referral_invites_code")),
    )
    op.create_index(
        "ix_loyalty_referral_invites_channel", "loyalty_referral_invites", ["channel", "created_at"], unique=False
    )
    op.create_index(
        "ix_loyalty_referral_invites_conversions",
        "loyalty_referral_invites",
        ["member_id", "converted_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'converted'"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_converted_at",
        "loyalty_referral_invites",
        ["converted_at"],
        unique=False,
        postgresql_include=["member_id"],
        postgresql_where=sa.text("status = 'converted'"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_created_at",
        "loyalty_referral_invites",
        ["created_at"],
        unique=False,
        postgresql_include=["member_id"],
    )
    op.create_index("ix_loyalty_referral_invites_id", "loyalty_referral_invites", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_referral_invites_invitee_email",
        "loyalty_referral_invites",
        ["invitee_email"],
        unique=False,
        postgresql_where=sa.text("invitee_email IS NOT NULL"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_newest", "loyalty_referral_invites", ["status", "created_at"], unique=False
    )
    op.create_index(
        "ix_loyalty_referral_invites_open",
        "loyalty_referral_invites",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('draft', 'sent')"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_signals",
        "loyalty_referral_invites",
        ["converted_at"],
        unique=False,
        postgresql_where=sa.text("signals <> '{}'"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_status", "loyalty_referral_invites", ["member_id", "status", "id"], unique=False
    )
    op.create_index(
        "ix_loyalty_referral_invites_timeline",
        "loyalty_referral_invites",
        ["member_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_loyalty_referral_invites_unreviewed",
        "loyalty_referral_invites",
        ["converted_at"],
        unique=False,
        postgresql_where=sa.text("signals <> '{}' AND reviewed_at IS NULL"),
    )
    op.create_index(
        "uq_loyalty_referral_invites_attributed", "loyalty_referral_invites", ["attributed_user_id"], unique=True
    )
    op.create_index(
        "uq_loyalty_referral_invites_referee",
        "loyalty_referral_invites",
        ["referee_user_id"],
        unique=True,
        postgresql_where=sa.text("status = 'converted' OR voided"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_referee",
        "loyalty_referral_invites",
        ["referee_user_id"],
        unique=False,
        postgresql_where=sa.text("referee_user_id IS NOT NULL"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_order",
        "loyalty_referral_invites",
        ["order_reference"],
        unique=False,
        postgresql_where=sa.text("status = 'converted' AND order_reference IS NOT NULL"),
    )
