"""Reminders, their campaigns, and every decision to send one or not."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# One campaign for each signal to begin with, with the signal's name.
CAMPAIGNS = """
    INSERT INTO loyalty_nudge_campaigns (id, slug, signal, ttl_hours, frequency_cap_hours, priority, channels,
        created_at, updated_at)
    VALUES
        (new_ulid(now()), 'expiring_points', 'expiring_points', 336, 168, 90, '{email,push,sms}', now(), now()),
        (new_ulid(now()), 'checkout_reminder', 'checkout_reminder', 72, 72, 70, '{push,email,sms}', now(), now()),
        (new_ulid(now()), 'stalled_redemption', 'stalled_redemption', 168, 168, 60, '{email,push,sms}', now(), now()),
        (new_ulid(now()), 'referral_share', 'referral_share', 168, 168, 30, '{email,push,sms}', now(), now())
"""


def upgrade() -> None:
    _create_loyalty_nudge_campaigns()
    _create_loyalty_nudge_dispatch_events()
    _create_loyalty_nudges()
    op.execute(CAMPAIGNS)


def downgrade() -> None:
    op.drop_table("loyalty_nudges")
    op.drop_table("loyalty_nudge_dispatch_events")
    op.drop_table("loyalty_nudge_campaigns")


def _create_loyalty_nudge_campaigns() -> None:
    op.create_table(
        "loyalty_nudge_campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("ttl_hours", sa.Integer(), nullable=False),
        sa.Column("frequency_cap_hours", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channels <@ ARRAY['email', 'sms', 'push']", name=op.f("ck_loyalty_nudge_campaigns_channels")
        ),
        sa.CheckConstraint("signal ~ '^[a-z][a-z_]{0,63}$'", name=op.f("ck_loyalty_nudge_campaigns_signal")),
        sa.CheckConstraint("ttl_hours > 0 AND frequency_cap_hours >= 0", name=op.f("ck_loyalty_nudge_campaigns_hours")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_nudge_campaigns")),
        sa.UniqueConstraint("slug", name=op.f("uq_loyalty_nudge_campaigns_slug")),
    )
    op.create_index(
        "uq_loyalty_nudge_campaigns_signal",
        "loyalty_nudge_campaigns",
        ["signal"],
        unique=True,
        postgresql_where=sa.text("active"),
    )


def _create_loyalty_nudge_dispatch_events() -> None:
    op.create_table(
        "loyalty_nudge_dispatch_events",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("nudge_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("backend", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'claimed') = (lease_until IS NOT NULL)", name=op.f("ck_loyalty_nudge_dispatch_events_lease")
        ),
        sa.CheckConstraint(
            "(status = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_loyalty_nudge_dispatch_events_sent")
        ),
        sa.CheckConstraint(
            "status IN ('claimed', 'sent', 'failed', 'suppressed', 'deferred', 'uncertain')",
            name=op.f("ck_loyalty_nudge_dispatch_events_status"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["loyalty_nudge_campaigns.id"],
            name=op.f("fk_loyalty_nudge_dispatch_events_campaign_id_loyalty_nudge_campaigns"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_nudge_dispatch_events_member_id_loyalty_members"),
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_nudge_dispatch_events")),
        sa.UniqueConstraint(
            "member_id", "dedupe_key", name=op.f("uq_loyalty_nudge_dispatch_events_member_id_dedupe_key")
        ),
    )
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_cap",
        "loyalty_nudge_dispatch_events",
        ["member_id", "campaign_id", "sent_at"],
        unique=False,
        postgresql_where=sa.text("status = 'sent'"),
    )
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_claimed",
        "loyalty_nudge_dispatch_events",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index("ix_loyalty_nudge_dispatch_events_newest", "loyalty_nudge_dispatch_events", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_nudge",
        "loyalty_nudge_dispatch_events",
        ["member_id", "nudge_id"],
        unique=False,
    )
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_status", "loyalty_nudge_dispatch_events", ["status", "id"], unique=False
    )


def _create_loyalty_nudges() -> None:
    op.create_table(
        "loyalty_nudges",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("causes", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_dispatch_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("signal ~ '^[a-z][a-z_]{0,63}$'", name=op.f("ck_loyalty_nudges_signal")),
        sa.CheckConstraint(
            "status IN ('active', 'acknowledged', 'dismissed', 'gone')", name=op.f("ck_loyalty_nudges_status")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["loyalty_nudge_campaigns.id"],
            name=op.f("fk_loyalty_nudges_campaign_id_loyalty_nudge_campaigns"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_nudges_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_nudges")),
    )
    op.create_index(
        "ix_loyalty_nudges_due",
        "loyalty_nudges",
        ["next_dispatch_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_loyalty_nudges_expiry",
        "loyalty_nudges",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('active', 'acknowledged', 'dismissed')"),
    )
    op.create_index("ix_loyalty_nudges_id", "loyalty_nudges", ["id"], unique=False)
    op.create_index(
        "uq_loyalty_nudges_live",
        "loyalty_nudges",
        ["member_id", "signal"],
        unique=True,
        postgresql_where=sa.text("status IN ('active', 'acknowledged', 'dismissed')"),
    )
