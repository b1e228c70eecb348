"""Earning rules, whose versions nobody changes."""

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


def _begin_with_one_rule() -> None:
    """One point for each unit of the programme's currency, until operators decide otherwise."""
    per_amount = 10 ** get_currency_precision(current_app.config["SETTINGS"].programme_currency)
    terms = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": per_amount}
    op.execute("INSERT INTO loyalty_earning_rules VALUES ('base', 1, now(), now())")
    op.execute(
        sa.text("INSERT INTO loyalty_earning_rule_versions VALUES ('base', 1, CAST(:terms AS jsonb), now(), 'migration')")
        .bindparams(terms=json.dumps(terms))
    )


def downgrade() -> None:
    op.drop_table("loyalty_earning_rule_versions")
    op.drop_table("loyalty_earning_rules")
