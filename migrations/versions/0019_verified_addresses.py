"""Addresses are verified, registrations wait for that, and every change of consent is kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAME_WORDS = "array_to_tsvector(array_remove(regexp_split_to_array(lower(\"left\"(name, 200)), '[^[:alnum:]]+'), '') "
WORDS = NAME_WORDS + "|| array_remove(ARRAY[lower(id), lower(email)], NULL))"
WORDS_BEFORE = NAME_WORDS + "|| ARRAY[lower(id), lower(email)])"
SOURCES = "'member_preferences', 'unsubscribe_link', 'registration', 'shop', 'import', 'operator'"
APPEND_ONLY = """
    CREATE FUNCTION refuse_consent_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'consent_changes is append-only';
    END $$;
    CREATE TRIGGER consent_changes_append_only BEFORE UPDATE ON consent_changes
        FOR EACH ROW EXECUTE FUNCTION refuse_consent_change();
"""


def upgrade() -> None:
    _change_users()
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("remembered", postgresql.JSONB(), nullable=False),
        sa.Column("next_page", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], ondelete="CASCADE", name=op.f("fk_registrations_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
    )
    op.create_index(op.f("ix_registrations_user_id"), "registrations", ["user_id"])
    op.create_index(op.f("ix_registrations_created_at"), "registrations", ["created_at"])
    op.create_index("ix_registrations_email", "registrations", ["email", "created_at"])
    op.create_index("ix_registrations_caller", "registrations", ["caller", "created_at"])
    op.create_table(
        "consent_changes",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), server_default="marketing", nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"source IN ({SOURCES})", name=op.f("ck_consent_changes_source")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], ondelete="CASCADE", name=op.f("fk_consent_changes_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_changes")),
    )
    op.create_index("ix_consent_changes_user_id", "consent_changes", ["user_id", "id"])
    op.execute(APPEND_ONLY)


def _change_users() -> None:
    """Whoever is there was made by the shop, an import or an operator, or has signed in so far: they keep what they
    have."""
    op.add_column("users", sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE users SET email_verified_at = created_at")
    op.alter_column("users", "email", nullable=True)
    op.alter_column("users", "email_normalized", nullable=True)
    op.create_check_constraint(
        op.f("ck_users_email_normalized"), "users", "(email IS NULL) = (email_normalized IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_users_email_verified"), "users", "email IS NOT NULL OR email_verified_at IS NULL"
    )
    op.create_index(
        "ix_users_unverified", "users", ["created_at"], postgresql_where=sa.text("email_verified_at IS NULL")
    )
    op.drop_index("ix_users_words", table_name="users")
    op.create_index("ix_users_words", "users", [sa.text(WORDS)], postgresql_using="gin")


def downgrade() -> None:
    op.drop_table("consent_changes")
    op.execute("DROP FUNCTION refuse_consent_change()")
    op.drop_table("registrations")
    op.drop_index("ix_users_words", table_name="users")
    op.drop_index("ix_users_unverified", table_name="users")
    op.drop_constraint(op.f("ck_users_email_verified"), "users")
    op.drop_constraint(op.f("ck_users_email_normalized"), "users")
    op.drop_column("users", "email_verified_at")
    # An address that no mail reaches, for those who have none.
    op.execute("UPDATE users SET email = lower(id) || '@none.invalid' WHERE email IS NULL")
    op.execute("UPDATE users SET email_normalized = email WHERE email_normalized IS NULL")
    op.alter_column("users", "email_normalized", nullable=False)
    op.alter_column("users", "email", nullable=False)
    op.create_index("ix_users_words", "users", [sa.text(WORDS_BEFORE)], postgresql_using="gin")
