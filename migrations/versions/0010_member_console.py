"""Find a member by any word, list members by tier and by points earned, and stage imports of members."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORDS = (
    "array_to_tsvector(array_remove(regexp_split_to_array(lower(\"left\"(name, 200)), '[^[:alnum:]]+'), '') "
    "|| ARRAY[lower(id), lower(email)])"
)
# Indexes of the members, each as (name, columns now, columns before, condition).
MEMBERS = (
    ("ix_loyalty_members_lifetime_earned", ["lifetime_earned", "id"], ["lifetime_earned"], None),
    ("ix_loyalty_members_tier_id", ["tier_id", "id"], ["tier_id"], "tier_id IS NOT NULL"),
)


def upgrade() -> None:
    op.create_index("ix_users_words", "users", [sa.text(WORDS)], postgresql_using="gin")
    for name, columns, _, condition in MEMBERS:
        op.drop_index(name, table_name="loyalty_members")
        op.create_index(name, "loyalty_members", columns, postgresql_where=condition and sa.text(condition))
    op.create_index(
        "ix_loyalty_members_suspended", "loyalty_members", ["id"], postgresql_where=sa.text("status = 'suspended'")
    )
    op.create_table(
        "member_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("over_staff", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("announce", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('checked', 'applying', 'applied', 'refused')", name=op.f("ck_member_imports_status")
        ),
        sa.CheckConstraint(
            "(status = 'checked') = (confirmed_at IS NULL)", name=op.f("ck_member_imports_confirmed")
        ),
        sa.CheckConstraint(
            "(status IN ('applied', 'refused')) = (finished_at IS NOT NULL)", name=op.f("ck_member_imports_finished")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_imports")),
    )
    op.create_index("ix_member_imports_created_at", "member_imports", ["created_at"])
    op.create_table(
        "member_import_rows",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_normalized", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("phone_number", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("marketing_messages", sa.Boolean(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_key", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("credited_before", sa.Boolean(), nullable=False),
        sa.Column("problems", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_member_import_rows_points")),
        sa.CheckConstraint(
            "outcome IN ('new', 'updated', 'unchanged', 'refused')", name=op.f("ck_member_import_rows_outcome")
        ),
        sa.CheckConstraint(
            "(outcome = 'refused') = (cardinality(problems) > 0)", name=op.f("ck_member_import_rows_problems")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["member_imports.id"], ondelete="CASCADE",
            name=op.f("fk_member_import_rows_import_id_member_imports"),
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_member_import_rows")),
    )
    op.create_index("ix_member_import_rows_outcome", "member_import_rows", ["import_id", "outcome", "line"])


def downgrade() -> None:
    op.drop_table("member_import_rows")
    op.drop_table("member_imports")
    op.drop_index("ix_loyalty_members_suspended", table_name="loyalty_members")
    for name, _, columns, condition in MEMBERS:
        op.drop_index(name, table_name="loyalty_members")
        op.create_index(name, "loyalty_members", columns, postgresql_where=condition and sa.text(condition))
    op.drop_index("ix_users_words", table_name="users")
