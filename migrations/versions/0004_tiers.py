"""Tiers, whose thresholds ascend, and who reached which when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MUST_ASCEND = """
    CREATE FUNCTION tiers_must_ascend() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM loyalty_tiers a JOIN loyalty_tiers b ON a.id <> b.id
                WHERE a.active AND b.active AND a.position <= b.position AND a.threshold >= b.threshold
            ) THEN
                RAISE EXCEPTION 'tier thresholds must ascend strictly with position' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
"""
ASCENDING = """
    CREATE CONSTRAINT TRIGGER ascending AFTER INSERT OR UPDATE ON loyalty_tiers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tiers_must_ascend()
"""


def upgrade() -> None:
    _create_loyalty_requalifications()
    _create_loyalty_tiers()
    _create_loyalty_tier_changes()
    op.create_foreign_key(
        "fk_loyalty_members_tier_id_loyalty_tiers", "loyalty_members", "loyalty_tiers", ["tier_id"], ["id"]
    )
    op.execute(MUST_ASCEND)
    op.execute(ASCENDING)


def downgrade() -> None:
    op.execute("DROP TRIGGER ascending ON loyalty_tiers")
    op.execute("DROP FUNCTION tiers_must_ascend()")
    op.drop_constraint("fk_loyalty_members_tier_id_loyalty_tiers", "loyalty_members", type_="foreignkey")
    op.drop_table("loyalty_tier_changes")
    op.drop_table("loyalty_tiers")
    op.drop_table("loyalty_requalifications")


def _create_loyalty_requalifications() -> None:
    op.create_table(
        "loyalty_requalifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tier_slug", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected", sa.BigInteger(), nullable=True),
        sa.Column("moved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("moved >= 0 AND expected >= 0", name=op.f("ck_loyalty_requalifications_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loyalty_requalifications")),
    )
    op.create_index(
        "ix_loyalty_requalifications_open",
        "loyalty_requalifications",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def _create_loyalty_tiers() -> None:
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
        "uq_loyalty_tiers_threshold", "loyalty_tiers", ["threshold"], unique=True, postgresql_where=sa.text("active")
    )


def _create_loyalty_tier_changes() -> None:
    op.create_table(
        "loyalty_tier_changes",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_tier_id", sa.Uuid(), nullable=True),
        sa.Column("to_tier_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("lifetime_earned", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_tier_id IS DISTINCT FROM to_tier_id", name=op.f("ck_loyalty_tier_changes_changes")),
        sa.CheckConstraint("reason IN ('reached', 'unearned')", name=op.f("ck_loyalty_tier_changes_reason")),
        sa.CheckConstraint(
            "to_tier_id IS NOT NULL OR reason = 'unearned'", name=op.f("ck_loyalty_tier_changes_to_tier")
        ),
        sa.ForeignKeyConstraint(
            ["from_tier_id"], ["loyalty_tiers.id"], name=op.f("fk_loyalty_tier_changes_from_tier_id_loyalty_tiers")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_tier_changes_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["to_tier_id"], ["loyalty_tiers.id"], name=op.f("fk_loyalty_tier_changes_to_tier_id_loyalty_tiers")
        ),
        sa.PrimaryKeyConstraint("member_id", "id", name=op.f("pk_loyalty_tier_changes")),
    )
