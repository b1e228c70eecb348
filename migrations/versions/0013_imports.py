"""Files of members, and what each row would do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_member_imports()
    _create_member_import_rows()


def downgrade() -> None:
    op.drop_table("member_import_rows")
    op.drop_table("member_imports")


def _create_member_imports() -> None:
    op.create_table(
        "member_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("over_staff", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("announce", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("(status = 'checked') = (confirmed_at IS NULL)", name=op.f("ck_member_imports_confirmed")),
        sa.CheckConstraint(
            "(status IN ('applied', 'refused')) = (finished_at IS NOT NULL)", name=op.f("ck_member_imports_finished")
        ),
        sa.CheckConstraint(
            "status IN ('checked', 'applying', 'applied', 'refused')", name=op.f("ck_member_imports_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_imports")),
    )
    op.create_index("ix_member_imports_created_at", "member_imports", ["created_at"], unique=False)


def _create_member_import_rows() -> None:
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
        sa.Column("birthday", sa.String(), nullable=True),
        sa.Column("marketing_messages", sa.Boolean(), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_key", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("credited_before", sa.Boolean(), nullable=False),
        sa.Column("problems", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'refused') = (cardinality(problems) > 0)", name=op.f("ck_member_import_rows_problems")
        ),
        sa.CheckConstraint(
            "outcome IN ('new', 'updated', 'unchanged', 'refused')", name=op.f("ck_member_import_rows_outcome")
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_member_import_rows_points")),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["member_imports.id"],
            name=op.f("fk_member_import_rows_import_id_member_imports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_member_import_rows")),
    )
    op.create_index(
        "ix_member_import_rows_outcome", "member_import_rows", ["import_id", "outcome", "line"], unique=False
    )
