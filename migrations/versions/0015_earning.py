"""Earning rules, whose versions nobody changes, what they have granted, and events."""

import json

import sqlalchemy as sa
from alembic import op
from babel.numbers import get_currency_precision
from flask import current_app
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

APPEND_ONLY = """
    CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON loyalty_earning_rule_versions
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER append_only_table BEFORE TRUNCATE ON loyalty_earning_rule_versions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    ALTER TABLE loyalty_earning_rule_versions ENABLE ALWAYS TRIGGER append_only_rows;
    ALTER TABLE loyalty_earning_rule_versions ENABLE ALWAYS TRIGGER append_only_table;
"""


def upgrade() -> None:
    op.create_table(
        "loyalty_earning_rules",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_loyalty_earning_rules_version")),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_loyalty_earning_rules")),
    )
    op.create_table(
        "loyalty_earning_rule_versions",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_loyalty_earning_rule_versions_version")),
        sa.CheckConstraint("jsonb_typeof(terms) = 'object'", name=op.f("ck_loyalty_earning_rule_versions_terms")),
        sa.ForeignKeyConstraint(
            ["slug"],
            ["loyalty_earning_rules.slug"],
            name=op.f("fk_loyalty_earning_rule_versions_slug_loyalty_earning_rules"),
        ),
        sa.PrimaryKeyConstraint("slug", "version", name=op.f("pk_loyalty_earning_rule_versions")),
    )
    op.execute(APPEND_ONLY)
    _begin_with_one_rule()
    _create_loyalty_earning_grants()
    _create_loyalty_earning_entitlements()
    _create_loyalty_earning_totals()
    _create_loyalty_events()


def _begin_with_one_rule() -> None:
    """One point for each unit of the programme's currency, until operators decide otherwise."""
    per_amount = 10 ** get_currency_precision(current_app.config["SETTINGS"].programme_currency)
    terms = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": per_amount}
    op.execute("INSERT INTO loyalty_earning_rules VALUES ('base', 1, now(), now())")
    op.execute(
        sa.text("INSERT INTO loyalty_earning_rule_versions VALUES ('base', 1, CAST(:terms AS jsonb), now(), 'migration')")
        .bindparams(terms=json.dumps(terms))
    )


def _create_loyalty_earning_grants() -> None:
    op.create_table(
        "loyalty_earning_grants",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("episode", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("granted >= 0", name=op.f("ck_loyalty_earning_grants_granted")),
        sa.CheckConstraint(
            "reversed >= 0 AND reversed <= granted", name=op.f("ck_loyalty_earning_grants_reversed")
        ),
        sa.CheckConstraint("jsonb_typeof(facts) = 'object'", name=op.f("ck_loyalty_earning_grants_facts")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_earning_grants_member_id_loyalty_members")
        ),
        sa.ForeignKeyConstraint(
            ["slug", "version"],
            ["loyalty_earning_rule_versions.slug", "loyalty_earning_rule_versions.version"],
            name=op.f("fk_loyalty_earning_grants_slug_version_loyalty_earning_rule_versions"),
        ),
        sa.PrimaryKeyConstraint(
            "member_id", "source", "external_id", "episode", "slug", name=op.f("pk_loyalty_earning_grants")
        ),
    )
    op.create_index("ix_loyalty_earning_grants_window", "loyalty_earning_grants", ["member_id", "slug", "at"])
    op.create_index("ix_loyalty_earning_grants_cause", "loyalty_earning_grants", ["source", "external_id"])
    op.create_index("ix_loyalty_earning_grants_slug", "loyalty_earning_grants", ["slug", "changed_at"])


def _create_loyalty_earning_entitlements() -> None:
    op.create_table(
        "loyalty_earning_entitlements",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["loyalty_members.id"],
            name=op.f("fk_loyalty_earning_entitlements_member_id_loyalty_members"),
        ),
        sa.PrimaryKeyConstraint("member_id", "slug", "period", name=op.f("pk_loyalty_earning_entitlements")),
    )


def _create_loyalty_earning_totals() -> None:
    op.create_table(
        "loyalty_earning_totals",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["slug"], ["loyalty_earning_rules.slug"], name=op.f("fk_loyalty_earning_totals_slug_loyalty_earning_rules")
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_loyalty_earning_totals")),
    )


def _create_loyalty_events() -> None:
    op.create_table(
        "loyalty_events",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["loyalty_members.id"], name=op.f("fk_loyalty_events_member_id_loyalty_members")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_loyalty_events")),
    )


def downgrade() -> None:
    op.drop_table("loyalty_events")
    op.drop_table("loyalty_earning_totals")
    op.drop_table("loyalty_earning_entitlements")
    op.drop_table("loyalty_earning_grants")
    op.drop_table("loyalty_earning_rule_versions")
    op.drop_table("loyalty_earning_rules")
