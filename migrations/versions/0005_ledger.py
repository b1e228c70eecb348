"""The append-only ledger, and the lots that it opens and drains."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Corrections are new entries: the database refuses every other change, in replicas and restores too.
APPEND_ONLY = """
    CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON loyalty_ledger_entries
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only_table BEFORE TRUNCATE ON loyalty_ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    ALTER TABLE loyalty_ledger_entries ENABLE ALWAYS TRIGGER append_only_rows;
    ALTER TABLE loyalty_ledger_entries ENABLE ALWAYS TRIGGER append_only_table;
"""


def upgrade() -> None:
    _create_ledger_checks()
    _create_loyalty_ledger_entries()
    _create_loyalty_ledger_texts()
    _create_loyalty_point_expirations()
    _create_loyalty_streak_weeks()
    _create_loyalty_hold_allocations()
    _create_loyalty_lot_debits()
    _create_loyalty_owed()
    _create_loyalty_tier_doubts()
    _create_loyalty_pending_credits()
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.drop_table("loyalty_pending_credits")
    op.drop_table("loyalty_tier_doubts")
    op.drop_table("loyalty_owed")
    op.drop_table("loyalty_lot_debits")
    op.drop_table("loyalty_hold_allocations")
    op.drop_table("loyalty_streak_weeks")
    op.drop_table("loyalty_point_expirations")
    op.drop_table("loyalty_ledger_texts")
    op.drop_table("loyalty_ledger_entries")
    op.drop_table("ledger_checks")


def _create_ledger_checks() -> None:
    op.create_table(
        "ledger_checks",
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("examples", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("differences >= 0", name=op.f("ck_ledger_checks_differences")),
        sa.PrimaryKeyConstraint("slot", "check_name", name=op.f("pk_ledger_checks")),
    )


def _create_loyalty_ledger_entries() -> None:
    op.create_table(
        "loyalty_ledger_entries",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_type", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("qualifying", sa.BigInteger(), nullable=False),
        sa.Column("qualifies_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(entry_type NOT IN ('order', 'referral_bonus', 'referral_welcome', 'streak_bonus', 'event', 'birthday', 'sign_up') OR amount > 0) AND (entry_type NOT IN ('redemption', 'expiration', 'recovery') OR amount < 0)",
            name=op.f("ck_loyalty_ledger_entries_sign"),
        ),
        sa.CheckConstraint(
            "entry_type IN ('order', 'referral_bonus', 'referral_welcome', 'streak_bonus', 'redemption', 'expiration', 'adjustment', 'reversal', 'recovery', 'event', 'birthday', 'sign_up')",
            name=op.f("ck_loyalty_ledger_entries_entry_type"),
        ),
        sa.CheckConstraint("amount <> 0 OR entry_type = 'reversal'", name=op.f("ck_loyalty_ledger_entries_amount")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_loyalty_ledger_entries_balance_after")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_loyalty_ledger_entries_seq")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_ledger_entries_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("member_id", "seq", name=op.f("pk_loyalty_ledger_entries")),
        sa.UniqueConstraint("member_id", "id", name=op.f("uq_loyalty_ledger_entries_member_id_id")),
        sa.UniqueConstraint("member_id", "source", "external_id", "effect", name="uq_loyalty_ledger_entries_effect"),
    )
    op.create_index("ix_loyalty_ledger_entries_id", "loyalty_ledger_entries", ["id"], unique=False)
    op.create_index(
        "ix_loyalty_ledger_entries_occurred_at",
        "loyalty_ledger_entries",
        ["occurred_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        "ix_loyalty_ledger_entries_timeline",
        "loyalty_ledger_entries",
        ["member_id", "occurred_at", "seq"],
        unique=False,
    )
    op.create_index(
        "ix_loyalty_ledger_entries_type", "loyalty_ledger_entries", ["member_id", "entry_type", "seq"], unique=False
    )


def _create_loyalty_ledger_texts() -> None:
    op.create_table(
        "loyalty_ledger_texts",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("jsonb_typeof(metadata) = 'object'", name=op.f("ck_loyalty_ledger_texts_metadata")),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_ledger_texts_member_id_entry_id_loyalty_ledger_entries"),
        ),
        sa.PrimaryKeyConstraint("member_id", "entry_id", name=op.f("pk_loyalty_ledger_texts")),
    )


def _create_loyalty_point_expirations() -> None:
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
        sa.Column("restored", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "extended_at IS NULL OR (restored > 0 AND expires_at IS NOT NULL)",
            name=op.f("ck_loyalty_point_expirations_extended"),
        ),
        sa.CheckConstraint("held >= 0 AND held <= remaining", name=op.f("ck_loyalty_point_expirations_held")),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_point_expirations_points")),
        sa.CheckConstraint(
            "remaining >= 0 AND remaining <= points", name=op.f("ck_loyalty_point_expirations_remaining")
        ),
        sa.CheckConstraint("restored >= 0", name=op.f("ck_loyalty_point_expirations_restored")),
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


def _create_loyalty_streak_weeks() -> None:
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
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_streak_weeks_member_id_loyalty_members")
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


def _create_loyalty_hold_allocations() -> None:
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
        sa.PrimaryKeyConstraint("member_id", "redemption_id", "lot_id", name=op.f("pk_loyalty_hold_allocations")),
    )


def _create_loyalty_lot_debits() -> None:
    op.create_table(
        "loyalty_lot_debits",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points <> 0", name=op.f("ck_loyalty_lot_debits_points")),
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


def _create_loyalty_pending_credits() -> None:
    op.create_table(
        "loyalty_pending_credits",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_type", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("qualifies_tier", sa.Boolean(), nullable=False),
        sa.Column("qualifies_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("week", sa.Date(), nullable=True),
        sa.Column("activates_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expiry_months", sa.Integer(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(activated_at IS NULL) = (entry_id IS NULL)", name=op.f("ck_loyalty_pending_credits_activated")
        ),
        sa.CheckConstraint("activated_at IS NULL OR points > 0", name=op.f("ck_loyalty_pending_credits_posted")),
        sa.CheckConstraint("expiry_months >= 0", name=op.f("ck_loyalty_pending_credits_expiry_months")),
        sa.CheckConstraint("extract(isodow FROM week) = 1", name=op.f("ck_loyalty_pending_credits_monday")),
        sa.CheckConstraint("granted > 0", name=op.f("ck_loyalty_pending_credits_granted")),
        sa.CheckConstraint("points >= 0 AND points <= granted", name=op.f("ck_loyalty_pending_credits_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_pending_credits_member_id_entry_id_loyalty_ledger_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_pending_credits_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_pending_credits")),
        sa.UniqueConstraint(
            "source", "external_id", "member_id", "effect", name="uq_loyalty_pending_credits_effect"
        ),
    )
    op.create_index(
        "ix_loyalty_pending_credits_due",
        "loyalty_pending_credits",
        ["activates_at", "member_id"],
        unique=False,
        postgresql_where=sa.text("activated_at IS NULL AND points > 0"),
    )
    op.create_index(
        "ix_loyalty_pending_credits_open",
        "loyalty_pending_credits",
        ["member_id", "activates_at"],
        unique=False,
        postgresql_where=sa.text("activated_at IS NULL AND points > 0"),
    )


def _create_loyalty_tier_doubts() -> None:
    op.create_table(
        "loyalty_tier_doubts",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_tier_doubts_points")),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_tier_doubts_member_id_entry_id_loyalty_ledger_entries"),
        ),
        sa.PrimaryKeyConstraint("member_id", "entry_id", name=op.f("pk_loyalty_tier_doubts")),
    )
    op.create_index(
        "ix_loyalty_tier_doubts_posted_at", "loyalty_tier_doubts", ["posted_at", "member_id"], unique=False
    )


def _create_loyalty_owed() -> None:
    op.create_table(
        "loyalty_owed",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("recovered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("written_off", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("points > 0", name=op.f("ck_loyalty_owed_points")),
        sa.CheckConstraint(
            "recovered >= 0 AND written_off >= 0 AND recovered + written_off <= points",
            name=op.f("ck_loyalty_owed_settled"),
        ),
        sa.CheckConstraint(
            "(written_off = 0) = (written_off_at IS NULL) AND (written_off = 0) = (reason IS NULL)",
            name=op.f("ck_loyalty_owed_written_off"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id", "entry_id"],
            ["loyalty_ledger_entries.member_id", "loyalty_ledger_entries.id"],
            name=op.f("fk_loyalty_owed_member_id_entry_id_loyalty_ledger_entries"),
        ),
        sa.PrimaryKeyConstraint("member_id", "entry_id", name=op.f("pk_loyalty_owed")),
    )
    op.create_index(
        "ix_loyalty_owed_open",
        "loyalty_owed",
        ["member_id", "owed_at"],
        unique=False,
        postgresql_where=sa.text("points > recovered + written_off"),
    )
    op.create_index(
        "ix_loyalty_owed_due",
        "loyalty_owed",
        ["owed_at", "member_id"],
        unique=False,
        postgresql_where=sa.text("points > recovered + written_off"),
    )
