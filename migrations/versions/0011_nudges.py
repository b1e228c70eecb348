"""Know what a nudge is about, find what makes one due, lease its sending, and begin with a campaign for each signal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FORM = "signal ~ '^[a-z][a-z_]{0,63}$'"
FIRST = "signal IN ('expiring_points', 'stalled_redemption', 'checkout_reminder', 'referral_share')"
CAMPAIGNS = (
    ("expiring_points", "expiring_points", 336, 168, 90, "email,push,sms"),
    ("checkout_reminder", "checkout_reminder", 72, 72, 70, "push,email,sms"),
    ("stalled_redemption", "stalled_redemption", 168, 168, 60, "email,push,sms"),
    ("referral_share", "referral_share", 168, 168, 30, "email,push,sms"),
)


def upgrade() -> None:
    for table in ("loyalty_nudges", "loyalty_nudge_campaigns"):
        op.drop_constraint(op.f(f"ck_{table}_signal"), table)
        op.create_check_constraint(op.f(f"ck_{table}_signal"), table, FORM)
    op.add_column(
        "loyalty_nudges",
        sa.Column("causes", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
    )
    op.add_column(
        "loyalty_nudge_dispatch_events", sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_loyalty_nudge_dispatch_events_lease"),
        "loyalty_nudge_dispatch_events",
        "(status = 'claimed') = (lease_until IS NOT NULL)",
    )
    op.drop_index("ix_loyalty_nudge_dispatch_events_claimed", table_name="loyalty_nudge_dispatch_events")
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_claimed",
        "loyalty_nudge_dispatch_events",
        ["lease_until"],
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.create_index(
        "ix_loyalty_redemptions_waiting",
        "loyalty_redemptions",
        ["requested_at", "member_id"],
        postgresql_where=sa.text("status = 'requested'"),
    )
    for slug, signal, ttl, cap, priority, channels in CAMPAIGNS:
        op.execute(f"""
            INSERT INTO loyalty_nudge_campaigns (id, slug, signal, ttl_hours, frequency_cap_hours, priority, channels,
                created_at, updated_at)
            SELECT new_ulid(now()), '{slug}', '{signal}', {ttl}, {cap}, {priority}, '{{{channels}}}', now(), now()
            WHERE NOT EXISTS (SELECT FROM loyalty_nudge_campaigns WHERE signal = '{signal}' OR slug = '{slug}')
        """)


def downgrade() -> None:
    op.drop_index("ix_loyalty_redemptions_waiting", table_name="loyalty_redemptions")
    op.drop_index("ix_loyalty_nudge_dispatch_events_claimed", table_name="loyalty_nudge_dispatch_events")
    op.create_index(
        "ix_loyalty_nudge_dispatch_events_claimed",
        "loyalty_nudge_dispatch_events",
        ["created_at"],
        postgresql_where=sa.text("status = 'claimed'"),
    )
    op.drop_constraint(op.f("ck_loyalty_nudge_dispatch_events_lease"), "loyalty_nudge_dispatch_events")
    op.drop_column("loyalty_nudge_dispatch_events", "lease_until")
    op.drop_column("loyalty_nudges", "causes")
    for table in ("loyalty_nudges", "loyalty_nudge_campaigns"):
        op.drop_constraint(op.f(f"ck_{table}_signal"), table)
        op.create_check_constraint(op.f(f"ck_{table}_signal"), table, FIRST, postgresql_not_valid=True)
