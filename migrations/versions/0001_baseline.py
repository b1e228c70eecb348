"""Every table of the runbook, and what the machinery and the accounts need."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scopes <@ ARRAY['member', 'checkout', 'admin'] AND cardinality(scopes) > 0",
            name=op.f("ck_api_tokens_scopes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_api_tokens_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_actor", "audit_log", ["actor", "id"], unique=False)
    op.create_index("ix_audit_log_object", "audit_log", ["object_type", "object_id", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status BETWEEN 200 AND 499", name=op.f("ck_idempotency_keys_never_5xx")),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "job_runs",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), server_default="1", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("(status = 'running') = (finished_at IS NULL)", name=op.f("ck_job_runs_finished")),
        sa.CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_job_runs_lease")
        ),
        sa.CheckConstraint("status IN ('running', 'succeeded', 'failed')", name=op.f("ck_job_runs_status")),
        sa.PrimaryKeyConstraint("job_id", "slot", name=op.f("pk_job_runs")),
    )
    op.create_index(
        "ix_job_runs_running",
        "job_runs",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failures")),
    )
    op.create_index("ix_login_failures_address", "login_failures", ["address", "at"], unique=False)
    op.create_index("ix_login_failures_at", "login_failures", [sa.literal_column("at")], unique=False)
    op.create_index("ix_login_failures_email", "login_failures", ["email", "at"], unique=False)
    op.create_table(
        "loyalty_analytics_snapshots",
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("night", name=op.f("pk_loyalty_analytics_snapshots")),
        sa.UniqueConstraint("id", name=op.f("uq_loyalty_analytics_snapshots_id")),
    )
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
        sa.CheckConstraint(
            "signal IN ('expiring_points', 'stalled_redemption', 'checkout_reminder', 'referral_share')",
            name=op.f("ck_loyalty_nudge_campaigns_signal"),
        ),
        sa.CheckConstraint(
            "ttl_hours > 0 AND frequency_cap_hours >= 0", name=op.f("ck_loyalty_nudge_campaigns_hours")
        ),
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
    op.create_table(
        "loyalty_tiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("benefits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("jsonb_typeof(benefits) = 'array'", name=op.f("ck_loyalty_tiers_benefits")),
        sa.CheckConstraint("threshold >= 0", name=op.f("ck_loyalty_tiers_threshold")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_tiers")),
        sa.UniqueConstraint("slug", name=op.f("uq_loyalty_tiers_slug")),
    )
    op.create_index(
        "uq_loyalty_tiers_threshold",
        "loyalty_tiers",
        ["threshold"],
        unique=True,
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("(status = 'pending') = (finished_at IS NULL)", name=op.f("ck_outbox_finished")),
        sa.CheckConstraint(
            "status IN ('pending', 'done', 'uncertain', 'dead')", name=op.f("ck_outbox_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_dedupe_key")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_outbox_uncertain",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status IN ('uncertain', 'dead')"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_normalized", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone_number", sa.String(), nullable=True),
        sa.Column("push_token", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("role", sa.String(), server_default="member", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:@-]{1,64}$'", name=op.f("ck_users_id_form")),
        sa.CheckConstraint("role IN ('member', 'operator', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("ix_users_created_at", "users", ["created_at"], unique=False)
    op.create_index(op.f("ix_users_email_normalized"), "users", ["email_normalized"], unique=False)
    op.create_index("uq_users_email", "users", ["email"], unique=True)
    op.create_table(
        "auth_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_auth_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_sessions")),
    )
    op.create_index(op.f("ix_auth_sessions_expires_at"), "auth_sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_auth_sessions_user_id"), "auth_sessions", ["user_id"], unique=False)
    op.create_table(
        "loyalty_members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("referral_code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balance", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lifetime_earned", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=True),
        sa.Column("tier_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_loyalty_members_status")),
        sa.CheckConstraint(
            "(tier_id IS NULL) = (tier_since IS NULL)", name=op.f("ck_loyalty_members_tier_since")
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_loyalty_members_balance")),
        sa.CheckConstraint("held >= 0 AND held <= balance", name=op.f("ck_loyalty_members_held")),
        sa.CheckConstraint("lifetime_earned >= 0", name=op.f("ck_loyalty_members_lifetime_earned")),
        sa.ForeignKeyConstraint(
            ["tier_id"], ["loyalty_tiers.id"], name=op.f("fk_loyalty_members_tier_id_loyalty_tiers")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_loyalty_members_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_members")),
        sa.UniqueConstraint("referral_code", name=op.f("uq_loyalty_members_referral_code")),
        sa.UniqueConstraint("user_id", name=op.f("uq_loyalty_members_user_id")),
    )
    op.create_index(
        "ix_loyalty_members_lifetime_earned", "loyalty_members", ["lifetime_earned"], unique=False
    )
    op.create_index(
        "ix_loyalty_members_tier_id",
        "loyalty_members",
        ["tier_id"],
        unique=False,
        postgresql_where=sa.text("tier_id IS NOT NULL"),
    )
    op.create_table(
        "loyalty_rewards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("points_cost", sa.BigInteger(), nullable=False),
        sa.Column("inventory", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("min_tier_id", sa.Uuid(), nullable=True),
        sa.Column("per_member_limit", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("icon", sa.String(), server_default="gift", nullable=False),
        sa.Column("image_url", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("inventory IS NULL OR inventory >= 0", name=op.f("ck_loyalty_rewards_inventory")),
        sa.CheckConstraint(
            "per_member_limit IS NULL OR per_member_limit > 0",
            name=op.f("ck_loyalty_rewards_per_member_limit"),
        ),
        sa.CheckConstraint("points_cost > 0", name=op.f("ck_loyalty_rewards_points_cost")),
        sa.CheckConstraint(
            "starts_at IS NULL OR ends_at IS NULL OR starts_at < ends_at",
            name=op.f("ck_loyalty_rewards_window"),
        ),
        sa.CheckConstraint(
            "taken >= 0 AND (inventory IS NULL OR taken <= inventory)", name=op.f("ck_loyalty_rewards_taken")
        ),
        sa.ForeignKeyConstraint(
            ["min_tier_id"], ["loyalty_tiers.id"], name=op.f("fk_loyalty_rewards_min_tier_id_loyalty_tiers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_rewards")),
        sa.UniqueConstraint("slug", name=op.f("uq_loyalty_rewards_slug")),
    )
    op.create_index(
        "ix_loyalty_rewards_active",
        "loyalty_rewards",
        ["points_cost"],
        unique=False,
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("marketing_messages", sa.Boolean(), nullable=False),
        sa.Column("email", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("sms", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("push", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("muted_kinds", postgresql.ARRAY(sa.TEXT()), server_default="{}", nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)",
            name=op.f("ck_notification_preferences_quiet_hours"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_notification_preferences_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_notification_preferences")),
    )
    op.create_table(
        "loyalty_ledger_entries",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_type", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(entry_type NOT IN ('order', 'referral_bonus', 'referral_welcome', 'streak_bonus') OR amount > 0) AND (entry_type NOT IN ('redemption', 'expiration') OR amount < 0)",
            name=op.f("ck_loyalty_ledger_entries_sign"),
        ),
        sa.CheckConstraint(
            "entry_type IN ('order', 'referral_bonus', 'referral_welcome', 'streak_bonus', 'redemption', 'expiration', 'adjustment', 'reversal')",
            name=op.f("ck_loyalty_ledger_entries_entry_type"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_loyalty_ledger_entries_amount")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_loyalty_ledger_entries_balance_after")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_loyalty_ledger_entries_seq")),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_ledger_entries_member_id_loyalty_members"),
        ),
        sa.PrimaryKeyConstraint("member_id", "seq", name=op.f("pk_loyalty_ledger_entries")),
        sa.UniqueConstraint("member_id", "id", name=op.f("uq_loyalty_ledger_entries_member_id_id")),
        sa.UniqueConstraint(
            "member_id", "source", "external_id", "effect", name="uq_loyalty_ledger_entries_effect"
        ),
    )
    op.create_index(
        "ix_loyalty_ledger_entries_occurred_at",
        "loyalty_ledger_entries",
        ["occurred_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        "ix_loyalty_ledger_entries_type",
        "loyalty_ledger_entries",
        ["member_id", "entry_type", "seq"],
        unique=False,
    )
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
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
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
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_id", "loyalty_nudge_dispatch_events", ["id"], unique=False
    )
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_nudge",
        "loyalty_nudge_dispatch_events",
        ["member_id", "nudge_id"],
        unique=False,
    )
    op.create_table(
        "loyalty_nudges",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="active", nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_dispatch_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "signal IN ('expiring_points', 'stalled_redemption', 'checkout_reminder', 'referral_share')",
            name=op.f("ck_loyalty_nudges_signal"),
        ),
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
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
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
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)",
            name=op.f("ck_loyalty_referral_invites_cancelled"),
        ),
        sa.CheckConstraint(
            "(status = 'converted') = (converted_at IS NOT NULL) AND (status = 'converted') = (referee_user_id IS NOT NULL)",
            name=op.f("ck_loyalty_referral_invites_converted"),
        ),
        sa.CheckConstraint(
            "channel IN ('link', 'email', 'sms')", name=op.f("ck_loyalty_referral_invites_channel")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'sent', 'converted', 'cancelled', 'expired')",
            name=op.f("ck_loyalty_referral_invites_status"),
        ),
        sa.CheckConstraint(
            "reward_points >= 0 AND welcome_points >= 0", name=op.f("ck_loyalty_referral_invites_points")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_referral_invites_member_id_loyalty_members"),
        ),
        sa.ForeignKeyConstraint(
            ["referee_user_id"], ["users.id"], name=op.f("fk_loyalty_referral_invites_referee_user_id_users")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_referral_invites")),
        sa.UniqueConstraint("code", name=op.f("uq_loyalty_referral_invites_code")),
    )
    op.create_index("ix_loyalty_referral_invites_id", "loyalty_referral_invites", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_referral_invites_open",
        "loyalty_referral_invites",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('draft', 'sent')"),
    )
    op.create_index(
        "ix_loyalty_referral_invites_status",
        "loyalty_referral_invites",
        ["member_id", "status", "id"],
        unique=False,
    )
    op.create_index(
        "uq_loyalty_referral_invites_referee", "loyalty_referral_invites", ["referee_user_id"], unique=True
    )
    op.create_table(
        "loyalty_tier_changes",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_tier_id", sa.Uuid(), nullable=True),
        sa.Column("to_tier_id", sa.Uuid(), nullable=False),
        sa.Column("lifetime_earned", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "from_tier_id IS DISTINCT FROM to_tier_id", name=op.f("ck_loyalty_tier_changes_changes")
        ),
        sa.ForeignKeyConstraint(
            ["from_tier_id"],
            ["loyalty_tiers.id"],
            name=op.f("fk_loyalty_tier_changes_from_tier_id_loyalty_tiers"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_tier_changes_member_id_loyalty_members"),
        ),
        sa.ForeignKeyConstraint(
            ["to_tier_id"],
            ["loyalty_tiers.id"],
            name=op.f("fk_loyalty_tier_changes_to_tier_id_loyalty_tiers"),
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_tier_changes")),
    )
    op.create_table(
        "loyalty_point_expirations",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("held >= 0 AND held <= remaining", name=op.f("ck_loyalty_point_expirations_held")),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_point_expirations_points")),
        sa.CheckConstraint(
            "remaining >= 0 AND remaining <= points", name=op.f("ck_loyalty_point_expirations_remaining")
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_point_expirations_member_id_id_loyalty_ledger_entries"),
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_point_expirations")),
    )
    op.create_index(
        "ix_loyalty_point_expirations_due",
        "loyalty_point_expirations",
        ["expires_at", "member_id"],
        unique=False,
        postgresql_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_loyalty_point_expirations_live",
        "loyalty_point_expirations",
        ["member_id", "expires_at", "seq"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_table(
        "loyalty_redemptions",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), server_default="requested", nullable=False),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fulfilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column("ledger_entry_id", sa.Uuid(), nullable=True),
        sa.Column("checkout_intent_id", sa.String(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(status = 'fulfilled') = (ledger_entry_id IS NOT NULL) AND (status = 'fulfilled') = (fulfilled_at IS NOT NULL)",
            name=op.f("ck_loyalty_redemptions_fulfilled"),
        ),
        sa.CheckConstraint(
            "(status = 'requested') = (closed_at IS NULL)", name=op.f("ck_loyalty_redemptions_closed")
        ),
        sa.CheckConstraint(
            "(status IN ('failed', 'cancelled')) = (failure_reason IS NOT NULL)",
            name=op.f("ck_loyalty_redemptions_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'fulfilled', 'failed', 'cancelled')",
            name=op.f("ck_loyalty_redemptions_status"),
        ),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_redemptions_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "ledger_entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_redemptions_member_id_ledger_entry_id_loyalty_ledger_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_redemptions_member_id_loyalty_members"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_rewards.id"],
            name=op.f("fk_loyalty_redemptions_reward_id_loyalty_rewards"),
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_redemptions")),
        sa.UniqueConstraint("checkout_intent_id", name=op.f("uq_loyalty_redemptions_checkout_intent_id")),
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
        "ix_loyalty_redemptions_status", "loyalty_redemptions", ["member_id", "status", "id"], unique=False
    )
    op.create_index(
        "ix_loyalty_redemptions_taken",
        "loyalty_redemptions",
        ["member_id", "reward_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('requested', 'fulfilled') AND reward_id IS NOT NULL"),
    )
    op.create_table(
        "loyalty_streak_weeks",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("paid_entry_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("extract(isodow FROM week) = 1", name=op.f("ck_loyalty_streak_weeks_monday")),
        sa.CheckConstraint("length > 0", name=op.f("ck_loyalty_streak_weeks_length")),
        sa.ForeignKeyConstraint(
            ["member_id", "paid_entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_streak_weeks_member_id_paid_entry_id_loyalty_ledger_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_streak_weeks_member_id_loyalty_members"),
        ),
        sa.PrimaryKeyConstraint("member_id", "week", name=op.f("pk_loyalty_streak_weeks")),
    )
    op.create_index(
        "ix_loyalty_streak_weeks_unpaid",
        "loyalty_streak_weeks",
        ["week", "member_id"],
        unique=False,
        postgresql_where=sa.text("paid_entry_id IS NULL"),
    )
    op.create_table(
        "loyalty_checkout_intents",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checkout_intent_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("order_reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("reward_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("redemption_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('resolved', 'cancelled', 'expired')) = (resolved_at IS NOT NULL)",
            name=op.f("ck_loyalty_checkout_intents_resolved"),
        ),
        sa.CheckConstraint(
            "kind IN ('redemption', 'referral_share')", name=op.f("ck_loyalty_checkout_intents_kind")
        ),
        sa.CheckConstraint(
            "redemption_id IS NULL OR kind = 'redemption'",
            name=op.f("ck_loyalty_checkout_intents_redemption"),
        ),
        sa.CheckConstraint(
            "status <> 'confirmed' OR confirmed_at IS NOT NULL",
            name=op.f("ck_loyalty_checkout_intents_confirmed"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'resolved', 'cancelled', 'expired')",
            name=op.f("ck_loyalty_checkout_intents_status"),
        ),
        sa.CheckConstraint("points IS NULL OR points > 0", name=op.f("ck_loyalty_checkout_intents_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "redemption_id"],
            ["loyalty_redemptions.member_id", "loyalty_redemptions.id"],
            name=op.f("fk_loyalty_checkout_intents_member_id_redemption_id_loyalty_redemptions"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_checkout_intents_member_id_loyalty_members"),
        ),
        sa.ForeignKeyConstraint(
            ["reward_id"],
            ["loyalty_rewards.id"],
            name=op.f("fk_loyalty_checkout_intents_reward_id_loyalty_rewards"),
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_checkout_intents")),
        sa.UniqueConstraint(
            "checkout_intent_id", name=op.f("uq_loyalty_checkout_intents_checkout_intent_id")
        ),
    )
    op.create_index(
        "ix_loyalty_checkout_intents_due",
        "loyalty_checkout_intents",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_loyalty_checkout_intents_id", "loyalty_checkout_intents", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_checkout_intents_pending",
        "loyalty_checkout_intents",
        ["member_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "loyalty_hold_allocations",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_hold_allocations_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "lot_id"],
            ["loyalty_point_expirations.member_id", "loyalty_point_expirations.id"],
            name=op.f("fk_loyalty_hold_allocations_member_id_lot_id_loyalty_point_expirations"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "redemption_id"],
            ["loyalty_redemptions.member_id", "loyalty_redemptions.id"],
            name=op.f("fk_loyalty_hold_allocations_member_id_redemption_id_loyalty_redemptions"),
        ),
        sa.PrimaryKeyConstraint(
            "member_id", "redemption_id", "lot_id", name=op.f("pk_loyalty_hold_allocations")
        ),
    )
    op.create_table(
        "loyalty_lot_debits",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_lot_debits_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_lot_debits_member_id_entry_id_loyalty_ledger_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "lot_id"],
            ["loyalty_point_expirations.member_id", "loyalty_point_expirations.id"],
            name=op.f("fk_loyalty_lot_debits_member_id_lot_id_loyalty_point_expirations"),
        ),
        sa.PrimaryKeyConstraint("member_id", "entry_id", "lot_id", name=op.f("pk_loyalty_lot_debits")),
    )
    op.create_index("ix_loyalty_lot_debits_lot", "loyalty_lot_debits", ["member_id", "lot_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_loyalty_lot_debits_lot", table_name="loyalty_lot_debits")
    op.drop_table("loyalty_lot_debits")
    op.drop_table("loyalty_hold_allocations")
    op.drop_index(
        "ix_loyalty_checkout_intents_pending",
        table_name="loyalty_checkout_intents",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("ix_loyalty_checkout_intents_id", table_name="loyalty_checkout_intents")
    op.drop_index(
        "ix_loyalty_checkout_intents_due",
        table_name="loyalty_checkout_intents",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_table("loyalty_checkout_intents")
    op.drop_index(
        "ix_loyalty_streak_weeks_unpaid",
        table_name="loyalty_streak_weeks",
        postgresql_where=sa.text("paid_entry_id IS NULL"),
    )
    op.drop_table("loyalty_streak_weeks")
    op.drop_index(
        "ix_loyalty_redemptions_taken",
        table_name="loyalty_redemptions",
        postgresql_where=sa.text("status IN ('requested', 'fulfilled') AND reward_id IS NOT NULL"),
    )
    op.drop_index("ix_loyalty_redemptions_status", table_name="loyalty_redemptions")
    op.drop_index(
        "ix_loyalty_redemptions_open",
        table_name="loyalty_redemptions",
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.drop_index("ix_loyalty_redemptions_id", table_name="loyalty_redemptions")
    op.drop_table("loyalty_redemptions")
    op.drop_index(
        "ix_loyalty_point_expirations_live",
        table_name="loyalty_point_expirations",
        postgresql_where=sa.text("remaining > 0"),
    )
    op.drop_index(
        "ix_loyalty_point_expirations_due",
        table_name="loyalty_point_expirations",
        postgresql_where=sa.text("remaining > held AND expires_at IS NOT NULL"),
    )
    op.drop_table("loyalty_point_expirations")
    op.drop_table("loyalty_tier_changes")
    op.drop_index("uq_loyalty_referral_invites_referee", table_name="loyalty_referral_invites")
    op.drop_index("ix_loyalty_referral_invites_status", table_name="loyalty_referral_invites")
    op.drop_index(
        "ix_loyalty_referral_invites_open",
        table_name="loyalty_referral_invites",
        postgresql_where=sa.text("status IN ('draft', 'sent')"),
    )
    op.drop_index("ix_loyalty_referral_invites_id", table_name="loyalty_referral_invites")
    op.drop_table("loyalty_referral_invites")
    op.drop_index(
        "uq_loyalty_nudges_live",
        table_name="loyalty_nudges",
        postgresql_where=sa.text("status IN ('active', 'acknowledged', 'dismissed')"),
    )
    op.drop_index("ix_loyalty_nudges_id", table_name="loyalty_nudges")
    op.drop_index(
        "ix_loyalty_nudges_expiry",
        table_name="loyalty_nudges",
        postgresql_where=sa.text("status IN ('active', 'acknowledged', 'dismissed')"),
    )
    op.drop_index(
        "ix_loyalty_nudges_due", table_name="loyalty_nudges", postgresql_where=sa.text("status = 'active'")
    )
    op.drop_table("loyalty_nudges")
    op.drop_index("ix_loyalty_nudge_dispatch_events_nudge", table_name="loyalty_nudge_dispatch_events")
    op.drop_index("ix_loyalty_nudge_dispatch_events_id", table_name="loyalty_nudge_dispatch_events")
    op.drop_index(
        "ix_loyalty_nudge_dispatch_events_claimed",
        table_name="loyalty_nudge_dispatch_events",
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.drop_index(
        "ix_loyalty_nudge_dispatch_events_cap",
        table_name="loyalty_nudge_dispatch_events",
        postgresql_where=sa.text("status = 'sent'"),
    )
    op.drop_table("loyalty_nudge_dispatch_events")
    op.drop_index("ix_loyalty_ledger_entries_type", table_name="loyalty_ledger_entries")
    op.drop_index(
        "ix_loyalty_ledger_entries_occurred_at", table_name="loyalty_ledger_entries", postgresql_using="brin"
    )
    op.drop_table("loyalty_ledger_entries")
    op.drop_table("notification_preferences")
    op.drop_index(
        "ix_loyalty_rewards_active", table_name="loyalty_rewards", postgresql_where=sa.text("active")
    )
    op.drop_table("loyalty_rewards")
    op.drop_index(
        "ix_loyalty_members_tier_id",
        table_name="loyalty_members",
        postgresql_where=sa.text("tier_id IS NOT NULL"),
    )
    op.drop_index("ix_loyalty_members_lifetime_earned", table_name="loyalty_members")
    op.drop_table("loyalty_members")
    op.drop_index(op.f("ix_auth_sessions_user_id"), table_name="auth_sessions")
    op.drop_index(op.f("ix_auth_sessions_expires_at"), table_name="auth_sessions")
    op.drop_table("auth_sessions")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_index(op.f("ix_users_email_normalized"), table_name="users")
    op.drop_index("ix_users_created_at", table_name="users")
    op.drop_table("users")
    op.drop_index(
        "ix_outbox_uncertain",
        table_name="outbox",
        postgresql_where=sa.text("status IN ('uncertain', 'dead')"),
    )
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("status = 'pending'"))
    op.drop_table("outbox")
    op.drop_index(
        "uq_loyalty_tiers_threshold", table_name="loyalty_tiers", postgresql_where=sa.text("active")
    )
    op.drop_table("loyalty_tiers")
    op.drop_index(
        "uq_loyalty_nudge_campaigns_signal",
        table_name="loyalty_nudge_campaigns",
        postgresql_where=sa.text("active"),
    )
    op.drop_table("loyalty_nudge_campaigns")
    op.drop_table("loyalty_analytics_snapshots")
    op.drop_index("ix_login_failures_email", table_name="login_failures")
    op.drop_index("ix_login_failures_at", table_name="login_failures")
    op.drop_index("ix_login_failures_address", table_name="login_failures")
    op.drop_table("login_failures")
    op.drop_index(
        "ix_job_runs_running", table_name="job_runs", postgresql_where=sa.text("status = 'running'")
    )
    op.drop_table("job_runs")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_audit_log_object", table_name="audit_log")
    op.drop_index("ix_audit_log_actor", table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_table("api_tokens")
